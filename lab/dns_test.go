package lab

import (
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"glassmail/dns"
	"glassmail/lab/lesson"
	"glassmail/trace"
	"glassmail/wire"
)

// startNames runs the names of a lab and returns them and a client of theirs.
func startNames(t testing.TB, clock wire.Clock) (*Names, *NamesClient) {
	t.Helper()
	internet, err := NewInternet(clock)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "control.json")
	n, err := NewNames(NamesOptions{Internet: internet, Trace: trace.NewLog(20_000, clock.Now), Control: file})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := DialNames(file); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("nobody runs yet: %v", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- n.Run(ctx, func() { close(ready) }) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		internet.Close()
	})
	select {
	case <-ready:
	case err := <-done:
		t.Fatal(err)
	}
	c, err := DialNames(file)
	if err != nil {
		t.Fatal(err)
	}
	return n, c
}

func hops(p WalkPicture) string {
	var out []string
	for _, a := range p.Arrows {
		if a.Number > 0 {
			out = append(out, a.From+">"+a.To)
		}
	}
	return strings.NewReplacer("engineering.nyu.edu", "host", "dns.nyu.edu", "local", "b.root", "root", "a.root", "root",
		"a.edu", "edu", "dns.umass.edu", "umass", "dns.cs.umass.edu", "auth").Replace(strings.Join(out, " "))
}

// The two pictures of the lecture, each with and without the server of umass.edu in
// between, and what the cache makes of them.
func TestWalks(t *testing.T) {
	n, c := startNames(t, wire.NewManual(time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)))
	const again = "host>local local>host"
	for _, one := range []struct {
		name           string
		recursive, via bool
		messages       int
		want           string
	}{
		{"iterated", false, false, 8, "host>local local>root root>local local>edu edu>local local>auth auth>local local>host"},
		{"recursive", true, false, 8, "host>local local>root root>edu edu>auth auth>edu edu>root root>local local>host"},
		{"iterated via umass", false, true, 10, "host>local local>root root>local local>edu edu>local local>umass umass>local local>auth auth>local local>host"},
		{"recursive via umass", true, true, 10, "host>local local>root root>edu edu>umass umass>auth auth>umass umass>edu edu>root root>local local>host"},
	} {
		t.Run(one.name, func(t *testing.T) {
			got, err := c.Walk(t.Context(), WalkRequest{Name: "gaia.cs.umass.edu", Type: dns.TypeA, Recursive: one.recursive, ViaUmass: one.via, Again: true})
			if err != nil || len(got) != 2 {
				t.Fatalf("%d pictures, %v", len(got), err)
			}
			if hops(got[0]) != one.want || got[0].Messages != one.messages {
				t.Errorf("cold: %d messages\n%s\nwant %d\n%s", got[0].Messages, hops(got[0]), one.messages, one.want)
			}
			if hops(got[1]) != again || got[1].Messages != 2 {
				t.Errorf("cached: %d messages\n%s\nwant 2\n%s", got[1].Messages, hops(got[1]), again)
			}
			for _, p := range got {
				last := p.Arrows[len(p.Arrows)-1]
				if len(p.Answer) != 1 || !strings.Contains(p.Answer[0], "128.119.245.12") || last.Text != "answer: 128.119.245.12, TTL 3600" {
					t.Errorf("answer %q, last arrow %q", p.Answer, last.Text)
				}
			}
		})
	}
	if kept, err := c.Cache(t.Context(), ""); err != nil || len(kept) != 0 {
		t.Errorf("the pictures filled the cache of the local name server: %d entries, %v", len(kept), err)
	}
	if n.Hierarchy.Server("a.edu").Authority.Zone("umass.edu") == nil {
		t.Error("the server of edu has lost umass.edu")
	}
}

