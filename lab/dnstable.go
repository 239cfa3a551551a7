package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"glassmail/control"
	"glassmail/dns"
	"glassmail/lab/lesson"
)

// table is what commands can ask of running names; NamesClient is the other end.
func (n *Names) table() control.Table {
	return control.Table{
		"cache":    control.Func(func(_ context.Context, name string) (any, error) { return n.cacheBelow(name) }),
		"flush":    control.Func(func(_ context.Context, name string) (any, error) { return n.flush(name) }),
		"zones":    control.Func(func(context.Context, struct{}) (any, error) { return n.ZoneInfos(), nil }),
		"zone":     control.Func(func(_ context.Context, r zoneRequest) (any, error) { return n.zoneText(r) }),
		"edit":     control.Func(func(_ context.Context, e ZoneEdit) (any, error) { return n.Edit(e) }),
		"register": control.Func(func(ctx context.Context, r Registration) (any, error) { return n.Register(ctx, r) }),
		"transfer": control.Func(func(_ context.Context, r Registration) (any, error) {
			return nil, n.Registrar.Transfer(r.Domain, r.Owner, r.To)
		}),
		"break": control.Func(func(_ context.Context, r breakRequest) (any, error) {
			return nil, n.Hierarchy.Break(r.Zone, r.Fault)
		}),
		"switches": control.Func(func(context.Context, struct{}) (any, error) { return n.Resolver.Switches(), nil }),
		"switch":   control.Func(func(_ context.Context, s Switching) (any, error) { return n.Switch(s) }),
		"anchors":  control.Func(func(context.Context, struct{}) (any, error) { return lines(n.Hierarchy.Anchors), nil }),
		"walk":     control.Func(func(ctx context.Context, w WalkRequest) (any, error) { return n.Walk(ctx, w) }),
		"flood":    control.Func(func(ctx context.Context, f FloodRequest) (any, error) { return n.Flood(ctx, f) }),
		"race": func(ctx context.Context, request json.RawMessage, p control.Progress) (any, error) {
			var r RaceRequest
			if err := json.Unmarshal(request, &r); err != nil {
				return nil, err
			}
			return n.Race(ctx, r, func(now lesson.RaceResult) { p(int64(now.Rounds), int64(r.Rounds)) })
		},
	}
}

// below turns what a person typed into the name at and below which things are
// meant; "" is everything.
func below(name string) (string, error) {
	if name == "" {
		return ".", nil
	}
	name, err := dns.Name(name)
	return strings.ToLower(name), err
}

func (n *Names) cacheBelow(name string) ([]dns.Entry, error) {
	top, err := below(name)
	if err != nil {
		return nil, err
	}
	out := []dns.Entry{}
	for _, e := range n.Resolver.Cache().Entries() {
		if top == "." || e.Name == top || strings.HasSuffix(e.Name, "."+top) {
			out = append(out, e)
		}
	}
	return out, nil
}

func (n *Names) flush(name string) (int, error) {
	top, err := below(name)
	if err != nil {
		return 0, err
	}
	n.secondCache.FlushName(top) // in the mode "forward" it would hide the flush
	return n.Resolver.Cache().FlushName(top), nil
}

// ZoneInfos lists the zones, root first.
func (n *Names) ZoneInfos() []ZoneInfo {
	broken := n.Hierarchy.Broken()
	var out []ZoneInfo
	for _, z := range n.Hierarchy.Zones() {
		i := ZoneInfo{Zone: z.Origin(), Serial: z.Serial(), Records: len(z.Unsigned()), Signed: z.Signed(), Fault: lesson.NoFault}
		if f, ok := broken[i.Zone]; ok {
			i.Fault = f
		}
		for _, s := range n.Hierarchy.Servers {
			if s.Authority.Zone(i.Zone) != nil {
				i.Servers = append(i.Servers, s.Name)
			}
		}
		out = append(out, i)
	}
	return out
}

// zone finds a zone by what a person typed.
func (n *Names) zone(name string) (*dns.Zone, error) {
	origin, err := dns.Name(name)
	if err != nil {
		return nil, err
	}
	z := n.Hierarchy.Zone(origin)
	if z == nil {
		var all []string
		for _, z := range n.Hierarchy.Zones() {
			all = append(all, z.Origin())
		}
		return nil, fmt.Errorf("there is no zone %s; there are %s", origin, strings.Join(all, " "))
	}
	return z, nil
}

func (n *Names) zoneText(r zoneRequest) (string, error) {
	z, err := n.zone(r.Zone)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	if r.Signatures {
		_, err = z.WriteTo(&b)
		return b.String(), err
	}
	fmt.Fprintf(&b, "$ORIGIN %s\n", z.Origin())
	for _, rec := range z.Unsigned() {
		fmt.Fprintln(&b, rec)
	}
	return b.String(), nil
}

// Edit changes a zone on all its servers.
func (n *Names) Edit(e ZoneEdit) (ZoneChange, error) {
	z, err := n.zone(e.Zone)
	if err != nil {
		return ZoneChange{}, err
	}
	if e.Way == LoadZone {
		return n.load(z, e)
	}
	change, err := e.Change(z)
	if err != nil {
		return ZoneChange{}, err
	}
	d, err := n.Hierarchy.Edit(z.Origin(), change)
	return n.changed(d), err
}

