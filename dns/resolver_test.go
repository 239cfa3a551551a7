package dns_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"glassmail/lab/lesson/lessontest"

	"glassmail/dns"
	"glassmail/lab/lesson"
	"glassmail/trace"
)

var bg = context.Background()

// The slide of the iterated example: engineering.nyu.edu asks dns.nyu.edu for
// gaia.cs.umass.edu. Two messages pass between those two; the rest is counted
// where the local server sends and receives.
func TestIteratedExample(t *testing.T) {
	for _, c := range []struct {
		via  bool
		want int
	}{{false, 8}, {true, 10}} {
		w := lessontest.NewWorld(t, lesson.LectureOptions{ViaUmass: c.via})
		local := dns.NewRecursive(w.Resolver(t), nil)
		messages := func() int {
			before := len(datagrams(w.Log))
			q := dns.NewMessage(dns.Query{Name: "gaia.cs.umass.edu", Type: dns.TypeA, RecursionDesired: true, ID: 7})
			m := local.Answer(bg, &dns.Request{Message: q, From: netip.MustParseAddrPort("198.18.3.10:5000")})
			if got := lessontest.Data(m.Answer()); !slices.Equal(got, []string{"128.119.245.12"}) || !m.Header().RecursionAvailable || m.Header().Authoritative {
				t.Fatalf("answer %v, header %+v", got, m.Header())
			}
			return 2 + len(datagrams(w.Log)) - before
		}
		if n := messages(); n != c.want {
			t.Errorf("cold, via umass %v: %d messages, want %d\n%s", c.via, n, c.want, lines(w.Log))
		}
		if n := messages(); n != 2 {
			t.Errorf("cached: %d messages, want 2", n)
		}
		w.ManualClock.Advance(time.Hour)
		if n := messages(); n != 4 {
			t.Errorf("after the TTL of the record: %d messages, want 4 (its server is still known)", n)
		}
	}
}

func datagrams(l *trace.Log) []trace.Event {
	return slices.DeleteFunc(l.Since(0), func(e trace.Event) bool { return e.Kind != trace.Datagram })
}

func lines(l *trace.Log) string {
	var b strings.Builder
	for _, e := range l.Since(0) {
		b.WriteString(e.String() + "\n")
	}
	return b.String()
}

// Three servers are asked for www.amazon.com: root, com, amazon.
func TestAmazonThreeServers(t *testing.T) {
	w := lessontest.NewWorld(t, lesson.LectureOptions{})
	r := w.Resolver(t)
	ips, err := r.LookupNetIP(bg, "ip4", "www.amazon.com")
	if err != nil {
		t.Fatal(err)
	}
	if len(ips) != 3 {
		t.Errorf("%d addresses, want 3", len(ips))
	}
	var asked []string
	for _, e := range datagrams(w.Log) {
		if e.Dir == trace.Client {
			asked = append(asked, e.Remote)
		}
	}
	if len(asked) != 3 || !strings.HasPrefix(asked[0], "192.0.2.") || asked[1] != "192.0.2.13:53" || asked[2] != "198.18.1.53:53" {
		t.Errorf("asked %v", asked)
	}
}

func TestLookups(t *testing.T) {
	w := lessontest.NewWorld(t, lesson.LectureOptions{Addresses: map[string]netip.Addr{"mail.crepes.fr": netip.MustParseAddr("127.0.0.2")}})
	r := w.Resolver(t)
	recursive := dns.NewRecursive(r, nil)
	w.Set("198.18.3.53", recursive)
	stub, err := dns.NewStub(dns.StubOptions{Host: w.Internet, Servers: []netip.AddrPort{netip.MustParseAddrPort("198.18.3.53:53")}})
	if err != nil {
		t.Fatal(err)
	}
	type lookups interface {
		LookupMX(ctx context.Context, name string) ([]*net.MX, error)
		LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
		LookupTXT(ctx context.Context, name string) ([]string, error)
		LookupAddr(ctx context.Context, addr string) ([]string, error)
	}
	var _ lookups = net.DefaultResolver
	mx := func(q string) func(lookups) (any, error) {
		return func(l lookups) (any, error) {
			list, err := l.LookupMX(bg, q)
			var out []net.MX
			for _, m := range list {
				out = append(out, *m)
			}
			return out, err
		}
	}
	ip := func(network, q string) func(lookups) (any, error) {
		return func(l lookups) (any, error) { return l.LookupNetIP(bg, network, q) }
	}
	ptr := func(q string) func(lookups) (any, error) {
		return func(l lookups) (any, error) { return l.LookupAddr(bg, q) }
	}
	const absent = "not found"
	for name, l := range map[string]lookups{"resolver": r, "stub": stub} {
		for _, round := range []string{"cold", "cached"} {
			for _, c := range []struct {
				what string
				ask  func(lookups) (any, error)
				want string
			}{
				{"MX", mx("hamburger.edu."), "[{mail.hamburger.edu. 10}]"},
				{"null MX", mx("nomail.foo.com"), "[{. 0}]"},
				{"given address", ip("ip", "mail.crepes.fr"), "[127.0.0.2]"},
				{"alias", ip("ip4", "www.ibm.com"), "[198.18.2.80]"},
				{"Thai name", ip("ip4", "โรงเรียน.ไทย"), "[198.18.5.81]"},
				{"wildcard", func(l lookups) (any, error) { return l.LookupTXT(bg, "any.thing.wild.foo.com") }, "[every name below wild.foo.com has this text]"},
				{"PTR", ptr("203.0.113.25"), "[mail.hamburger.edu.]"},
				{"PTR of the given address", ptr("127.0.0.2"), "[mail.crepes.fr.]"},
				{"no such name", ip("ip", "nobody.hamburger.edu"), absent},
				{"no such data", ip("ip", "hamburger.edu"), absent},
				{"name between others", ip("ip", "cs.nyu.edu"), absent},
				{"no such domain", ip("ip", "no.such.tld"), absent},
			} {
				got, err := c.ask(l)
				var de *net.DNSError
				switch {
				case c.want == absent && (!errors.As(err, &de) || !de.IsNotFound || de.IsTemporary):
					t.Errorf("%s, %s, %s: %v, want not found", name, round, c.what, err)
				case c.want != absent && (err != nil || fmt.Sprint(got) != c.want):
					t.Errorf("%s, %s, %s: %v, %v, want %s", name, round, c.what, got, err, c.want)
				}
			}
		}
	}
}

