package lesson

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"glassmail/dns"
	"glassmail/trace"
	"glassmail/wire"
)

// Hierarchy is a name system: servers, their addresses, the zones they answer
// for. The lecture's one:
//
//	server                     address         zones
//	a.root, b.root             192.0.2.1, .2   .
//	a.edu                      192.0.2.11      edu, and umass.edu unless ViaUmass
//	a.fr                       192.0.2.12      fr
//	a.com                      192.0.2.13      com
//	a.arpa                     192.0.2.14      arpa, in-addr.arpa
//	a.th                       192.0.2.15      th
//	a.xn--o3cw4h               192.0.2.16      ไทย
//	dns1.crepes.fr             198.51.100.53   crepes.fr        mail is .25, www .80
//	dns1.hamburger.edu         203.0.113.53    hamburger.edu    mail is .25, www .80
//	dns1.amazon.com            198.18.1.53     amazon.com       www is .80, .81, .82
//	dns1.ibm.com               198.18.2.53     ibm.com          servereast.backup2 is .80
//	ns.nyu.edu                 198.18.3.52     nyu.edu          engineering is .10, www .80
//	dns.nyu.edu                198.18.3.53     none: the local name server
//	dns.foo.com                198.18.4.53     foo.com          relay1.bar is 145.37.93.126
//	dns.school.ac.th           198.18.5.53     school.ac.th, โรงเรียน.ไทย
//	dns.umass.edu              128.119.1.53    umass.edu
//	dns.cs.umass.edu           128.119.245.53  cs.umass.edu     gaia is 128.119.245.12
//	dns1, dns2.networkutopia.com  212.212.212.1, .2  networkutopia.com, dns2 a copy of dns1's
//
// In each network the last number tells the service: 25 mail, 53 names, 80 web.
type Hierarchy struct {
	Servers []*Place
	Roots   []dns.NameServer // root hints
	Local   dns.NameServer   // the host that is meant to run the local name server
	Anchors []dns.Record     // keys of the root, for resolvers that check signatures

	keys map[string]*dns.Keys // by zone; empty when unsigned
	now  func() time.Time

	edit   sync.Mutex           // held while zones are changed
	faults map[string]ZoneFault // by zone
	intact map[string]*dns.Zone // zones that are served with a fault, without it
	signed time.Time            // when all zones were last signed
}

// Place is one server of a hierarchy.
type Place struct {
	Name      string // with its final dot
	Addr      netip.Addr
	Authority *dns.Authority
	Primary   netip.AddrPort // the server of which it is meant to be a secondary; invalid if it is none

	secondary *dns.Secondary // keeps the zones, once there is one
}

// place puts the zones on their servers.
func (h *Hierarchy) place(zones map[string]*dns.Zone, hosts map[string][]netip.Addr, plans []plan) error {
	for _, p := range plans {
		addrs := hosts[p.server]
		if len(addrs) == 0 {
			return fmt.Errorf("the server %s has no address", p.server)
		}
		s := &Place{Name: p.server, Addr: addrs[0]}
		var mine []*dns.Zone
		for _, origin := range p.zones {
			if zones[origin] == nil {
				return fmt.Errorf("the server %s should serve %s, which is no zone", p.server, origin)
			}
			mine = append(mine, zones[origin])
		}
		s.Authority = dns.NewAuthority(func(*dns.Request) bool { return true }, mine...)
		if from := hosts[p.primary]; len(from) > 0 {
			s.Primary = netip.AddrPortFrom(from[0], 53)
		}
		h.Servers = append(h.Servers, s)
		if slices.Contains(p.zones, ".") {
			h.Roots = append(h.Roots, dns.NameServer{Name: p.server, Addrs: addrs[:1]})
		}
	}
	if len(hosts[localServer]) == 0 {
		return errors.New("the local name server has no address")
	}
	h.Local = dns.NameServer{Name: localServer, Addrs: hosts[localServer][:1]}
	return nil
}

// Zone is the zone of that name, nil if there is none.
func (h *Hierarchy) Zone(origin string) *dns.Zone {
	for _, s := range h.Servers {
		if z := s.Authority.Zone(origin); z != nil {
			return z
		}
	}
	return nil
}

// Zones lists all zones, root first.
func (h *Hierarchy) Zones() []*dns.Zone {
	byName := map[string]*dns.Zone{}
	for _, s := range h.Servers {
		for _, z := range s.Authority.Zones() {
			if byName[z.Origin()] == nil { // a secondary, which may be behind, comes after its primary
				byName[z.Origin()] = z
			}
		}
	}
	return slices.SortedFunc(maps.Values(byName), func(a, b *dns.Zone) int { return dns.CompareNames(a.Origin(), b.Origin()) })
}