// Change is what the edit does to the records of z. A whole zone (LoadZone) is no
// such change.
func (e ZoneEdit) Change(z *dns.Zone) (dns.Edit, error) {
	var list []dns.Record
	for _, line := range e.Records {
		r, err := z.ParseRecord(line)
		if err != nil {
			return dns.Edit{}, err
		}
		list = append(list, r)
	}
	switch e.Way {
	case AddRecords:
		return dns.Edit{Add: list}, nil
	case RemoveRecords:
		return dns.Edit{Remove: list}, nil
	case SetRecords:
		return dns.Edit{Replace: list}, nil
	}
	return dns.Edit{}, fmt.Errorf("unknown edit %q", e.Way)
}

// load puts a whole zone in place of another, with a serial number of its own. If
// that is not higher, secondary servers do not see a change.
func (n *Names) load(old *dns.Zone, e ZoneEdit) (ZoneChange, error) {
	z, err := dns.ReadZone(strings.NewReader(strings.Join(e.Records, "\n")), "", e.File)
	if err != nil {
		return ZoneChange{}, err
	}
	if z.Origin() != old.Origin() {
		return ZoneChange{}, fmt.Errorf("%s is the zone %s, not %s", e.File, z.Origin(), old.Origin())
	}
	d, err := n.Hierarchy.Load(z)
	c := n.changed(d)
	if err == nil && int32(z.Serial()-old.Serial()) <= 0 { // RFC 1982 §3.2
		for _, s := range n.Hierarchy.Servers {
			if s.Primary.IsValid() && s.Authority.Zone(z.Origin()) != nil {
				c.Findings = append(c.Findings, fmt.Sprintf("the serial number %d is not higher than %d: the secondary server %s keeps its old copy", z.Serial(), old.Serial(), s.Name))
			}
		}
	}
	return c, err
}

// changed describes a zone of the lab after a change.
func (n *Names) changed(d dns.Difference) ZoneChange {
	return Changed(n.Hierarchy.Zone(d.Zone), d)
}

// Changed describes a change of a zone, and the zone after it; nil if it is not
// known.
func Changed(z *dns.Zone, d dns.Difference) ZoneChange {
	c := ZoneChange{Zone: d.Zone, Added: lines(d.Added), Removed: lines(d.Removed), Findings: []string{}}
	if z != nil {
		c.Serial = z.Serial()
		for _, f := range dns.Lint(z) {
			c.Findings = append(c.Findings, f.String())
		}
	}
	return c
}

func lines(list []dns.Record) []string {
	out := make([]string, 0, len(list))
	for _, r := range list {
		out = append(out, r.String())
	}
	return out
}

// lameAfter is how long a server of a new domain may take to say that it serves it.
const lameAfter = time.Second

// Register enters a domain, changes its servers when the owner has it already, or
// gives it back. Then it asks the domain's servers whether they serve it.
func (n *Names) Register(ctx context.Context, r Registration) (Registered, error) {
	out := Registered{Owner: r.Owner}
	var d dns.Difference
	var err error
	switch {
	case r.Release:
		out.Owner = ""
		d, err = n.Registrar.Delete(r.Domain, r.Owner)
	case len(r.Servers) == 0 && r.DS: // the key only
	case n.Registrar.Owner(r.Domain) == r.Owner:
		d, err = n.Registrar.SetServers(r.Domain, r.Owner, r.Servers)
	default:
		d, err = n.Registrar.Register(r.Domain, r.Owner, r.Servers)
	}
	if err == nil && r.DS {
		var key dns.Difference
		key, err = n.vouch(r)
		d = dns.Difference{Zone: key.Zone, Added: append(d.Added, key.Added...), Removed: append(d.Removed, key.Removed...)}
	}
	out.ZoneChange = n.changed(d)
	out.Added, out.Removed = cancel(out.Added, out.Removed)
	out.Findings = []string{}
	if up := n.Hierarchy.Zone(d.Zone); up != nil && err == nil && !r.Release {
		client := dns.Client{Host: n.host, Trace: n.o.Trace, Node: n.host.name, Timeout: lameAfter}
		for _, f := range dns.CheckDelegation(ctx, client, up, r.Domain, n.Hierarchy.Addrs) {
			out.Findings = append(out.Findings, f.String())
		}
	}
	return out, err
}

// vouch publishes the digest of a domain's key in the zone above.
func (n *Names) vouch(r Registration) (dns.Difference, error) {
	name, err := dns.Name(r.Domain)
	if err != nil {
		return dns.Difference{}, err
	}
	ds, err := n.Hierarchy.DS(name)
	if err != nil {
		return dns.Difference{}, err
	}
	return n.Registrar.PublishDS(r.Domain, r.Owner, ds)
}

// cancel leaves out what came and went in the same step.
func cancel(added, removed []string) (came, went []string) {
	came = slices.DeleteFunc(slices.Clone(added), func(r string) bool { return slices.Contains(removed, r) })
	went = slices.DeleteFunc(slices.Clone(removed), func(r string) bool { return slices.Contains(added, r) })
	return came, went
}

// Switch changes the ways of the local name server.
func (n *Names) Switch(s Switching) (dns.Switches, error) {
	now := n.Resolver.Switches()
	if s.Mode != nil {
		now.Mode, now.ForwardTo = *s.Mode, s.ForwardTo
		if now.Mode == dns.Forward && len(s.ForwardTo) == 0 {
			now.ForwardTo = []netip.AddrPort{n.second}
		}
	}
	set(&now.Minimise, s.Minimise)
	set(&now.Validate, s.Validate)
	set(&now.IDBits, s.IDBits)
	set(&now.FixedPort, s.FixedPort)
	err := n.Resolver.Switch(now)
	return n.Resolver.Switches(), err
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}