// A server that says nothing is a temporary failure, by the clock of the host.
func TestSilence(t *testing.T) {
	w := lessontest.NewWorld(t, lesson.LectureOptions{})
	w.Remove("203.0.113.53")
	r := w.Resolver(t)
	done := make(chan error, 1)
	go func() {
		_, err := r.LookupMX(bg, "hamburger.edu")
		done <- err
	}()
	for {
		select {
		case err := <-done:
			var de *net.DNSError
			if !errors.As(err, &de) || !de.IsTemporary || !de.IsTimeout || de.IsNotFound {
				t.Errorf("got %v, want a temporary timeout", err)
			}
			if !strings.Contains(err.Error(), "dns1.hamburger.edu") {
				t.Errorf("the error %q does not name the server", err)
			}
			return
		case <-w.Silent:
			w.ManualClock.Sleepers(2) // the exchange and the whole lookup
			w.ManualClock.Advance(2 * time.Second)
		}
	}
}

// One of two root servers is enough.
func TestRootReplica(t *testing.T) {
	w := lessontest.NewWorld(t, lesson.LectureOptions{})
	refuse := handlerFunc(func(_ context.Context, q *dns.Request) *dns.Message { return q.NewReply(dns.Refused) })
	w.Set("192.0.2.1", refuse)
	for range 8 {
		if _, err := w.Resolver(t).LookupMX(bg, "crepes.fr"); err != nil {
			t.Fatal(err)
		}
	}
	w.Set("192.0.2.2", refuse)
	_, err := w.Resolver(t).LookupMX(bg, "crepes.fr")
	var de *net.DNSError
	if !errors.As(err, &de) || !de.IsTemporary || de.IsNotFound {
		t.Errorf("without a root: %v", err)
	}
}

type handlerFunc func(context.Context, *dns.Request) *dns.Message

func (f handlerFunc) Answer(ctx context.Context, q *dns.Request) *dns.Message { return f(ctx, q) }

// networkutopia.com exists only after its registration.
func TestRegistration(t *testing.T) {
	_, err := lessontest.NewWorld(t, lesson.LectureOptions{}).Resolver(t).LookupMX(bg, "networkutopia.com")
	var de *net.DNSError
	if !errors.As(err, &de) || !de.IsNotFound {
		t.Errorf("not registered: %v", err)
	}
	mx, err := lessontest.NewWorld(t, lesson.LectureOptions{Registered: true}).Resolver(t).LookupMX(bg, "networkutopia.com")
	if err != nil || len(mx) != 1 || mx[0].Host != "mail.networkutopia.com." {
		t.Errorf("registered: %v, %v", mx, err)
	}
}

func TestMinimise(t *testing.T) {
	w := lessontest.NewWorld(t, lesson.LectureOptions{ViaUmass: true})
	r := w.Resolver(t, func(o *dns.ResolverOptions) { o.Minimise = true })
	ips, err := r.LookupNetIP(bg, "ip4", "gaia.cs.umass.edu")
	if err != nil || len(ips) != 1 {
		t.Fatalf("%v, %v", ips, err)
	}
	for _, e := range datagrams(w.Log) {
		if strings.HasPrefix(e.Remote, "192.0.2.1:") || strings.HasPrefix(e.Remote, "192.0.2.2:") {
			if strings.Contains(e.Text, "umass") {
				t.Errorf("the root was told %q", e.Text)
			}
		}
	}
	if _, err := r.LookupTXT(bg, "a.b.c.wild.foo.com"); err != nil { // empty non-terminals and a wildcard
		t.Error(err)
	}
}
