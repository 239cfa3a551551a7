package dns

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	miekg "github.com/miekg/dns"
)

// Authority answers from zones that it owns: the handler of a name server. Zones
// are exchanged while queries arrive, and no query sees half a change.
type Authority struct {
	served atomic.Pointer[served] // replaced, never changed
	edit   sync.Mutex             // held by writers of zones
	allow  func(*Request) bool
}

// served is the zones at one time, and the replies made from them.
type served struct {
	zones   map[string]*Zone
	packets *packets
}

// serve replaces all zones in one step.
func (a *Authority) serve(zones map[string]*Zone) {
	a.served.Store(&served{zones, newPackets()})
}

// NewAuthority serves the given zones. transfer decides who may copy whole zones
// (AXFR); nil allows nobody.
func NewAuthority(transfer func(*Request) bool, zones ...*Zone) *Authority {
	a := &Authority{allow: transfer}
	m := make(map[string]*Zone, len(zones))
	for _, z := range zones {
		m[z.origin] = z
	}
	a.serve(m)
	return a
}

// Put adds zones, each in place of the one of the same name, in one step.
func (a *Authority) Put(zones ...*Zone) {
	a.edit.Lock()
	defer a.edit.Unlock()
	m := maps.Clone(a.served.Load().zones)
	for _, z := range zones {
		m[z.origin] = z
	}
	a.serve(m)
}

// Replace serves the given zones and no others, in one step.
func (a *Authority) Replace(zones ...*Zone) {
	a.edit.Lock()
	defer a.edit.Unlock()
	m := make(map[string]*Zone, len(zones))
	for _, z := range zones {
		m[z.origin] = z
	}
	a.serve(m)
}

// Remove ends the service of a zone and reports whether there was one.
func (a *Authority) Remove(origin string) bool {
	a.edit.Lock()
	defer a.edit.Unlock()
	m := maps.Clone(a.served.Load().zones)
	_, ok := m[Canonical(origin)]
	delete(m, Canonical(origin))
	a.serve(m)
	return ok
}

// Update replaces a zone by what change makes of it; other edits wait meanwhile.
func (a *Authority) Update(origin string, change func(*Zone) (*Zone, error)) error {
	a.edit.Lock()
	defer a.edit.Unlock()
	old := a.served.Load().zones[Canonical(origin)]
	if old == nil {
		return fmt.Errorf("zone %s is not served here", Canonical(origin))
	}
	z, err := change(old)
	if err != nil {
		return err
	}
	m := maps.Clone(a.served.Load().zones)
	delete(m, old.origin)
	m[z.origin] = z
	a.serve(m)
	return nil
}

// Zone is the zone of that name, nil if it is not served here.
func (a *Authority) Zone(origin string) *Zone { return a.served.Load().zones[Canonical(origin)] }

// Zones lists the zones, root first.
func (a *Authority) Zones() []*Zone {
	return slices.SortedFunc(maps.Values(a.served.Load().zones), func(x, y *Zone) int { return CompareNames(x.origin, y.origin) })
}

// find is the zone nearest to name. A question for DS belongs to the zone above
// (RFC 4035 §3.1.4.1) if that is served here too.
func (s *served) find(name string, t Type) *Zone {
	zones := s.zones
	start := name
	if t == TypeDS && name != "." {
		start = Parent(name)
	}
	for at := start; ; at = Parent(at) {
		if z := zones[at]; z != nil {
			return z
		}
		if at == "." {
			return zones[name] // the child answers when the parent is elsewhere
		}
	}
}

// Answer returns the reply to r.
func (a *Authority) Answer(_ context.Context, r *Request) *Message {
	m, _ := a.AnswerNow(r)
	return m
}

// AnswerNow answers every query at once: an Authority waits for nobody.
func (a *Authority) AnswerNow(r *Request) (*Message, bool) {
	if m, done := r.refuseOdd(); done {
		return m, true
	}
	q := r.m.Question[0]
	name, t := Canonical(q.Name), Type(q.Qtype)
	if t == TypeAXFR || t == TypeIXFR {
		return a.transfer(r, name, t), true
	}
	now := a.served.Load()
	z := now.find(name, t)
	if z == nil {
		return r.NewReply(Refused), true
	}
	m := r.NewReply(NoError)
	_, _, do, _ := r.EDNS()
	if fixed := z.answer(&m.m, name, t, do); fixed {
		m.home = now.packets
	}
	lessForAny(r, &m.m)
	return m, true
}

// refuseOdd handles queries that no server here answers with data.
func (r *Request) refuseOdd() (reply *Message, done bool) {
	switch {
	case r.m.Response:
		return nil, true // a reply: answering it could loop
	case r.m.Opcode != miekg.OpcodeQuery:
		return r.NewReply(NotImplemented), true
	case len(r.m.Question) != 1: // RFC 9619
		return r.NewReply(FormatError), true
	}
	if r.opts() > 1 { // RFC 6891 §6.1.1
		return r.NewReply(FormatError), true
	}
	if _, version, _, ok := r.EDNS(); ok && version != 0 { // RFC 6891 §6.1.3
		m := r.NewReply(NoError)
		m.m.Rcode = int(BadVersion)
		return m, true
	}
	q := r.m.Question[0]
	if q.Qclass != miekg.ClassINET && q.Qclass != miekg.ClassANY {
		return r.NewReply(Refused), true
	}
	return nil, false
}
