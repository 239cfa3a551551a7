package dns

import (
	"strings"

	miekg "github.com/miekg/dns"
)

// maxAliases bounds a chain of CNAME records, in a zone and in a walk.
const maxAliases = 10

// lookup is one question being answered from a zone (RFC 1034 §4.3.2).
type lookup struct {
	z     *Zone
	reply *miekg.Msg
	do    bool // the asker wants signatures
	turns bool // records were put in turn: the next reply differs
}

// answer fills reply with what the zone says about name and t. It reports whether
// the next reply to the same question will be the same.
func (z *Zone) answer(reply *miekg.Msg, name string, t Type, do bool) (fixed bool) {
	l := &lookup{z: z, reply: reply, do: do}
	reply.Authoritative = true
	for range maxAliases {
		next := l.step(name, t)
		if next == "" || !Below(z.origin, next) {
			break
		}
		name = next
	}
	l.addresses()
	return !l.turns
}

// step answers for one name and returns the alias to go on with, "" if done.
func (l *lookup) step(name string, t Type) (alias string) {
	if cut := l.z.Cut(name); cut != "" && (t != TypeDS || cut != name) { // DS lives above the cut, RFC 4035 §3.1.4.1
		if len(l.reply.Answer) == 0 {
			l.refer(cut)
		}
		return ""
	}
	if owner := l.z.dname(name); owner != "" {
		return l.substitute(owner, name, t)
	}
	if n := l.z.nodes[name]; n != nil {
		return l.fromNode(n, name, name, t)
	}
	encloser := l.encloser(name)
	wild := "*." + strings.TrimPrefix(encloser, ".")
	if n := l.z.nodes[wild]; n != nil { // RFC 4592 §3.3
		alias = l.fromNode(n, name, wild, t)
		l.deny(name)
		return alias
	}
	l.reply.Rcode = miekg.RcodeNameError
	l.negative()
	l.deny(name)
	l.deny(wild)
	return ""
}

// encloser is the longest existing name above name.
func (l *lookup) encloser(name string) string {
	for name = Parent(name); l.z.nodes[name] == nil; {
		name = Parent(name)
	}
	return name
}

// fromNode answers from n, found at owner, as the data of name.
func (l *lookup) fromNode(n *node, name, owner string, t Type) (alias string) {
	if t == TypeANY {
		return l.everything(n, name)
	}
	if s := n.set(t); s != nil {
		l.reply.Answer = l.put(l.reply.Answer, s, name)
		return ""
	}
	if s := n.set(TypeCNAME); s != nil {
		l.reply.Answer = l.put(l.reply.Answer, s, name)
		return Canonical(targetOf(s.rrs[0]))
	}
	l.negative()
	if l.do && n.set(TypeNSEC) != nil {
		l.reply.Ns = l.put(l.reply.Ns, n.set(TypeNSEC), owner)
	} else {
		l.deny(owner) // an empty non-terminal has no NSEC of its own
	}
	return ""
}

// everything answers ANY with all that the name owns.
func (l *lookup) everything(n *node, name string) string {
	for _, s := range n.sets {
		l.reply.Answer = l.put(l.reply.Answer, s, name)
	}
	if len(n.sets) == 0 {
		l.negative()
	}
	return ""
}

// put appends a set to a section, in turn, with signatures if wanted, owned by
// name (which differs from the set's owner for wildcards, RFC 1034 §4.3.3).
func (l *lookup) put(section []miekg.RR, s *rrset, name string) []miekg.RR {
	first := 0
	if len(s.rrs) > 1 && (s.typ == TypeA || s.typ == TypeAAAA) {
		l.turns = true
		first = int(s.turn.Add(1)-1) % len(s.rrs)
	}
	for i := range s.rrs {
		section = append(section, named(s.rrs[(first+i)%len(s.rrs)], name))
	}
	if l.do {
		for _, sig := range s.sigs {
			section = append(section, named(sig, name))
		}
	}
	return section
}

func named(rr miekg.RR, name string) miekg.RR {
	if rr.Header().Name == name {
		return rr
	}
	rr = miekg.Copy(rr)
	rr.Header().Name = name
	return rr
}

// refer names the servers of the delegation cut, with their addresses.
func (l *lookup) refer(cut string) {
	n := l.z.nodes[cut]
	l.reply.Authoritative = false
	l.reply.Ns = append(l.reply.Ns, n.set(TypeNS).rrs...)
	if !l.do {
		return
	}
	if ds := n.set(TypeDS); ds != nil { // RFC 4035 §3.1.4
		l.reply.Ns = l.put(l.reply.Ns, ds, cut)
	} else if s := n.set(TypeNSEC); s != nil {
		l.reply.Ns = l.put(l.reply.Ns, s, cut)
	}
}

// negative adds the SOA record whose TTL says how long "no" may be kept (RFC
// 2308 §3).
func (l *lookup) negative() {
	s := l.z.nodes[l.z.origin].set(TypeSOA)
	soa := l.z.soa()
	ttl := min(soa.Hdr.Ttl, soa.Minttl)
	at := len(l.reply.Ns)
	l.reply.Ns = l.put(l.reply.Ns, s, l.z.origin)
	for i := at; i < len(l.reply.Ns); i++ {
		if l.reply.Ns[i].Header().Ttl > ttl {
			l.reply.Ns[i] = miekg.Copy(l.reply.Ns[i])
			l.reply.Ns[i].Header().Ttl = ttl
		}
	}
}

// deny adds the NSEC record that proves that name does not exist (RFC 4035
// §3.1.3.2), once.
func (l *lookup) deny(name string) {
	if !l.do || len(l.z.order) == 0 {
		return
	}
	owner := l.z.before(name)
	for _, rr := range l.reply.Ns {
		if typeOf(rr) == TypeNSEC && rr.Header().Name == owner {
			return
		}
	}
	l.reply.Ns = l.put(l.reply.Ns, l.z.nodes[owner].set(TypeNSEC), owner)
}

// before is the last owner of an NSEC record that sorts before name, or is name.
func (z *Zone) before(name string) string {
	lo, hi := 0, len(z.order)
	for lo < hi {
		mid := (lo + hi) / 2
		if CompareNames(z.order[mid], name) <= 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return z.order[(lo+len(z.order)-1)%len(z.order)]
}

// addresses adds what the zone knows about the hosts that MX, NS and SRV records
// in the reply name: glue in a referral, help in an answer.
func (l *lookup) addresses() {
	var done []string
	sections := [2][]miekg.RR{l.reply.Answer, l.reply.Ns}
	for _, section := range sections {
		for _, rr := range section {
			switch typeOf(rr) {
			case TypeNS, TypeMX, TypeSRV:
				host := Canonical(targetOf(rr))
				if !contains(done, host) {
					done = append(done, host)
					l.address(host)
				}
			}
		}
	}
}

func (l *lookup) address(host string) {
	n := l.z.nodes[host]
	if n == nil || !Below(l.z.origin, host) {
		return
	}
	glue := l.z.Cut(host) != ""
	if glue && l.reply.Authoritative && len(l.reply.Answer) > 0 && typeOf(l.reply.Answer[0]) != TypeNS {
		return // below a cut: not ours to say outside a referral
	}
	for _, t := range [2]Type{TypeA, TypeAAAA} {
		if s := n.set(t); s != nil {
			l.reply.Extra = l.put(l.reply.Extra, s, host)
		}
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
