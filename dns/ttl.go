package dns

import (
	"fmt"

	miekg "github.com/miekg/dns"
)

// TTL is for how many seconds what a reply says may be kept: the smallest TTL of
// the answer, else that of the name servers it refers to, else the negative TTL
// (RFC 2308 §5). Signatures and digests of keys do not count. ok is false when the reply says nothing that could be kept.
func (m *Message) TTL() (seconds uint32, ok bool) {
	section := m.m.Answer
	if len(section) == 0 {
		section = m.m.Ns
	}
	for _, rr := range section {
		ttl := rr.Header().Ttl
		switch rr := rr.(type) {
		case *miekg.RRSIG, *miekg.NSEC, *miekg.NSEC3, *miekg.DS:
			continue
		case *miekg.SOA:
			ttl = min(ttl, rr.Minttl)
		}
		if !ok || ttl < seconds {
			seconds, ok = ttl, true
		}
	}
	return seconds, ok
}

// said is what a reply says, in one line, and for how long it holds.
func (m *Message) said() string {
	if ttl, ok := m.TTL(); ok {
		return fmt.Sprintf("%s, TTL %d", m.Line(), ttl)
	}
	return m.Line()
}
