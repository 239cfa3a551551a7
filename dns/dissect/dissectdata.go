package dissect

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"unicode/utf8"

	"glassmail/dns"

	miekg "github.com/miekg/dns"
)

// rdata explains the data of a record, which ends before end.
func (d *dissector) rdata(t dns.Type, end int) bool {
	ok := true
	for _, p := range rdataParts(t) {
		if d.at >= end {
			break
		}
		if ok = d.part(p, end); !ok {
			break
		}
	}
	if !ok || d.at > end {
		return d.fail("the data of the %s record goes beyond its length", t)
	}
	if d.at < end {
		d.field(end-d.at, "RDATA", hexOf(d.b[d.at:end]), "data of the record")
	}
	return true
}

// part is one piece of the data of a record.
type part struct {
	kind    byte // n a name, a an address of 4 bytes, A of 16, 1 2 4 a number of that many bytes, t a date, s strings to the end, x the rest
	name    string
	meaning string
}

func rdataParts(t dns.Type) []part {
	switch t {
	case dns.TypeA:
		return []part{{'a', "ADDRESS", "IPv4 address"}}
	case dns.TypeAAAA:
		return []part{{'A', "ADDRESS", "IPv6 address"}}
	case dns.TypeNS:
		return []part{{'n', "NSDNAME", "name of the name server"}}
	case dns.TypeCNAME:
		return []part{{'n', "CNAME", "the canonical name"}}
	case dns.TypePTR:
		return []part{{'n', "PTRDNAME", "the name"}}
	case dns.TypeMX:
		return []part{{'2', "PREFERENCE", "smaller is tried first"}, {'n', "EXCHANGE", "name of the mail host"}}
	case dns.TypeTXT:
		return []part{{'s', "TXT-DATA", "text"}}
	case dns.TypeSOA:
		return []part{{'n', "MNAME", "the first name server"}, {'n', "RNAME", "mailbox of who is responsible"},
			{'4', "SERIAL", "version of the zone"}, {'4', "REFRESH", "seconds between checks by secondaries"},
			{'4', "RETRY", "seconds until the next try"}, {'4', "EXPIRE", "seconds until secondaries give up"},
			{'4', "MINIMUM", "seconds for which \"no\" may be kept"}}
	case dns.TypeSRV:
		return []part{{'2', "PRIORITY", "smaller is tried first"}, {'2', "WEIGHT", "share among equals"}, {'2', "PORT", "of the service"}, {'n', "TARGET", "name of the host"}}
	case dns.TypeDS:
		return []part{{'2', "KEY TAG", "number of the key"}, {'1', "ALGORITHM", "of the key"}, {'1', "DIGEST TYPE", "2 is SHA-256"}, {'x', "DIGEST", "of the key"}}
	case dns.TypeDNSKEY:
		return []part{{'2', "FLAGS", "256 a zone key, 257 one that the zone above vouches for"}, {'1', "PROTOCOL", "always 3"}, {'1', "ALGORITHM", "of the key"}, {'x', "PUBLIC KEY", "the key"}}
	case dns.TypeRRSIG:
		return []part{{'2', "TYPE COVERED", "type of the signed records"}, {'1', "ALGORITHM", "of the signature"}, {'1', "LABELS", "labels of the owner, without a wildcard"},
			{'4', "ORIGINAL TTL", "TTL in the zone"}, {'t', "EXPIRATION", "holds until"}, {'t', "INCEPTION", "holds from"},
			{'2', "KEY TAG", "number of the key"}, {'n', "SIGNER'S NAME", "zone of the key"}, {'x', "SIGNATURE", "the signature"}}
	case dns.TypeNSEC:
		return []part{{'n', "NEXT NAME", "no name lies between the owner and this one"}, {'x', "TYPE BIT MAPS", "types that the owner has"}}
	}
	return nil
}

// part explains one piece that must end at or before end.
func (d *dissector) part(p part, end int) bool {
	size := map[byte]int{'a': 4, 'A': 16, '1': 1, '2': 2, '4': 4, 't': 4}[p.kind]
	if d.at+size > end {
		return false
	}
	v := d.b[d.at : d.at+size]
	switch p.kind {
	case 'n':
		return d.name(p.name, p.meaning) && d.at <= end
	case 'a', 'A':
		a, _ := netip.AddrFromSlice(v)
		d.field(size, p.name, a.String(), p.meaning)
	case '1', '2', '4':
		n := 0
		for _, c := range v {
			n = n<<8 | int(c)
		}
		d.field(size, p.name, strconv.Itoa(n), p.meaning)
	case 't':
		d.field(size, p.name, miekg.TimeToString(binary.BigEndian.Uint32(v)), p.meaning)
	case 's':
		return d.texts(p, end)
	case 'x':
		d.field(end-d.at, p.name, hexOf(d.b[d.at:end]), p.meaning)
	}
	return true
}

// texts explains strings with a length byte each (RFC 1035 §3.3.14).
func (d *dissector) texts(p part, end int) bool {
	for d.at < end {
		n := int(d.b[d.at])
		if d.at+1+n > end {
			return false
		}
		s := string(d.b[d.at+1 : d.at+1+n])
		if !utf8.ValidString(s) {
			s = strconv.Quote(s)
		}
		d.field(1+n, p.name, s, fmt.Sprintf("a length byte (%d) and %s", n, p.meaning))
	}
	return true
}

func typeMeaning(t dns.Type) string {
	switch t {
	case dns.TypeA:
		return "an IPv4 address"
	case dns.TypeAAAA:
		return "an IPv6 address"
	case dns.TypeNS:
		return "a name server of the zone"
	case dns.TypeCNAME:
		return "the canonical name behind an alias"
	case dns.TypeSOA:
		return "start of authority: the zone's own data"
	case dns.TypePTR:
		return "the name of an address"
	case dns.TypeMX:
		return "a mail host of the domain"
	case dns.TypeTXT:
		return "text"
	case dns.TypeOPT:
		return "EDNS: what the sender can take"
	case dns.TypeDS:
		return "digest of the key of the zone below"
	case dns.TypeRRSIG:
		return "a signature over records"
	case dns.TypeNSEC:
		return "the next existing name: proof of what does not exist"
	case dns.TypeDNSKEY:
		return "a key of the zone"
	case dns.TypeANY:
		return "all types"
	}
	return "record type " + strconv.Itoa(int(t))
}
