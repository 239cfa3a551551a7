package dns

import (
	"fmt"
	"net/netip"
	"strings"

	miekg "github.com/miekg/dns"
)

// Record is one resource record: the lecture's (name, value, type, ttl). The
// zero Record is empty; records are values and never change.
type Record struct {
	rr miekg.RR
}

// ParseRecord reads one line of master text (RFC 1035 §5.1), such as
// "hamburger.edu. 3600 IN MX 10 mail.hamburger.edu.". Names without a final dot
// are taken from the root.
func ParseRecord(line string) (Record, error) {
	rr, err := miekg.NewRR(line)
	if err != nil {
		return Record{}, fmt.Errorf("record %q: %w", line, err)
	}
	if rr == nil || empty(rr) {
		return Record{}, fmt.Errorf("record %q: no data", line)
	}
	if rr, err = plain(rr); err != nil {
		return Record{}, fmt.Errorf("record %q: %w", line, err)
	}
	return Record{rr}, nil
}

// empty reports whether a record of master text had no data after its type,
// which the parser lets pass for the sake of updates.
func empty(rr miekg.RR) bool {
	zero := miekg.TypeToRR[rr.Header().Rrtype]
	if zero == nil {
		return (Record{rr}).Data() == ""
	}
	z := zero()
	*z.Header() = *rr.Header()
	return miekg.IsDuplicate(z, rr)
}

// Name is the owner of the record, with its final dot.
func (r Record) Name() string { return r.rr.Header().Name }

// Type is the type of the record.
func (r Record) Type() Type { return Type(r.rr.Header().Rrtype) }

// Class is the mnemonic of the class, IN for all usual records.
func (r Record) Class() string { return ClassText(r.rr.Header().Class) }

// TTL is how long the record may be kept, in seconds.
func (r Record) TTL() uint32 { return r.rr.Header().Ttl }

// Data is the value in presentation form: "10 mail.hamburger.edu.".
func (r Record) Data() string { return strings.TrimPrefix(r.rr.String(), r.rr.Header().String()) }

// String is the record as a line of master text, fields separated by tabs.
func (r Record) String() string {
	if r.rr == nil {
		return ""
	}
	return r.rr.String()
}

// Addr is the address of an A or AAAA record.
func (r Record) Addr() (netip.Addr, bool) { return addrOf(r.rr) }

// Target is the name to which an NS, CNAME, PTR, MX, SRV or DNAME record points.
func (r Record) Target() (string, bool) {
	t := targetOf(r.rr)
	return t, t != ""
}

// Preference is that of an MX record; smaller is better.
func (r Record) Preference() (uint16, bool) {
	if mx, ok := r.rr.(*miekg.MX); ok {
		return mx.Preference, true
	}
	return 0, false
}

// Text is the strings of a TXT record, each at most 255 bytes, unescaped.
func (r Record) Text() ([]string, bool) {
	t, ok := r.rr.(*miekg.TXT)
	if !ok {
		return nil, false
	}
	out := make([]string, len(t.Txt))
	for i, s := range t.Txt {
		out[i] = rawLabel(s)
	}
	return out, true
}

func header(name string, t Type, ttl uint32) miekg.RR_Header {
	return miekg.RR_Header{Name: name, Rrtype: uint16(t), Class: miekg.ClassINET, Ttl: ttl}
}

// AddressRecord is an A or AAAA record.
func AddressRecord(name string, a netip.Addr, ttl uint32) Record {
	if a = a.Unmap(); a.Is4() {
		return Record{&miekg.A{Hdr: header(name, TypeA, ttl), A: a.AsSlice()}}
	}
	return Record{&miekg.AAAA{Hdr: header(name, TypeAAAA, ttl), AAAA: a.AsSlice()}}
}

// NSRecord names a server of a zone.
func NSRecord(zone, server string, ttl uint32) Record {
	return Record{&miekg.NS{Hdr: header(zone, TypeNS, ttl), Ns: server}}
}

// PTRRecord names the host that has an address.
func PTRRecord(a netip.Addr, host string, ttl uint32) Record {
	return Record{&miekg.PTR{Hdr: header(ReverseName(a), TypePTR, ttl), Ptr: host}}
}

func addrOf(rr miekg.RR) (netip.Addr, bool) {
	var ip []byte
	switch x := rr.(type) {
	case *miekg.A:
		ip = x.A.To4()
	case *miekg.AAAA:
		ip = x.AAAA.To16()
	}
	return netip.AddrFromSlice(ip)
}

func targetOf(rr miekg.RR) string {
	switch x := rr.(type) {
	case *miekg.NS:
		return x.Ns
	case *miekg.CNAME:
		return x.Target
	case *miekg.PTR:
		return x.Ptr
	case *miekg.MX:
		return x.Mx
	case *miekg.SRV:
		return x.Target
	case *miekg.DNAME:
		return x.Target
	}
	return ""
}

// typeOf is the type of a record.
func typeOf(rr miekg.RR) Type { return Type(rr.Header().Rrtype) }

func records(rrs []miekg.RR) []Record {
	out := make([]Record, 0, len(rrs))
	for _, rr := range rrs {
		if rr.Header().Rrtype != miekg.TypeOPT {
			out = append(out, Record{rr})
		}
	}
	return out
}
