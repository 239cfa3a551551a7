package lab

import (
	"testing"

	"glassmail/wire"
)

// What the names cost a relay whose caches are empty: the MX records of a domain
// and the address of its mail host, through the lab's network.
func BenchmarkRelayLookups(b *testing.B) {
	for _, check := range []bool{true, false} {
		name := map[bool]string{true: "signatures", false: "unchecked"}[check]
		for _, cold := range []bool{true, false} {
			b.Run(name+map[bool]string{true: "/cold", false: "/cached"}[cold], func(b *testing.B) {
				n, _ := startNames(b, wire.System{})
				if _, err := n.Switch(Switching{Validate: &check}); err != nil {
					b.Fatal(err)
				}
				host, err := n.o.Internet.Host("mail.crepes.fr", n.Hierarchy.Addrs("mail.crepes.fr")...)
				if err != nil {
					b.Fatal(err)
				}
				for b.Loop() {
					if cold {
						n.Resolver.Cache().Flush()
					}
					relayLookups(b, n, host)
				}
			})
		}
	}
}

// relayLookups are those of a relay to hamburger.edu.
func relayLookups(t testing.TB, n *Names, host *Host) {
	stub, err := n.Stub(host, "crepes.fr", nil)
	if err != nil {
		t.Fatal(err)
	}
	mx, err := stub.LookupMX(t.Context(), "hamburger.edu")
	if err != nil || len(mx) != 1 {
		t.Fatal(mx, err)
	}
	if a, err := stub.LookupNetIP(t.Context(), "ip4", mx[0].Host); err != nil || len(a) != 1 {
		t.Fatal(a, err)
	}
}

// A relay with empty caches takes the steps of the lecture, and no server is
// asked twice for the same.
func TestColdRelayLookups(t *testing.T) {
	n, c := startNames(t, wire.System{})
	host, err := n.o.Internet.Host("mail.crepes.fr", n.Hierarchy.Addrs("mail.crepes.fr")...)
	if err != nil {
		t.Fatal(err)
	}
	relayLookups(t, n, host)
	kept, err := c.Cache(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	secure := map[string]bool{}
	for _, e := range kept {
		secure[e.Name+" "+e.Type] = e.Verdict == "secure"
	}
	for _, want := range []string{"hamburger.edu. MX", "mail.hamburger.edu. A", "edu. DNSKEY", "hamburger.edu. DS"} {
		if !secure[want] {
			t.Errorf("%s is not in the cache as secure", want)
		}
	}
	asked := map[string]int{}
	for _, e := range n.o.Trace.Since(0) {
		if e.Node == n.host.name && e.Remote != "" && e.Dir == 'C' && e.Local != n.local.String() {
			asked[e.Remote+" "+e.Text]++
		}
	}
	if len(asked) == 0 {
		t.Error("the trace shows no query of the local name server")
	}
	for q, times := range asked {
		if times > 1 {
			t.Errorf("asked %d times: %s", times, q)
		}
	}
}
