package dnsd_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"glassmail/dns"
	"glassmail/lab/lesson"
	"glassmail/server/dnsd"
	"glassmail/wire"
)

// A flood takes the root servers away from those who forget, and from nobody
// else: who knows the servers of the top-level domains needs no root.
func TestFlood(t *testing.T) {
	o := floodOptions(t)
	r, err := lesson.Flood(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	c, u := r.Cached, r.Uncached
	t.Logf("cached %+v\nuncached %+v", c, u)
	if c.Found != o.Lookups || c.HitRate != 1 || c.AtRoot != 0 {
		t.Errorf("with a cache %d of %d lookups succeeded, %d asked the root", c.Found, c.Lookups, c.AtRoot)
	}
	if u.Found == o.Lookups || u.AtRoot != u.Lookups || u.HitRate != 0 {
		t.Errorf("without a cache %d of %d lookups succeeded, %d asked the root", u.Found, u.Lookups, u.AtRoot)
	}
	for _, v := range []lesson.FloodView{c, u} {
		if v.Sent == 0 || v.Sent > o.Queries || v.Answered > v.Sent || v.Load.Seen > v.Sent+4*v.Lookups+10 {
			t.Errorf("counts %+v", v)
		}
	}
	if u.Load.Lost == 0 || u.Answered >= u.Sent {
		t.Errorf("the root bore everything: %+v", u)
	}
	for _, g := range o.Gauges {
		before := g.Read().Lost
		for range 200 {
			g.AnswerNow(&dns.Request{Message: dns.NewMessage(dns.Query{Name: "edu", Type: dns.TypeNS})})
		}
		if g.Read().Lost != before {
			t.Error("the root is still weak after the flood")
		}
	}
}

// floodOptions is the lecture's hierarchy with root servers behind gauges.
func floodOptions(t *testing.T) lesson.FloodOptions {
	l := newLab(t)
	o := lesson.FloodOptions{
		Host: l.host, Inside: insideLab, Roots: l.h.Roots,
		Warm:    []string{"www.hamburger.edu", "www.crepes.fr", "www.amazon.com"},
		Names:   []string{"www.nyu.edu", "mail.crepes.fr", "www.ibm.com", "gaia.cs.umass.edu", "relay1.bar.foo.com"},
		Lookups: 8, Queries: 100_000, Limit: 5, Timeout: time.Second,
	}
	for _, p := range l.h.Servers {
		if p.Authority.Zone(".") == nil {
			continue
		}
		g := lesson.NewGauge(p.Authority, wire.System{})
		o.Gauges = append(o.Gauges, g)
		l.host.to[p.Addr.String()+":53"] = run(t, g, dnsd.Options{PerClient: -1}).Addr().String()
	}
	var err error
	o.Users, err = dns.NewResolver(dns.ResolverOptions{Host: l.host, Roots: l.h.Roots, Timeout: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestFloodConfined(t *testing.T) {
	o := floodOptions(t)
	for want, change := range map[string]func(*lesson.FloodOptions){
		"8.8.8.8 lies outside": func(o *lesson.FloodOptions) {
			o.Roots = []dns.NameServer{{Name: "a.root.", Addrs: []netip.Addr{netip.MustParseAddr("8.8.8.8")}}}
		},
		"which addresses belong": func(o *lesson.FloodOptions) { o.Inside = nil },
		"1 to 1,000,000":         func(o *lesson.FloodOptions) { o.Queries = 2_000_000 },
		"1 to 1,000 lookups":     func(o *lesson.FloodOptions) { o.Lookups = 0 },
		"names to look for":      func(o *lesson.FloodOptions) { o.Names = nil },
		"at least one query":     func(o *lesson.FloodOptions) { o.Limit = -1 },
		"host, users":            func(o *lesson.FloodOptions) { o.Gauges = nil },
	} {
		bad := o
		change(&bad)
		if _, err := lesson.Flood(context.Background(), bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
