package dns

import (
	"context"
	"errors"
	"net/netip"
	"strings"

	"glassmail/trace"

	miekg "github.com/miekg/dns"
)

// Recursive is the handler of a local name server: it searches on behalf of
// clients that ask it to (RD), and answers what its resolver's cache holds.
type Recursive struct {
	r     *Resolver
	allow func(netip.Addr) bool
}

// NewRecursive serves r to the clients for which allow returns true; nil serves
// everybody, which only a server on loopback or inside a lab should do (RFC 5358).
func NewRecursive(r *Resolver, allow func(netip.Addr) bool) *Recursive {
	return &Recursive{r: r, allow: allow}
}

// Answer returns the reply to q, SERVFAIL if the search fails.
func (s *Recursive) Answer(ctx context.Context, q *Request) *Message {
	if m, done := s.refuse(q); done {
		return m
	}
	m, name, t := s.begin(q)
	w, found, err := s.r.walk(trace.WithCause(ctx, q.Cause), name, t, !q.m.CheckingDisabled)
	if err != nil {
		m.m.Rcode = int(ServerFailure)
		m.explain(err)
		return m
	}
	s.finish(m, q, w, found)
	return m
}

// AnswerNow answers from the cache.
func (s *Recursive) AnswerNow(q *Request) (*Message, bool) {
	if m, done := s.refuse(q); done {
		return m, true
	}
	m, name, t := s.begin(q)
	home := s.r.packed()
	w := &walk{r: s.r, s: s.r.switches.Load(), cause: q.Cause}
	found, ok := w.ready(Canonical(name), t, !q.m.CheckingDisabled)
	if !ok {
		if !q.m.RecursionDesired { // not asked to search: what is here, nothing more
			return m, true
		}
		return nil, false
	}
	if s.r.o.Trace != nil {
		w.cacheHit(Canonical(name), t, found)
	} else {
		m.mark(home, found, s.r.o.Host.Clock().Now())
	}
	s.finish(m, q, w, found)
	return m, true
}

// refuse handles the queries that are not searched for.
func (s *Recursive) refuse(q *Request) (*Message, bool) {
	if m, done := q.refuseOdd(); done {
		return m, true
	}
	t := Type(q.m.Question[0].Qtype)
	switch {
	case s.allow != nil && !s.allow(q.From.Addr().Unmap()):
		return q.NewReply(Refused), true
	case t == TypeAXFR || t == TypeIXFR:
		return q.NewReply(Refused), true
	case t == TypeOPT || t == 0:
		return q.NewReply(FormatError), true
	}
	return nil, false
}

func (s *Recursive) begin(q *Request) (m *Message, name string, t Type) {
	m = q.NewReply(NoError)
	m.m.RecursionAvailable = true
	return m, q.m.Question[0].Name, Type(q.m.Question[0].Qtype)
}

func (s *Recursive) finish(m *Message, q *Request, w *walk, found []*entry) {
	_, _, do, _ := q.EDNS()
	w.fill(&m.m, found, do)
	lessForAny(q, &m.m)
	if w.secure && (do || q.m.AuthenticatedData) { // RFC 6840 §5.7, §5.8
		m.m.AuthenticatedData = true
	}
}

// explain says in the reply why the search failed (RFC 8914), if the client knows
// EDNS: the broken link of DNSSEC, or that no server replied.
func (m *Message) explain(err error) {
	o := m.m.IsEdns0()
	if o == nil {
		return
	}
	e := &miekg.EDNS0_EDE{InfoCode: miekg.ExtendedErrorCodeNoReachableAuthority}
	var broken *ChainError
	if errors.As(err, &broken) {
		e.InfoCode, e.ExtraText = chainCode(broken), broken.Error()
	}
	o.Option = append(o.Option, e)
}

// chainCode is the number that RFC 8914 §4 gives to a broken link.
func chainCode(e *ChainError) uint16 {
	switch {
	case strings.Contains(e.Reason, "expired"):
		return miekg.ExtendedErrorCodeSignatureExpired
	case strings.Contains(e.Reason, "missing key"):
		return miekg.ExtendedErrorCodeDNSKEYMissing
	case strings.Contains(e.Reason, "no signature"):
		return miekg.ExtendedErrorCodeRRSIGsMissing
	}
	return miekg.ExtendedErrorCodeDNSBogus
}
