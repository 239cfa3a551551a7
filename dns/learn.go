package dns

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"glassmail/trace"

	miekg "github.com/miekg/dns"
)

// refer takes the delegation out of a reply that is one and keeps it; nil if the
// reply is an answer. Only names of the zone that was asked are believed: glue
// from elsewhere is dropped (bailiwick).
func (w *walk) refer(in *Reply, from target, d *delegation, name string, nested int) *delegation {
	cut := in.referral()
	if cut == "" || w.s.Mode != Iterate {
		return nil
	}
	next := &delegation{zone: cut, from: netip.AddrPortFrom(from.addr, w.r.o.Port)}
	var ns []miekg.RR
	for _, rr := range in.m.Ns {
		if x, ok := rr.(*miekg.NS); ok && Canonical(x.Hdr.Name) == cut {
			host := Canonical(x.Ns)
			ns = append(ns, rr)
			next.servers = append(next.servers, NameServer{Name: host, Addrs: glue(in.m.Extra, host, d.zone)})
		}
	}
	w.r.cache.putCut(next, ttlOf(ns))
	w.learnDS(in, next.from, d.zone, cut)
	w.note(trace.Referral, fmt.Sprintf("%s (%s) does not know %s: it names the servers of %s: %s", from.name, from.addr, name, cut, strings.Join(next.text(), ", ")))
	return next
}

// glue is the addresses of host among records, if host is in the bailiwick.
func glue(extra []miekg.RR, host, zone string) []netip.Addr {
	if !Below(zone, host) {
		return nil
	}
	var out []netip.Addr
	for _, rr := range extra {
		if a, ok := addrOf(rr); ok && Canonical(rr.Header().Name) == host && len(out) < maxServers {
			out = append(out, a)
		}
	}
	return out
}

// learnDS keeps what a referral says about the key of the zone below: a DS
// record, or the proof that there is none.
func (w *walk) learnDS(in *Reply, from netip.AddrPort, zone, cut string) {
	rrs, sigs := pick(in.m.Ns, cut, TypeDS)
	e := &entry{key: key{cut, TypeDS}, rrs: rrs, sigs: sigs, zone: zone, from: from}
	ttl := ttlOf(rrs, sigs)
	if len(rrs) == 0 {
		e.proof = proofs(in.m.Ns, zone)
		if len(e.proof) == 0 {
			return
		}
		ttl = ttlOf(e.proof)
	}
	w.seen[e.key] = e
	w.r.cache.put(e, ttl)
}

// learn keeps what a server with authority over zone said about k, and returns
// what it said about the name itself.
func (w *walk) learn(in *Reply, from netip.AddrPort, zone string, k key) *entry {
	proof := proofs(in.m.Ns, zone)
	var first *entry
	name := k.name
	for range maxAliases {
		e := w.takeSet(in.m.Answer, key{name, k.typ}, zone)
		if e == nil {
			e = w.negative(in, key{name, k.typ}, zone, proof)
		}
		e.from = from
		if e.dname != nil {
			e.dname.from = from
		}
		w.keep(e, proof)
		if first == nil {
			first = e
		}
		if e.typ != TypeCNAME || k.typ == TypeCNAME {
			break
		}
		name = Canonical(targetOf(e.rrs[0]))
		if !Below(zone, name) || w.seen[key{name, k.typ}] != nil {
			break // somebody else's name, or known: the walk goes on from there
		}
		if rrs, _ := pick(in.m.Answer, name, k.typ); len(rrs) == 0 && in.m.Rcode == miekg.RcodeSuccess && len(soaOf(in.m.Ns, zone, name)) == 0 {
			if c, _ := pick(in.m.Answer, name, TypeCNAME); len(c) == 0 {
				break // the server left the rest of the chain to us
			}
		}
	}
	return first
}

// takeSet takes the records of k out of an answer section, or the alias in their
// place; nil if there are none.
func (w *walk) takeSet(answer []miekg.RR, k key, zone string) *entry {
	if !Below(zone, k.name) {
		return nil
	}
	if k.typ == TypeANY {
		return takeAll(answer, k, zone)
	}
	if e := takeDNAME(answer, k.name, zone); e != nil {
		return e
	}
	for _, t := range [2]Type{k.typ, TypeCNAME} {
		if rrs, sigs := pick(answer, k.name, t); len(rrs) > 0 {
			if t == TypeCNAME {
				rrs = rrs[:1]
			}
			return &entry{key: key{k.name, t}, rrs: rrs, sigs: sigs, zone: zone}
		}
	}
	return nil
}

func takeAll(answer []miekg.RR, k key, zone string) *entry {
	e := &entry{key: k, zone: zone}
	for _, rr := range answer {
		if Canonical(rr.Header().Name) == k.name {
			e.rrs = append(e.rrs, rr)
		}
	}
	if len(e.rrs) == 0 {
		return nil
	}
	return e
}

