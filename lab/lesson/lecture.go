// Package lesson is what the course teaches about names: the lecture's hierarchy of
// servers and zones, the registrar, the walk of a name as numbered arrows, the race of
// a forger, the flood of the root, broken chains of trust, and the exercise about
// networks. All of it runs in a lab only.
package lesson

import (
	"embed"
	"fmt"
	"maps"
	"net/netip"
	"path"
	"slices"
	"strings"
	"time"

	"glassmail/dns"
)

//go:embed zones/*.zone
var zoneFiles embed.FS

// LectureOptions changes the hierarchy of the lecture.
type LectureOptions struct {
	// Addresses replaces the address of hosts, by name: mail.crepes.fr → 127.0.0.2.
	// The A records (glue too) and the PTR records follow.
	Addresses map[string]netip.Addr

	// ViaUmass is how Hierarchy.ViaUmass is set at first.
	ViaUmass bool

	// Registered has networkutopia.com known to com from the start.
	Registered bool

	// Unsigned leaves DNSSEC out.
	Unsigned bool

	// Now tells the time at which signatures are made; nil is the system's clock.
	// With a clock that jumps, Hierarchy.Run or ResignDue keep them valid.
	Now func() time.Time
}

// plan is who serves what.
type plan struct {
	server  string
	zones   []string
	primary string // the server from which this one copies them; "" if it needs none
}

func lecturePlan() []plan {
	return []plan{
		{server: "a.root.", zones: []string{"."}},
		{server: "b.root.", zones: []string{"."}},
		{server: "a.edu.", zones: []string{"edu.", "umass.edu."}},
		{server: "a.fr.", zones: []string{"fr."}},
		{server: "a.com.", zones: []string{"com."}},
		{server: "a.arpa.", zones: []string{"arpa.", reverseZone}},
		{server: "a.th.", zones: []string{"th."}},
		{server: "a.xn--o3cw4h.", zones: []string{"xn--o3cw4h."}},
		{server: "dns1.crepes.fr.", zones: []string{"crepes.fr."}},
		{server: "dns1.hamburger.edu.", zones: []string{"hamburger.edu."}},
		{server: "dns1.amazon.com.", zones: []string{"amazon.com."}},
		{server: "dns1.ibm.com.", zones: []string{"ibm.com."}},
		{server: "ns.nyu.edu.", zones: []string{"nyu.edu."}},
		{server: "dns.foo.com.", zones: []string{"foo.com."}},
		{server: "dns.school.ac.th.", zones: []string{"school.ac.th.", "xn--72c0b0acb2i5cn.xn--o3cw4h."}},
		{server: "dns.umass.edu.", zones: []string{"umass.edu."}},
		{server: "dns.cs.umass.edu.", zones: []string{"cs.umass.edu."}},
		{server: "dns1.networkutopia.com.", zones: []string{"networkutopia.com."}},
		{server: "dns2.networkutopia.com.", zones: []string{"networkutopia.com."}, primary: "dns1.networkutopia.com."},
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
	h := &Hierarchy{keys: map[string]*dns.Keys{}, now: o.Now, faults: map[string]ZoneFault{}, intact: map[string]*dns.Zone{}}
	if h.now == nil {
		h.now = time.Now
	}
	h.signed = h.now()
	if !o.Unsigned {
		if err := h.signAll(zones); err != nil {
			return nil, err
		}
	}
	if err := h.place(zones, hosts, lecturePlan()); err != nil {
		return nil, err
	}
	h.ViaUmass(o.ViaUmass)
	return h, nil
}

// shippedZones reads the zone files of this package.
func shippedZones() (map[string]*dns.Zone, error) {
	files, err := zoneFiles.ReadDir("zones")
	if err != nil {
		return nil, err
	}
	zones := make(map[string]*dns.Zone, len(files))
	for _, f := range files {
		name := path.Join("zones", f.Name())
		r, err := zoneFiles.Open(name)
		if err != nil {
			return nil, err
		}
		z, err := dns.ReadZone(r, "", name)
		r.Close()
		if err != nil {
			return nil, err
		}
		zones[z.Origin()] = z
	}
	return zones, nil
}

// register makes com name the servers of networkutopia.com.
func register(zones map[string]*dns.Zone) error {
	const child = "networkutopia.com."
	com, err := delegate(zones["com."], zones[child])
	if err != nil {
		return err
	}
	zones["com."] = com
	return nil
}

// replaceAddresses gives hosts other addresses, in every zone that tells them.
func replaceAddresses(zones map[string]*dns.Zone, addrs map[string]netip.Addr) error {
	want := make(map[string]netip.Addr, len(addrs))
	for name, a := range addrs {
		if !a.Unmap().Is4() {
			return fmt.Errorf("address of %s: %s is not an IPv4 address", name, a)
		}
		want[dns.Canonical(name)] = a.Unmap()
	}
	used := map[string]bool{}
	for origin, z := range zones {
		records := z.Unsigned()
		changed := false
		for i, r := range records {
			a, ok := want[r.Name()]
			if !ok || r.Type() != dns.TypeA {
				continue
			}
			records[i] = dns.AddressRecord(r.Name(), a, r.TTL())
			used[r.Name()], changed = true, true
		}
		if !changed {
			continue
		}
		nz, err := dns.NewZone(origin, records)
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
func addressesOf(zones map[string]*dns.Zone) map[string][]netip.Addr {
	hosts := map[string][]netip.Addr{}
	for _, z := range zones {
		for _, r := range z.Unsigned() {
			if a, ok := r.Addr(); ok && a.Is4() && z.Cut(r.Name()) == "" {
				hosts[r.Name()] = append(hosts[r.Name()], a)
			}
		}
	}
	return hosts
}

// pointers makes the PTR records of the reverse zone.
func pointers(zones map[string]*dns.Zone, hosts map[string][]netip.Addr) error {
	records := zones[reverseZone].Unsigned()
	for _, name := range slices.Sorted(maps.Keys(hosts)) {
		for _, a := range hosts[name] {
			records = append(records, dns.PTRRecord(a, name, 3600))
		}
	}
	z, err := dns.NewZone(reverseZone, records)
	if err != nil {
		return err
	}
	zones[reverseZone] = z
	return nil
}