// Server is the server of that name, nil if there is none.
func (h *Hierarchy) Server(name string) *Place {
	for _, s := range h.Servers {
		if s.Name == dns.Canonical(name) {
			return s
		}
	}
	return nil
}

// Addrs is the addresses that the hierarchy gives to a host, without asking over
// the network; nil if it has none.
func (h *Hierarchy) Addrs(host string) []netip.Addr {
	host = dns.Canonical(host)
	var best *dns.Zone
	for _, z := range h.Zones() { // root first, so the last that fits is nearest
		if dns.Below(z.Origin(), host) {
			best = z
		}
	}
	if best == nil {
		return nil
	}
	return addresses(best.Find(host, dns.TypeA))
}

// addresses is those of A and AAAA records.
func addresses(records []dns.Record) []netip.Addr {
	var out []netip.Addr
	for _, r := range records {
		if a, ok := r.Addr(); ok {
			out = append(out, a)
		}
	}
	return out
}

// put exchanges zones on all servers that have them, and then tells secondaries
// that there is something to copy.
func (h *Hierarchy) put(zones ...*dns.Zone) {
	var behind []*dns.Secondary
	for _, s := range h.Servers {
		var mine []*dns.Zone
		for _, z := range zones {
			switch {
			case s.secondary != nil && s.secondary.Origin() == z.Origin():
				behind = append(behind, s.secondary)
			case s.secondary == nil && s.Authority.Zone(z.Origin()) != nil:
				mine = append(mine, z)
			}
		}
		s.Authority.Put(mine...)
	}
	for _, s := range behind {
		s.Changed()
	}
}

// Secondary makes the server s, which has a Primary, copy its zone from there
// from now on. Run the result; changes of the hierarchy reach s through it alone.
func (h *Hierarchy) Secondary(s *Place, host wire.Host, log *trace.Log) *dns.Secondary {
	h.edit.Lock()
	defer h.edit.Unlock()
	s.secondary = dns.NewSecondary(dns.SecondaryOptions{
		Host: host, Authority: s.Authority, Origin: s.Authority.Zones()[0].Origin(), Primary: s.Primary,
		Trace: log, Node: dns.TrimRoot(s.Name),
	})
	return s.secondary
}

// ViaUmass takes the zone umass.edu from the server of edu, so that the server of
// umass.edu stands between those of edu and cs.umass.edu: a search for
// gaia.cs.umass.edu with an empty cache then takes 10 messages. When it is off, the
// server of edu serves umass.edu too and knows who serves cs.umass.edu: it takes the 8
// messages of the slide.
func (h *Hierarchy) ViaUmass(on bool) {
	const zone = "umass.edu."
	h.edit.Lock()
	defer h.edit.Unlock()
	edu := h.Server("a.edu.")
	if on {
		edu.Authority.Remove(zone)
	} else {
		edu.Authority.Put(h.Zone(zone))
	}
}

// signAll gives each zone keys, each zone above the DS record, and signs all.
func (h *Hierarchy) signAll(zones map[string]*dns.Zone) error {
	for origin := range zones {
		k, err := dns.NewKeys(origin, dns.ECDSAP256, false)
		if err != nil {
			return err
		}
		h.keys[origin] = k
	}
	add := map[string][]dns.Record{}
	for origin := range zones {
		up := zoneAbove(zones, origin)
		if up != nil && up.Find(origin, dns.TypeNS) != nil {
			add[up.Origin()] = append(add[up.Origin()], h.keys[origin].DS())
		}
	}
	for origin, z := range zones {
		var err error
		if ds := add[origin]; len(ds) > 0 {
			if z, err = dns.NewZone(origin, append(z.Unsigned(), ds...)); err != nil {
				return err
			}
		}
		if zones[origin], err = z.Sign(h.keys[origin], h.now()); err != nil {
			return err
		}
	}
	h.Anchors = h.keys["."].Public()
	return nil
}

// zoneAbove is the nearest zone above origin, nil for the root.
func zoneAbove(zones map[string]*dns.Zone, origin string) *dns.Zone {
	for origin != "." {
		origin = dns.Parent(origin)
		if z := zones[origin]; z != nil {
			return z
		}
	}
	return nil
}
