package lesson_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"glassmail/lab/lesson/lessontest"

	"glassmail/dns"
	"glassmail/lab/lesson"
	"glassmail/trace"
)

func utopia() []dns.NameServer {
	return []dns.NameServer{
		{Name: "dns1.networkutopia.com", Addrs: []netip.Addr{netip.MustParseAddr("212.212.212.1")}},
		{Name: "dns2.networkutopia.com", Addrs: []netip.Addr{netip.MustParseAddr("212.212.212.2")}},
	}
}

// The registration of the lecture: two NS and two A records appear in com, and
// then the domain is found.
func TestRegister(t *testing.T) {
	w := lessontest.NewWorld(t, lesson.LectureOptions{})
	reg := lesson.NewRegistrar(w.Hierarchy)
	r := w.Resolver(t, lessontest.Validating(w))
	if _, err := reg.Register("networkutopia.com", "ada", []dns.NameServer{{Name: "dns1.networkutopia.com"}}); err == nil || !strings.Contains(err.Error(), "glue") {
		t.Errorf("without glue: %v", err)
	}
	d, err := reg.Register("networkutopia.com", "ada", utopia())
	if err != nil {
		t.Fatal(err)
	}
	want := `com.
+ networkutopia.com.	86400	IN	NS	dns1.networkutopia.com.
+ dns1.networkutopia.com.	86400	IN	A	212.212.212.1
+ networkutopia.com.	86400	IN	NS	dns2.networkutopia.com.
+ dns2.networkutopia.com.	86400	IN	A	212.212.212.2
`
	if d.String() != want {
		t.Errorf("got\n%swant\n%s", d, want)
	}
	m, err := r.Resolve(t.Context(), "networkutopia.com", dns.TypeMX)
	if err != nil || len(m.Answer()) != 1 || m.Header().AuthenticData {
		t.Fatalf("registered: %v, %v", m, err)
	}
	ds, err := w.Hierarchy.DS("networkutopia.com")
	if err != nil {
		t.Fatal(err)
	}
	if d, err = reg.PublishDS("networkutopia.com", "ada", ds); err != nil || len(d.Added) != 1 || len(d.Removed) != 0 {
		t.Fatalf("publish DS: %v, %v", d, err)
	}
	r.Cache().Flush()
	if m, err = r.Resolve(t.Context(), "networkutopia.com", dns.TypeMX); err != nil || !m.Header().AuthenticData {
		t.Errorf("with DS: %v, %v", m, err)
	}
	if d, err = reg.SetServers("networkutopia.com", "ada", utopia()[:1]); err != nil || len(d.Removed) != 2 || len(d.Added) != 0 {
		t.Errorf("one server less: %v, %v", d, err)
	}
	if err := reg.Transfer("networkutopia.com", "ada", "bob"); err != nil || reg.Owner("networkutopia.com") != "bob" {
		t.Errorf("transfer: %v", err)
	}
	if _, err := reg.Delete("networkutopia.com", "ada"); err == nil {
		t.Error("the old owner deleted the domain")
	}
	if d, err = reg.Delete("networkutopia.com", "bob"); err != nil || len(d.Removed) != 3 || reg.Owner("networkutopia.com") != "" {
		t.Errorf("delete: %v, %v", d, err)
	}
	for _, domain := range []string{"amazon.com", "a.b.com", "x.nowhere"} {
		if _, err := reg.Register(domain, "ada", utopia()); err == nil {
			t.Errorf("%s was registered", domain)
		}
	}
}

func TestLint(t *testing.T) {
	z, err := dns.ReadZone(strings.NewReader(`$TTL 60
@ SOA ns h 1 1 1 1 1
@ NS ns
ns A 192.0.2.1
@ MX 10 mail.hamburger.edu
@ MX 20 alias
@ MX 30 nowhere
@ MX 40 203.0.113.25
alias CNAME ns
sub NS ns.sub
ok NS ns.ok
ns.ok A 192.0.2.2
`), "hamburger.edu.", "z")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range dns.Lint(z) {
		got = append(got, f.String())
	}
	all := strings.Join(got, "\n")
	for _, want := range []string{"a final dot is missing", "alias.hamburger.edu. is an alias", "nowhere.hamburger.edu. has no address", "is an address where a name belongs", "sub.hamburger.edu. NS: glue is missing", "one name server only"} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q in\n%s", want, all)
		}
	}
	if len(got) != 6 {
		t.Errorf("%d findings:\n%s", len(got), all)
	}
	w := lessontest.NewWorld(t, lesson.LectureOptions{Registered: true})
	for _, z := range w.Hierarchy.Zones() {
		for _, f := range dns.Lint(z) {
			if !strings.Contains(f.Text, "one name server only") {
				t.Errorf("shipped zone %s: %s", z.Origin(), f)
			}
		}
	}
}

