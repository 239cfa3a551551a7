package dns

import (
	"embed"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	miekg "github.com/miekg/dns"
)

//go:embed zones/*.zone
var zoneFiles embed.FS

// LectureOptions changes the hierarchy of the lecture.
type LectureOptions struct {
	// Addresses replaces the address of hosts, by name: mail.crepes.fr → 127.0.0.2.
	// The A records (glue too) and the PTR records follow.
	Addresses map[string]netip.Addr

	// ViaUmass puts the server of umass.edu between those of edu and
	// cs.umass.edu: a cold lookup of gaia.cs.umass.edu then takes 10 messages,
	// not the 8 of the slide.
	ViaUmass bool

	// Registered has networkutopia.com known to com from the start.
	Registered bool

	// Unsigned leaves DNSSEC out.
	Unsigned bool

	// Now tells the time at which signatures are made; nil is the system's clock.
	// With a clock that jumps, Hierarchy.Run or ResignDue keep them valid.
	Now func() time.Time
}

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
//	dns1, dns2.networkutopia.com  212.212.212.1, .2  networkutopia.com
//
// In each network the last number tells the service: 25 mail, 53 names, 80 web.
type Hierarchy struct {
	Servers []*Place
	Roots   []NameServer // root hints
	Local   NameServer   // the host that is meant to run the local name server
	Anchors []Record     // keys of the root, for resolvers that check signatures

	keys map[string]*Keys // by zone; empty when unsigned
	now  func() time.Time

	edit   sync.Mutex       // held while zones are changed
	faults map[string]Fault // by zone
	intact map[string]*Zone // zones that are served with a fault, without it
	signed time.Time        // when all zones were last signed
}

// Place is one server of a hierarchy.
type Place struct {
	Name      string // with its final dot
	Addr      netip.Addr
	Authority *Authority
}

// plan is who serves what.
type plan struct {
	server string
	zones  []string
}

func lecturePlan(viaUmass bool) []plan {
	edu := []string{"edu.", "umass.edu."}
	if viaUmass {
		edu = edu[:1]
	}
	return []plan{
		{"a.root.", []string{"."}},
		{"b.root.", []string{"."}},
		{"a.edu.", edu},
		{"a.fr.", []string{"fr."}},
		{"a.com.", []string{"com."}},
		{"a.arpa.", []string{"arpa.", reverseZone}},
		{"a.th.", []string{"th."}},
		{"a.xn--o3cw4h.", []string{"xn--o3cw4h."}},
		{"dns1.crepes.fr.", []string{"crepes.fr."}},
		{"dns1.hamburger.edu.", []string{"hamburger.edu."}},
		{"dns1.amazon.com.", []string{"amazon.com."}},
		{"dns1.ibm.com.", []string{"ibm.com."}},
		{"ns.nyu.edu.", []string{"nyu.edu."}},
		{"dns.foo.com.", []string{"foo.com."}},
		{"dns.school.ac.th.", []string{"school.ac.th.", "xn--72c0b0acb2i5cn.xn--o3cw4h."}},
		{"dns.umass.edu.", []string{"umass.edu."}},
		{"dns.cs.umass.edu.", []string{"cs.umass.edu."}},
		{"dns1.networkutopia.com.", []string{"networkutopia.com."}},
		{"dns2.networkutopia.com.", []string{"networkutopia.com."}},
	}
}

const (
	reverseZone = "in-addr.arpa."
	localServer = "dns.nyu.edu."
)

// Lecture builds the hierarchy of the course.
func Lecture(o LectureOptions) (*Hierarchy, error) {
	zones, err := shippedZones()
	if err != nil {
		return nil, err
	}
	if o.Registered {
		if err := register(zones); err != nil {
			return nil, err
		}
	}
	if err := replaceAddresses(zones, o.Addresses); err != nil {
		return nil, err
	}
	hosts := addressesOf(zones)
	if err := pointers(zones, hosts); err != nil {
		return nil, err
	}
	h := &Hierarchy{keys: map[string]*Keys{}, now: o.Now, faults: map[string]Fault{}, intact: map[string]*Zone{}}
	if h.now == nil {
		h.now = time.Now
	}
	h.signed = h.now()
	if !o.Unsigned {
		if err := h.signAll(zones); err != nil {
			return nil, err
		}
	}
	return h, h.place(zones, hosts, lecturePlan(o.ViaUmass))
}

// shippedZones reads the zone files of this package.
func shippedZones() (map[string]*Zone, error) {
	files, err := zoneFiles.ReadDir("zones")
	if err != nil {
		return nil, err
	}
	zones := make(map[string]*Zone, len(files))
	for _, f := range files {
		name := path.Join("zones", f.Name())
		r, err := zoneFiles.Open(name)
		if err != nil {
			return nil, err
		}
		z, err := ReadZone(r, "", name)
		r.Close()
		if err != nil {
			return nil, err
		}
		zones[z.origin] = z
	}
	return zones, nil
}

// register makes com name the servers of networkutopia.com.
func register(zones map[string]*Zone) error {
	const child = "networkutopia.com."
	com, err := zones["com."].delegate(zones[child])
	if err != nil {
		return err
	}
	zones["com."] = com
	return nil
}