// The second server of networkutopia.com copies the zone from the first, over the
// lab's network, when it changes: an edit, a fault, and a file with a higher serial
// number.
func TestSecondaryServer(t *testing.T) {
	n, c := startNames(t, wire.System{})
	const zone = "networkutopia.com"
	first, second := n.Hierarchy.Server("dns1.networkutopia.com"), n.Hierarchy.Server("dns2.networkutopia.com")
	copied := func(what string, serial uint32) {
		t.Helper()
		a := first.Authority.Zone(zone)
		if a.Serial() != serial {
			t.Fatalf("%s: serial %d, want %d", what, a.Serial(), serial)
		}
		for second.Authority.Zone(zone).Serial() != serial {
			select {
			case <-t.Context().Done():
			case <-time.After(time.Millisecond):
				continue
			}
			t.Fatalf("%s: never copied", what)
		}
		var texts [2]strings.Builder
		for i, z := range []*dns.Zone{a, second.Authority.Zone(zone)} {
			if _, err := z.WriteTo(&texts[i]); err != nil {
				t.Fatal(err)
			}
		}
		if texts[0].String() != texts[1].String() {
			t.Errorf("%s:\n%s\nwas copied as\n%s", what, &texts[0], &texts[1])
		}
	}
	if _, err := c.Edit(t.Context(), ZoneEdit{Zone: zone, Way: AddRecords, Records: []string{"shop A 212.212.71.90"}}); err != nil {
		t.Fatal(err)
	}
	copied("an edit", 2)
	if err := c.Break(t.Context(), zone, lesson.MissingKey); err != nil {
		t.Fatal(err)
	}
	copied("a fault", 3)
	if err := c.Break(t.Context(), zone, lesson.NoFault); err != nil {
		t.Fatal(err)
	}
	copied("a repair", 4)
	load := func(serial string) ZoneChange {
		t.Helper()
		text := "$ORIGIN networkutopia.com.\n$TTL 60\n@ SOA dns1 h " + serial + " 1h 15m 14d 5m\n@ NS dns1\n@ NS dns2\ndns1 A 212.212.212.1\ndns2 A 212.212.212.2\n"
		out, err := c.Edit(t.Context(), ZoneEdit{Zone: zone, Way: LoadZone, File: "n.zone", Records: []string{text}})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if out := load("5"); len(out.Findings) != 0 {
		t.Errorf("findings %q", out.Findings)
	}
	copied("a file", 5)
	if out := load("5"); len(out.Findings) != 1 || !strings.Contains(out.Findings[0], "dns2.networkutopia.com. keeps its old copy") {
		t.Errorf("the same serial number: findings %q", out.Findings)
	}
}

// Checking signatures asks for more; names that do not exist or break have a
// picture too.
func TestOtherWalks(t *testing.T) {
	_, c := startNames(t, wire.System{})
	walk := func(w WalkRequest) WalkPicture {
		t.Helper()
		w.Type = dns.TypeA
		got, err := c.Walk(t.Context(), w)
		if err != nil || len(got) != 1 {
			t.Fatalf("%+v: %d pictures, %v", w, len(got), err)
		}
		return got[0]
	}
	if p := walk(WalkRequest{Name: "www.amazon.com"}); p.Messages != 8 || len(p.Answer) != 3 {
		t.Errorf("www.amazon.com: %d messages, %q", p.Messages, p.Answer)
	}
	if p := walk(WalkRequest{Name: "nobody.cs.umass.edu"}); p.Messages != 8 || len(p.Answer) != 0 || !strings.Contains(p.Arrows[len(p.Arrows)-1].Text, "NXDOMAIN, TTL ") {
		t.Errorf("nobody: %+v", p)
	}
	if p := walk(WalkRequest{Name: "gaia.cs.umass.edu", Validate: true}); p.Messages <= 8 || p.Error != "" || !strings.Contains(p.Arrows[len(p.Arrows)-1].Text, "128.119.245.12") {
		t.Errorf("with signatures checked: %+v", p)
	}
	if err := c.Break(t.Context(), "cs.umass.edu", lesson.ExpiredSignature); err != nil {
		t.Fatal(err)
	}
	if p := walk(WalkRequest{Name: "gaia.cs.umass.edu", Validate: true}); !strings.Contains(p.Error, "expired") {
		t.Errorf("with an expired signature: %+v", p)
	}
	if p := walk(WalkRequest{Name: "gaia.cs.umass.edu"}); p.Error != "" {
		t.Errorf("unchecked: %+v", p)
	}
	if _, err := c.Walk(t.Context(), WalkRequest{Name: strings.Repeat("x", 64)}); err == nil {
		t.Error("a label of 64 bytes has a picture")
	}
}

// ask lets the local name server search.
func ask(t testing.TB, n *Names, name string, typ dns.Type) (*dns.Message, error) {
	t.Helper()
	return n.Resolver.Resolve(t.Context(), name, typ)
}

// The cache is visible and can be emptied, whole or in part.
func TestCache(t *testing.T) {
	n, c := startNames(t, wire.System{})
	if _, err := ask(t, n, "hamburger.edu", dns.TypeMX); err != nil {
		t.Fatal(err)
	}
	all, err := c.Cache(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	some, err := c.Cache(t.Context(), "Hamburger.edu")
	if err != nil || len(some) == 0 || len(some) >= len(all) {
		t.Fatalf("%d of %d entries, %v", len(some), len(all), err)
	}
	i := slices.IndexFunc(some, func(e dns.Entry) bool { return e.Type == "MX" })
	if i < 0 || some[i].Data[0] != "10 mail.hamburger.edu." || some[i].From == "" || some[i].Left <= 0 || some[i].Verdict != "secure" {
		t.Errorf("entries %+v", some)
	}
	if gone, err := c.Flush(t.Context(), "hamburger.edu"); err != nil || gone != len(some) {
		t.Errorf("flushed %d of %d, %v", gone, len(some), err)
	}
	if left, err := c.Cache(t.Context(), ""); err != nil || len(left) != len(all)-len(some) {
		t.Errorf("%d left of %d-%d, %v", len(left), len(all), len(some), err)
	}
	if _, err := c.Flush(t.Context(), ""); err != nil {
		t.Error(err)
	}
	if left, err := c.Cache(t.Context(), ""); err != nil || len(left) != 0 {
		t.Errorf("%d left, %v", len(left), err)
	}
}

// Zones are edited while they are served, as a whole or not at all.
func TestZoneEdits(t *testing.T) {
	n, c := startNames(t, wire.System{})
	before := n.Hierarchy.Zone("hamburger.edu").Serial()
	edit := func(way EditWay, records ...string) ZoneChange {
		t.Helper()
		out, err := c.Edit(t.Context(), ZoneEdit{Zone: "hamburger.edu", Way: way, Records: records})
		if err != nil {
			t.Fatalf("%s %q: %v", way, records, err)
		}
		return out
	}
	out := edit(AddRecords, "shop 60 IN A 203.0.113.90", "shop A 203.0.113.91")
	if out.Serial <= before || !strings.Contains(strings.Join(out.Added, "\n"), "shop.hamburger.edu.\t60\tIN\tA\t203.0.113.90") {
		t.Errorf("add: %+v", out)
	}
	if m, err := ask(t, n, "shop.hamburger.edu", dns.TypeA); err != nil || len(m.Answer()) != 2 {
		t.Errorf("shop: %v, %v", m, err)
	}
	edit(SetRecords, "shop A 203.0.113.92")
	n.Resolver.Cache().Flush()
	if m, err := ask(t, n, "shop.hamburger.edu", dns.TypeA); err != nil || len(m.Answer()) != 1 || m.Answer()[0].Data() != "203.0.113.92" {
		t.Errorf("shop: %v, %v", m, err)
	}
	edit(RemoveRecords, "shop A 203.0.113.92")
	if out := edit(AddRecords, "@ MX 20 mail2"); len(out.Findings) == 0 || !strings.Contains(strings.Join(out.Findings, " "), "mail2.hamburger.edu.") {
		t.Errorf("a mail host without address: findings %q", out.Findings)
	}
	serial := n.Hierarchy.Zone("hamburger.edu").Serial()
	for _, bad := range []ZoneEdit{
		{Zone: "hamburger.edu", Way: RemoveRecords, Records: []string{"shop A 1.2.3.4"}},
		{Zone: "hamburger.edu", Way: AddRecords, Records: []string{"www A 1.2.3.4", "www CNAME shop"}},
		{Zone: "hamburger.edu", Way: AddRecords, Records: []string{"www A one"}},
		{Zone: "hamburger.edu", Way: "bake", Records: nil},
		{Zone: "burger.edu", Way: AddRecords, Records: []string{"www A 1.2.3.4"}},
		{Zone: "hamburger.edu", Way: LoadZone, File: "x.zone", Records: []string{"$ORIGIN crepes.fr."}},
	} {
		if _, err := c.Edit(t.Context(), bad); err == nil {
			t.Errorf("%+v is no error", bad)
		}
	}
	if now := n.Hierarchy.Zone("hamburger.edu").Serial(); now != serial {
		t.Errorf("serial %d, was %d before edits that failed", now, serial)
	}
}

// A zone goes out as text and comes in again.
func TestZoneTexts(t *testing.T) {
	n, c := startNames(t, wire.System{})
	zones, err := c.Zones(t.Context())
	if err != nil || len(zones) != len(n.Hierarchy.Zones()) || zones[0].Zone != "." || len(zones[0].Servers) != 2 {
		t.Fatalf("%+v, %v", zones, err)
	}
	for _, z := range zones {
		if !z.Signed || z.Records == 0 || z.Fault != lesson.NoFault {
			t.Errorf("%+v", z)
		}
	}
	text, err := c.Zone(t.Context(), "crepes.fr", false)
	if err != nil || strings.Contains(text, "RRSIG") {
		t.Fatalf("%v\n%s", err, text)
	}
	if signed, err := c.Zone(t.Context(), "crepes.fr", true); err != nil || !strings.Contains(signed, "RRSIG") {
		t.Errorf("%v\n%s", err, signed)
	}
	text = strings.ReplaceAll(text, "198.51.100.80", "198.51.100.81")
	out, err := c.Edit(t.Context(), ZoneEdit{Zone: "crepes.fr", Way: LoadZone, File: "crepes.zone", Records: []string{text}})
	if err != nil || !slices.ContainsFunc(out.Added, func(r string) bool { return strings.HasSuffix(r, "198.51.100.81") }) ||
		!slices.ContainsFunc(out.Removed, func(r string) bool { return strings.HasSuffix(r, "198.51.100.80") }) {
		t.Errorf("%+v, %v", out, err)
	}
	if _, err := c.Edit(t.Context(), ZoneEdit{Zone: "crepes.fr", Way: LoadZone, File: "crepes.zone", Records: []string{text + "www A one\n"}}); err == nil || !regexp.MustCompile(`crepes\.zone:\d+:\d+: `).MatchString(err.Error()) {
		t.Errorf("a broken file: %v", err)
	}
}

// The lecture's registration, seen in com and by everybody.
func TestRegister(t *testing.T) {
	n, c := startNames(t, wire.System{})
	if m, err := ask(t, n, "www.networkutopia.com", dns.TypeA); err != nil || m.Header().Code != dns.NameError {
		t.Fatalf("before: %v, %v", m, err)
	}
	r := Registration{Domain: "networkutopia.com", Owner: "you", DS: true, Servers: []dns.NameServer{
		{Name: "dns1.networkutopia.com", Addrs: []netip.Addr{netip.MustParseAddr("212.212.212.1")}}}}
	out, err := c.Register(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	added := strings.Join(out.Added, "\n")
	for _, want := range []string{"networkutopia.com.\t86400\tIN\tNS\tdns1.networkutopia.com.", "dns1.networkutopia.com.\t86400\tIN\tA\t212.212.212.1", "\tDS\t"} {
		if !strings.Contains(added, want) {
			t.Errorf("com. gains\n%s\nwithout %s", added, want)
		}
	}
	if out.Zone != "com." || out.Owner != "you" || len(out.Findings) != 0 {
		t.Errorf("%+v", out)
	}
	n.Resolver.Cache().Flush()
	if m, err := ask(t, n, "www.networkutopia.com", dns.TypeA); err != nil || len(m.Answer()) == 0 {
		t.Errorf("after: %v, %v", m, err)
	}
	r.Servers = append(r.Servers, dns.NameServer{Name: "dns2.networkutopia.com", Addrs: []netip.Addr{netip.MustParseAddr("212.212.212.2")}})
	r.DS = false
	if out, err := c.Register(t.Context(), r); err != nil || !slices.ContainsFunc(out.Added, func(s string) bool { return strings.Contains(s, "212.212.212.2") }) {
		t.Errorf("a second server: %+v, %v", out, err)
	}
	if _, err := c.Register(t.Context(), Registration{Domain: "networkutopia.com", Owner: "eve", Servers: r.Servers}); err == nil || !strings.Contains(err.Error(), "you") {
		t.Errorf("eve: %v", err)
	}
	r.Servers[1].Addrs = []netip.Addr{netip.MustParseAddr("203.0.113.25")} // a host, but no name server
	if out, err := c.Register(t.Context(), r); err != nil || len(out.Findings) != 1 || !strings.Contains(out.Findings[0], "lame") {
		t.Errorf("a lame server: %+v, %v", out, err)
	}
	if err := c.Transfer(t.Context(), Registration{Domain: "networkutopia.com", Owner: "you", To: "eve"}); err != nil {
		t.Error(err)
	}
	if out, err := c.Register(t.Context(), Registration{Domain: "networkutopia.com", Owner: "eve", Release: true}); err != nil || len(out.Removed) < 4 {
		t.Errorf("release: %+v, %v", out, err)
	}
}

// The ways of the local name server change while it runs.
func TestSwitch(t *testing.T) {
	n, c := startNames(t, wire.System{})
	if s, err := c.Switches(t.Context()); err != nil || s.Mode != dns.Iterate || !s.Validate {
		t.Fatalf("%+v, %v", s, err)
	}
	off := false
	for _, mode := range dns.Modes() {
		s, err := c.Switch(t.Context(), Switching{Mode: &mode})
		if err != nil || s.Mode != mode {
			t.Fatalf("%s: %+v, %v", mode, s, err)
		}
		n.Resolver.Cache().Flush()
		if m, err := ask(t, n, "gaia.cs.umass.edu", dns.TypeA); err != nil || len(m.Answer()) != 1 {
			t.Errorf("%s: %v, %v", mode, m, err)
		}
		if _, err := c.Walk(t.Context(), WalkRequest{Name: "gaia.cs.umass.edu", Type: dns.TypeA, Recursive: mode == dns.Iterate}); err != nil {
			t.Errorf("%s: %v", mode, err)
		}
		if got := n.recursion.On(); got != (mode == dns.Recurse) {
			t.Errorf("%s: the servers search for each other: %v", mode, got)
		}
	}
	iterate := dns.Iterate
	if _, err := c.Switch(t.Context(), Switching{Mode: &iterate}); err != nil {
		t.Fatal(err)
	}
	if err := c.Break(t.Context(), "cs.umass.edu", lesson.AlteredRecord); err != nil {
		t.Fatal(err)
	}
	n.Resolver.Cache().Flush()
	if _, err := ask(t, n, "gaia.cs.umass.edu", dns.TypeA); err == nil {
		t.Error("an altered record was believed")
	}
	if s, err := c.Switch(t.Context(), Switching{Validate: &off}); err != nil || s.Validate {
		t.Errorf("%+v, %v", s, err)
	}
	n.Resolver.Cache().Flush()
	if m, err := ask(t, n, "gaia.cs.umass.edu", dns.TypeA); err != nil || m.Answer()[0].Data() == "128.119.245.12" {
		t.Errorf("unchecked: %v, %v", m, err)
	}
	bits := 99
	if _, err := c.Switch(t.Context(), Switching{IDBits: &bits}); err == nil {
		t.Error("ids of 99 bits")
	}
	if a, err := c.Anchors(t.Context()); err != nil || len(a) == 0 || !strings.Contains(a[0], "DNSKEY") {
		t.Errorf("anchors %q, %v", a, err)
	}
}

// Signatures follow the lab's clock: a jump of 60 days makes new ones.
func TestClockJump(t *testing.T) {
	clock := wire.NewManual(time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC))
	n, _ := startNames(t, clock)
	if _, err := ask(t, n, "hamburger.edu", dns.TypeMX); err != nil {
		t.Fatal(err)
	}
	clock.Advance(60 * 24 * time.Hour)
	if err := n.Hierarchy.ResignDue(); err != nil {
		t.Fatal(err)
	}
	if _, err := ask(t, n, "hamburger.edu", dns.TypeMX); err != nil {
		t.Errorf("60 days later: %v", err)
	}
}

// A forger wins against short ids and a known port, and never against signatures.
func TestRace(t *testing.T) {
	n, c := startNames(t, wire.System{})
	q := RaceRequest{Zone: "amazon.com", Rounds: 50, Window: 300 * time.Millisecond, IDBits: 4}
	out, err := c.Race(t.Context(), q, nil)
	if err != nil || out.Wins != 1 || out.Sent == 0 || len(out.Poisoned) == 0 || out.Space != 16 {
		t.Errorf("weak: %+v, %v", out, err)
	}
	if m, err := ask(t, n, "www.amazon.com", dns.TypeA); err != nil || len(m.Answer()) != 3 {
		t.Errorf("the server answers everybody else: %v, %v", m, err)
	}
	n.Resolver.Cache().Flush()
	q.Validate, q.Rounds = true, 3
	if out, err := c.Race(t.Context(), q, nil); err != nil || out.Wins != 0 || out.Noticed == 0 || len(out.Poisoned) != 0 {
		t.Errorf("signatures checked: %+v, %v", out, err)
	}
	q.Validate, q.RandomPort, q.Rounds = false, true, 1
	if out, err := c.Race(t.Context(), q, nil); err != nil || out.Wins != 0 || out.Chance > 0.001 {
		t.Errorf("random ports: %+v, %v", out, err)
	}
	q.Forged = netip.MustParseAddr("8.8.8.8")
	if _, err := c.Race(t.Context(), q, nil); err == nil || !strings.Contains(err.Error(), "outside the lab") {
		t.Errorf("an address outside the lab: %v", err)
	}
	q.Forged, q.IDBits = netip.Addr{}, 99
	if _, err := c.Race(t.Context(), q, nil); err == nil {
		t.Error("ids of 99 bits")
	}
}

// Users whose name server caches do not notice the flood; the others do.
func TestFlood(t *testing.T) {
	_, c := startNames(t, wire.System{})
	out, err := c.Flood(t.Context(), FloodRequest{Queries: 200_000, Lookups: 6, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	if v := out.Cached; v.Found != 6 || v.HitRate != 1 || v.Load.Lost == 0 {
		t.Errorf("with a cache: %+v", v)
	}
	if v := out.Uncached; v.HitRate != 0 || v.Load.Lost == 0 {
		t.Errorf("without: %+v", v)
	}
	if _, err := c.Flood(t.Context(), FloodRequest{Queries: 1, Lookups: 0, Limit: 1}); err == nil {
		t.Error("a flood without users")
	}
}