func TestCheckDelegation(t *testing.T) {
	w := lessontest.NewWorld(t, lesson.LectureOptions{})
	c := dns.Client{Host: w.Internet}
	com := w.Hierarchy.Zone("com")
	if f := dns.CheckDelegation(t.Context(), c, com, "amazon.com", w.Hierarchy.Addrs); len(f) != 0 {
		t.Errorf("amazon.com: %v", f)
	}
	w.Set("198.18.1.53", w.Hierarchy.Server("a.fr").Authority)
	if f := dns.CheckDelegation(t.Context(), c, com, "amazon.com", w.Hierarchy.Addrs); len(f) != 1 || !strings.Contains(f[0].Text, "lame") {
		t.Errorf("a server of another zone: %v", f)
	}
	if f := dns.CheckDelegation(t.Context(), c, com, "networkutopia.com", w.Hierarchy.Addrs); len(f) != 1 || !strings.Contains(f[0].Text, "not delegated") {
		t.Errorf("not registered: %v", f)
	}
}

// The second picture of the lecture: the question travels down the chain of
// servers and the answer back up, 8 messages again, nested.
func TestRecursiveChain(t *testing.T) {
	w := lessontest.NewWorld(t, lesson.LectureOptions{})
	shared := &dns.Recursion{}
	for _, s := range w.Hierarchy.Servers {
		client := dns.Client{Host: w.Internet, Trace: w.Log, Node: s.Name}
		w.Set(s.Addr.String(), dns.NewChain(s.Authority, client, shared, w.Hierarchy.Addrs))
	}
	r := w.Resolver(t, lessontest.Validating(w), func(o *dns.ResolverOptions) { o.Recursion = shared })
	s := r.Switches()
	s.Mode = dns.Recurse
	if err := r.Switch(s); err != nil {
		t.Fatal(err)
	}
	m, err := r.Resolve(t.Context(), "gaia.cs.umass.edu", dns.TypeA)
	if err != nil || len(m.Answer()) != 1 || !m.Header().AuthenticData {
		t.Fatalf("%v, %v", m, err)
	}
	s.Validate = false
	if err := r.Switch(s); err != nil {
		t.Fatal(err)
	}
	before := w.Log.Since(0)[len(w.Log.Since(0))-1].Seq
	_, steps, err := r.Fresh().Walk(t.Context(), "gaia.cs.umass.edu", dns.TypeA)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range w.Log.Since(before) {
		if e.Kind == trace.Datagram {
			got = append(got, fmt.Sprintf("%s%c", e.Node, e.Dir))
		}
	}
	root := strings.Fields(got[1][:6])[0]
	if want := "dns.nyu.eduC " + root + ".C a.edu.C a.edu.S " + root + ".S dns.nyu.eduS"; strings.Join(got, " ") != want {
		t.Errorf("messages %v, want %s", got, want)
	}
	var path []string
	for _, a := range lesson.Picture("engineering.nyu.edu.", "dns.nyu.edu.", "gaia.cs.umass.edu.", dns.TypeA, steps) {
		path = append(path, fmt.Sprintf("%d %s>%s", a.Number, a.From, a.To))
	}
	want := "1 engineering.nyu.edu.>dns.nyu.edu. 2 dns.nyu.edu.>R. 3 R.>a.edu. 4 a.edu.>dns.cs.umass.edu. 5 dns.cs.umass.edu.>a.edu. 6 a.edu.>R. 7 R.>dns.nyu.edu. 8 dns.nyu.edu.>engineering.nyu.edu."
	if got := strings.Join(path, " "); got != strings.ReplaceAll(want, "R.", root+".") {
		t.Errorf("picture:\n%s\nwant\n%s", got, want)
	}
	s.Mode = dns.Iterate
	if err := r.Switch(s); err != nil || shared.On() {
		t.Fatalf("back to iterative: %v, servers search on: %t", err, shared.On())
	}
	forward := w.Resolver(t, func(o *dns.ResolverOptions) {
		o.ForwardTo = []netip.AddrPort{netip.AddrPortFrom(w.Hierarchy.Roots[0].Addrs[0], 53)}
	})
	if _, err := forward.Resolve(t.Context(), "gaia.cs.umass.edu", dns.TypeA); err == nil || !strings.Contains(err.Error(), "does not search") {
		t.Errorf("chain off: %v", err)
	}
}