// replaceAddresses gives hosts other addresses, in every zone that tells them.
func replaceAddresses(zones map[string]*Zone, addrs map[string]netip.Addr) error {
	want := make(map[string]netip.Addr, len(addrs))
	for name, a := range addrs {
		if !a.Unmap().Is4() {
			return fmt.Errorf("address of %s: %s is not an IPv4 address", name, a)
		}
		want[canonical(name)] = a.Unmap()
	}
	used := map[string]bool{}
	for origin, z := range zones {
		rrs := z.rrs(false)
		changed := false
		for i, rr := range rrs {
			a, ok := want[rr.Header().Name]
			if !ok || typeOf(rr) != TypeA {
				continue
			}
			rrs[i] = &miekg.A{Hdr: *rr.Header(), A: a.AsSlice()}
			used[rr.Header().Name], changed = true, true
		}
		if !changed {
			continue
		}
		nz, err := NewZone(origin, records(rrs))
		if err != nil {
			return err
		}
		zones[origin] = nz
	}
	for name := range want {
		if !used[name] {
			return fmt.Errorf("address of %s: the lecture's zones have no host of that name; they have %s", name, strings.Join(slices.Sorted(maps.Keys(addressesOf(zones))), " "))
		}
	}
	return nil
}

// addressesOf is the IPv4 addresses of all hosts, as the zones that own them say.
func addressesOf(zones map[string]*Zone) map[string][]netip.Addr {
	hosts := map[string][]netip.Addr{}
	for _, z := range zones {
		for _, rr := range z.rrs(false) {
			name := rr.Header().Name
			if a, ok := addrOf(rr); ok && a.Is4() && z.cut(name) == "" {
				hosts[name] = append(hosts[name], a)
			}
		}
	}
	return hosts
}

// pointers makes the PTR records of the reverse zone.
func pointers(zones map[string]*Zone, hosts map[string][]netip.Addr) error {
	rrs := zones[reverseZone].rrs(false)
	for _, name := range slices.Sorted(maps.Keys(hosts)) {
		for _, a := range hosts[name] {
			rrs = append(rrs, &miekg.PTR{Hdr: miekg.RR_Header{Name: ReverseName(a), Rrtype: miekg.TypePTR, Class: miekg.ClassINET, Ttl: 3600}, Ptr: name})
		}
	}
	z, err := NewZone(reverseZone, records(rrs))
	if err != nil {
		return err
	}
	zones[reverseZone] = z
	return nil
}

// place puts the zones on their servers.
func (h *Hierarchy) place(zones map[string]*Zone, hosts map[string][]netip.Addr, plans []plan) error {
	for _, p := range plans {
		addrs := hosts[p.server]
		if len(addrs) == 0 {
			return fmt.Errorf("the server %s has no address", p.server)
		}
		s := &Place{Name: p.server, Addr: addrs[0]}
		var mine []*Zone
		for _, origin := range p.zones {
			if zones[origin] == nil {
				return fmt.Errorf("the server %s should serve %s, which is no zone", p.server, origin)
			}
			mine = append(mine, zones[origin])
		}
		s.Authority = NewAuthority(func(*Request) bool { return true }, mine...)
		h.Servers = append(h.Servers, s)
		if slices.Contains(p.zones, ".") {
			h.Roots = append(h.Roots, NameServer{Name: p.server, Addrs: addrs[:1]})
		}
	}
	if len(hosts[localServer]) == 0 {
		return errors.New("the local name server has no address")
	}
	h.Local = NameServer{Name: localServer, Addrs: hosts[localServer][:1]}
	return nil
}

// Zone is the zone of that name, nil if there is none.
func (h *Hierarchy) Zone(origin string) *Zone {
	for _, s := range h.Servers {
		if z := s.Authority.Zone(origin); z != nil {
			return z
		}
	}
	return nil
}

// Zones lists all zones, root first.
func (h *Hierarchy) Zones() []*Zone {
	byName := map[string]*Zone{}
	for _, s := range h.Servers {
		for _, z := range s.Authority.Zones() {
			byName[z.origin] = z
		}
	}
	return slices.SortedFunc(maps.Values(byName), func(a, b *Zone) int { return compareNames(a.origin, b.origin) })
}

// Server is the server of that name, nil if there is none.
func (h *Hierarchy) Server(name string) *Place {
	for _, s := range h.Servers {
		if s.Name == canonical(name) {
			return s
		}
	}
	return nil
}

// Addrs is the addresses that the hierarchy gives to a host, without asking over
// the network; nil if it has none.
func (h *Hierarchy) Addrs(host string) []netip.Addr {
	host = canonical(host)
	var best *Zone
	for _, z := range h.Zones() { // root first, so the last that fits is nearest
		if below(z.origin, host) {
			best = z
		}
	}
	if best == nil || best.nodes[host] == nil || best.nodes[host].set(TypeA) == nil {
		return nil
	}
	var out []netip.Addr
	for _, rr := range best.nodes[host].set(TypeA).rrs {
		if a, ok := addrOf(rr); ok {
			out = append(out, a)
		}
	}
	return out
}

// put exchanges a zone on all servers that have it.
func (h *Hierarchy) put(zones ...*Zone) {
	for _, s := range h.Servers {
		var mine []*Zone
		for _, z := range zones {
			if s.Authority.Zone(z.origin) != nil {
				mine = append(mine, z)
			}
		}
		s.Authority.Put(mine...)
	}
}