// negative is the entry for a name or record that does not exist.
func (w *walk) negative(in *Reply, k key, zone string, proof []miekg.RR) *entry {
	e := &entry{key: k, zone: zone, proof: proof}
	if in.m.Rcode == miekg.RcodeNameError {
		e.typ, e.code = 0, NameError
	}
	return e
}

// keep puts e where it may be found again.
func (w *walk) keep(e *entry, proof []miekg.RR) {
	w.seen[e.key] = e
	if e.dname != nil {
		w.keep(e.dname, nil)
	}
	if len(e.rrs) > 0 {
		if expandedWildcard(e) {
			e.proof = proof
		}
		w.r.cache.put(e, ttlOf(e.rrs, e.sigs))
		return
	}
	soa := soaOf(proof, e.zone, e.name)
	if len(soa) == 0 {
		return // nothing says how long "no" holds (RFC 2308 §5)
	}
	x, _ := soa[0].(*miekg.SOA)
	w.r.cache.put(e, min(ttlOf(soa), ttlOf([]miekg.RR{&miekg.SOA{Hdr: miekg.RR_Header{Ttl: x.Minttl}}})))
}

// expandedWildcard reports whether the records were made from a wildcard: their
// signature has fewer labels than their owner (RFC 4035 §5.3.4). A first label that is
// an asterisk does not count, so that the wildcard itself was not (RFC 4034 §3.1.3).
func expandedWildcard(e *entry) bool {
	owner := Labels(strings.TrimPrefix(e.name, "*."))
	for _, rr := range e.sigs {
		if sig, ok := rr.(*miekg.RRSIG); ok && int(sig.Labels) < owner {
			return true
		}
	}
	return false
}

// pick takes the records of a name and type and the signatures over them. The
// owner's case is not part of the name.
func pick(section []miekg.RR, name string, t Type) (rrs, sigs []miekg.RR) {
	for _, rr := range section {
		if Canonical(rr.Header().Name) != name {
			continue
		}
		if sig, ok := rr.(*miekg.RRSIG); ok && t != TypeRRSIG {
			if Type(sig.TypeCovered) == t {
				sigs = append(sigs, rr)
			}
		} else if typeOf(rr) == t {
			rrs = append(rrs, rr)
		}
	}
	return rrs, sigs
}

// proofs is the SOA and NSEC records of a section with their signatures, as far
// as they belong to zone.
func proofs(section []miekg.RR, zone string) []miekg.RR {
	var out []miekg.RR
	for _, rr := range section {
		t := typeOf(rr)
		if sig, ok := rr.(*miekg.RRSIG); ok {
			t = Type(sig.TypeCovered)
		}
		if (t == TypeSOA || t == TypeNSEC || t == TypeNSEC3) && Below(zone, Canonical(rr.Header().Name)) {
			out = append(out, rr)
		}
	}
	return out
}

const TypeNSEC3 = Type(miekg.TypeNSEC3)

// soaOf is the SOA record in a section that stands above name, inside zone.
func soaOf(section []miekg.RR, zone, name string) []miekg.RR {
	for _, rr := range section {
		if owner := Canonical(rr.Header().Name); typeOf(rr) == TypeSOA && Below(zone, owner) && Below(owner, name) {
			return []miekg.RR{rr}
		}
	}
	return nil
}

// message makes the reply of a recursive server out of what was found.
func (w *walk) message(name string, t Type, found []*entry) *Message {
	m := NewMessage(Query{Name: name, Type: t, RecursionDesired: true})
	m.m.Response, m.m.RecursionAvailable, m.m.AuthenticatedData = true, true, w.secure
	w.fill(&m.m, found, false)
	return m
}

// left is what a reply may say about how long e may be kept. What the cache held
// counts the second that has begun as gone. What was learned for this very reply
// does not, so that it is handed on with the TTL that it came with.
func (w *walk) left(e *entry, now time.Time) time.Duration {
	left := e.expires.Sub(now)
	if w.seen[e.key] == e {
		left += time.Second - 1
	}
	return left.Truncate(time.Second)
}

// fill writes entries into a reply, with the TTLs that are left.
func (w *walk) fill(m *miekg.Msg, found []*entry, signatures bool) {
	now := w.r.o.Host.Clock().Now()
	for _, e := range found {
		left := w.left(e, now)
		if e.dname != nil {
			m.Answer = aged(m.Answer, e.dname.rrs, left)
			if signatures {
				m.Answer = aged(m.Answer, e.dname.sigs, left)
			}
		}
		m.Answer = aged(m.Answer, e.rrs, left)
		if signatures {
			m.Answer = aged(m.Answer, e.sigs, left)
			m.Ns = aged(m.Ns, e.proof, left)
		} else if len(e.rrs) == 0 {
			m.Ns = aged(m.Ns, soaOf(e.proof, e.zone, e.name), left)
		}
	}
	m.Rcode = int(found[len(found)-1].code)
}
