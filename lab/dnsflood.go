package lab

import (
	"context"

	"glassmail/dns"
	"glassmail/lab/lesson"
)

// FloodRequest sets up a flood against the lab's root servers.
type FloodRequest struct {
	Queries int `json:"queries"` // of the flood, at most
	Lookups int `json:"lookups"` // of users meanwhile, with and without a cache each
	Limit   int `json:"limit"`   // queries a second that a root server can bear
}

// Flood lets the attacker's host flood the root servers while users of a local
// name server look for names in several domains, once with its cache and once
// without. Nothing of it leaves the lab.
func (n *Names) Flood(ctx context.Context, q FloodRequest) (lesson.FloodResult, error) {
	n.lesson.Lock()
	defer n.lesson.Unlock()
	users := n.Resolver.Fresh()
	defer func() { n.Resolver.Switch(n.Resolver.Switches()) }()
	s := users.Switches()
	s.Mode, s.Validate = dns.Iterate, false
	if err := users.Switch(s); err != nil {
		return lesson.FloodResult{}, err
	}
	return lesson.Flood(ctx, lesson.FloodOptions{
		Host: n.attacker, Inside: n.o.Internet.has, Roots: n.Hierarchy.Roots, Gauges: n.gauges, Users: users,
		Names:   []string{"www.amazon.com", "gaia.cs.umass.edu", "www.crepes.fr", "www.ibm.com", "www.hamburger.edu", "www.nyu.edu"},
		Warm:    []string{"relay1.bar.foo.com", "engineering.nyu.edu", "mail.crepes.fr"}, // com, edu and fr, by other names
		Lookups: q.Lookups, Queries: q.Queries, Limit: q.Limit,
	})
}
