package dns

import (
	miekg "github.com/miekg/dns"
)

// dname is the owner of a DNAME record above name, "" if there is none: that name
// is an alias without a record of its own (RFC 6672 §2.3).
func (z *Zone) dname(name string) string {
	if !z.dnames {
		return ""
	}
	for name != z.origin {
		name = Parent(name)
		if n := z.nodes[name]; n != nil && n.set(TypeDNAME) != nil {
			return name
		}
	}
	return ""
}

// substitute answers for a name below a DNAME record with that record and the
// alias it makes (RFC 6672 §3.1).
func (l *lookup) substitute(owner, name string, t Type) (alias string) {
	s := l.z.nodes[owner].set(TypeDNAME)
	l.reply.Answer = l.put(l.reply.Answer, s, owner)
	c := aliasOf(name, s.rrs[0])
	if c == nil {
		l.reply.Rcode = miekg.RcodeYXDomain // RFC 6672 §2.2: the new name is too long
		return ""
	}
	l.reply.Answer = append(l.reply.Answer, c)
	if t == TypeCNAME || t == TypeANY {
		return ""
	}
	return Canonical(c.Target)
}

// aliasOf is the CNAME record that a DNAME record makes for a name below it, with
// the same TTL; nil if the new name is too long.
func aliasOf(name string, dname miekg.RR) *miekg.CNAME {
	owner, target := Canonical(dname.Header().Name), Canonical(targetOf(dname))
	front := name
	if owner != "." {
		front = name[:len(name)-len(owner)]
	}
	to := front + TrimRoot(target)
	if _, ok := miekg.IsDomainName(to); !ok {
		return nil
	}
	return &miekg.CNAME{Hdr: header(name, TypeCNAME, dname.Header().Ttl), Target: to}
}

// takeDNAME takes a DNAME record above name out of an answer, as the alias that it
// makes. The CNAME record that servers send beside it is not signed and not
// looked at.
func takeDNAME(answer []miekg.RR, name, zone string) *entry {
	for _, rr := range answer {
		owner := Canonical(rr.Header().Name)
		if typeOf(rr) != TypeDNAME || owner == name || !Below(owner, name) || !Below(zone, owner) {
			continue
		}
		rrs, sigs := pick(answer, owner, TypeDNAME)
		return aliasEntry(name, &entry{key: key{owner, TypeDNAME}, rrs: rrs[:1], sigs: sigs, zone: zone})
	}
	return nil
}

// aliasEntry is the alias that d makes for name; nil if it would be too long.
func aliasEntry(name string, d *entry) *entry {
	c := aliasOf(name, d.rrs[0])
	if c == nil {
		return nil
	}
	return &entry{key: key{name, TypeCNAME}, rrs: []miekg.RR{c}, zone: d.zone, from: d.from, expires: d.expires, dname: d}
}

// recallDNAME is the alias that a known DNAME record above name makes for it.
func (w *walk) recallDNAME(name string) *entry {
	if !w.r.cache.dnames.Load() {
		return nil
	}
	for p := name; p != "."; {
		p = Parent(p)
		if d := w.r.cache.get(p, TypeDNAME); d != nil && d.typ == TypeDNAME && len(d.rrs) > 0 {
			return aliasEntry(name, d)
		}
	}
	return nil
}

// opts counts the OPT records of a message, of which there may be one.
func (m *Message) opts() int {
	n := 0
	for _, section := range [3][]miekg.RR{m.m.Answer, m.m.Ns, m.m.Extra} {
		for _, rr := range section {
			if rr.Header().Rrtype == miekg.TypeOPT {
				n++
			}
		}
	}
	return n
}
