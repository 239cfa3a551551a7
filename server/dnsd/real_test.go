package dnsd_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"glassmail/dns"
	"glassmail/lab/lesson"
	"glassmail/server/dnsd"
	"glassmail/wire"
)

// mapped is the system's network on which the addresses of the lecture lead to
// the servers on loopback that play them.
type mapped struct {
	wire.OS
	to map[string]string
}

func (m mapped) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if a, ok := m.to[addr]; ok {
		addr = a
	}
	return m.OS.Dial(ctx, network, addr)
}

func (m mapped) ListenPacket(ctx context.Context, addr string) (net.PacketConn, error) {
	pc, err := m.OS.ListenPacket(ctx, addr)
	return mappedPackets{pc, m.to}, err
}

// mappedPackets is mapped for a socket that speaks with many.
type mappedPackets struct {
	net.PacketConn
	to map[string]string
}

func (m mappedPackets) WriteTo(b []byte, to net.Addr) (int, error) {
	if a, ok := m.to[to.String()]; ok {
		to = net.UDPAddrFromAddrPort(netip.MustParseAddrPort(a))
	}
	return m.PacketConn.WriteTo(b, to)
}

func (m mappedPackets) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := m.PacketConn.ReadFrom(b)
	if err != nil {
		return n, from, err
	}
	real := netip.MustParseAddrPort(from.String())
	real = netip.AddrPortFrom(real.Addr().Unmap(), real.Port())
	for lecture, a := range m.to {
		if a == real.String() {
			from = net.UDPAddrFromAddrPort(netip.MustParseAddrPort(lecture))
		}
	}
	return n, from, nil
}

// lab runs every server of the lecture and a validating local server on real
// sockets.
type lab struct {
	h     *lesson.Hierarchy
	host  mapped
	local netip.AddrPort
	r     *dns.Resolver
}

func newLab(t testing.TB) *lab {
	t.Helper()
	h, err := lesson.Lecture(lesson.LectureOptions{Registered: true})
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{h: h, host: mapped{to: map[string]string{}}}
	for _, p := range h.Servers {
		s := run(t, p.Authority, dnsd.Options{Node: p.Name, PerClient: -1})
		l.host.to[p.Addr.String()+":53"] = s.Addr().String()
	}
	l.r, err = dns.NewResolver(dns.ResolverOptions{Host: l.host, Roots: h.Roots, Anchors: h.Anchors})
	if err != nil {
		t.Fatal(err)
	}
	l.local = run(t, dns.NewRecursive(l.r, nil), dnsd.Options{Node: "dns.nyu.edu.", PerClient: -1}).Addr()
	return l
}

// at is where the server of that name really listens.
func (l *lab) at(name string) netip.AddrPort {
	return netip.MustParseAddrPort(l.host.to[l.h.Server(name).Addr.String()+":53"])
}

// program runs a real client and returns what it printed.
func program(t *testing.T, debian, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is missing: install the Debian package %s", name, debian)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = t.TempDir()
	out, _ := cmd.CombinedOutput() // the clients' exit codes differ; what counts is what they print
	return string(out)
}

func wants(t *testing.T, out string, patterns ...string) {
	t.Helper()
	for _, p := range patterns {
		if !regexp.MustCompile(p).MatchString(out) {
			t.Errorf("no %s in\n%s", p, out)
		}
	}
}

func TestRealDig(t *testing.T) {
	l := newLab(t)
	local := []string{"@127.0.0.1", "-p", strconv.Itoa(int(l.local.Port())), "+tries=1"}
	at := func(name string) []string {
		return []string{"@127.0.0.1", "-p", strconv.Itoa(int(l.at(name).Port())), "+tries=1"}
	}
	for _, c := range []struct {
		server []string
		args   string
		want   []string
	}{
		{local, "hamburger.edu MX", []string{`status: NOERROR`, `flags: qr rd ra`, `10 mail\.hamburger\.edu\.`}},
		{local, "hamburger.edu MX +dnssec", []string{`flags: qr rd ra ad`, `RRSIG\s+MX 13`}},
		{local, "hamburger.edu MX +tcp", []string{`\(TCP\)`, `10 mail`}},
		{local, "nobody.crepes.fr", []string{`status: NXDOMAIN`, `SOA`}},
		{local, "crepes.fr AAAA", []string{`status: NOERROR`, `ANSWER: 0`, `SOA`}},
		{local, "-x 203.0.113.25", []string{`PTR\s+mail\.hamburger\.edu\.`}},
		{local, "www.ibm.com", []string{`CNAME\s+servereast\.backup2\.ibm\.com\.`, `198\.18\.2\.80`}},
		{local, "x CH TXT", []string{`status: REFUSED`}},
		{local, "hamburger.edu MX +edns=7 +noednsneg", []string{`status: BADVERS`}},
		{at("a.edu"), "gaia.cs.umass.edu +norec", []string{`flags: qr;`, `cs\.umass\.edu\.\s+86400\s+IN\s+NS\s+dns\.cs\.umass\.edu\.`, `128\.119\.245\.53`}},
		{at("dns1.hamburger.edu"), "hamburger.edu ANY +notcp", []string{`ANSWER: 1, AUTHORITY: 0, ADDITIONAL: 1`, `\(UDP\)`}},
		{at("dns1.hamburger.edu"), "hamburger.edu ANY +dnssec", []string{`\(TCP\)`, `DNSKEY`, `SOA`, `MX`}},
		{local, "hamburger.edu ANY +notcp", []string{`ANSWER: 1, AUTHORITY: 0, ADDITIONAL: 1`, `\(UDP\)`}},
		{at("dns1.hamburger.edu"), "hamburger.edu AXFR", []string{`mail\.hamburger\.edu\.\s+3600\s+IN\s+A\s+203\.0\.113\.25`, `XFR size: \d+ records`}},
		{at("dns1.hamburger.edu"), "crepes.fr", []string{`status: REFUSED`}},
		{at("dns1.hamburger.edu"), "hamburger.edu +opcode=UPDATE", []string{`status: NOTIMP`}},
		{at("dns1.hamburger.edu"), "hamburger.edu MX +cookie +nsid", []string{`10 mail`}},
	} {
		wants(t, program(t, "bind9-dnsutils", "dig", append(c.server, strings.Fields(c.args)...)...), c.want...)
	}
}

func TestRealNslookupHostKdig(t *testing.T) {
	l := newLab(t)
	port := strconv.Itoa(int(l.local.Port()))
	wants(t, program(t, "bind9-dnsutils", "nslookup", "-port="+port, "www.amazon.com", "127.0.0.1"), `Non-authoritative answer`, `198\.18\.1\.81`)
	wants(t, program(t, "bind9-dnsutils", "nslookup", "-port="+port, "-type=NS", "umass.edu", "127.0.0.1"), `nameserver = dns\.umass\.edu`)
	wants(t, program(t, "bind9-host", "host", "-p", port, "hamburger.edu", "127.0.0.1"), `mail is handled by 10 mail\.hamburger\.edu`)
	wants(t, program(t, "knot-dnsutils", "kdig", "@127.0.0.1", "-p", port, "+dnssec", "crepes.fr", "MX"), `status: NOERROR`, `RRSIG`)
}

// delv checks every signature itself, from the key of the root.
func TestRealDelv(t *testing.T) {
	l := newLab(t)
	anchor := filepath.Join(t.TempDir(), "anchor.conf")
	if err := os.WriteFile(anchor, []byte(dns.AnchorFile(l.h.Anchors)), 0o600); err != nil {
		t.Fatal(err)
	}
	movedTree(t, l.h)
	for _, c := range [][3]string{
		{"relay1.old.foo.com", "A", `; fully validated\n(?s:.*)145\.37\.93\.126`},
		{"gone.old.foo.com", "A", `; fully validated\ngone(?s:.*)NXDOMAIN`},
		{"hamburger.edu", "MX", `; fully validated\nhamburger\.edu`},
		{"gaia.cs.umass.edu", "A", `; fully validated\ngaia`},
		{"www.ibm.com", "A", `; fully validated`},
		{"a.b.wild.foo.com", "TXT", `; fully validated\na\.b\.wild\.foo\.com`},
		{"nobody.hamburger.edu", "A", `ncache nxrrset|ncache nxdomain|negative response, fully validated`},
		{"hamburger.edu", "AAAA", `negative response, fully validated`},
		{"wild.foo.com", "A", `negative response, fully validated`},
		{"a.wild.foo.com", "MX", `negative response, fully validated`},
		{"xn--72c0b0acb2i5cn.xn--o3cw4h", "A", `; fully validated`},
		{"25.113.0.203.in-addr.arpa", "PTR", `; fully validated`},
		{"no.such.tld", "A", `negative response, fully validated`},
	} {
		out := program(t, "bind9-dnsutils", "delv", "@127.0.0.1", "-p", strconv.Itoa(int(l.local.Port())), "-a", anchor, "+root=.", c[0], c[1])
		wants(t, out, c[2])
	}
	if err := l.h.Break("hamburger.edu", lesson.AlteredRecord); err != nil {
		t.Fatal(err)
	}
	l.r.Cache().Flush()
	out := program(t, "bind9-dnsutils", "dig", "@127.0.0.1", "-p", strconv.Itoa(int(l.local.Port())), "mail.hamburger.edu")
	wants(t, out, `status: SERVFAIL`, `EDE: 6 \(DNSSEC Bogus\): \(DNSSEC: mail\.hamburger\.edu\. A: the signature by key`)
}

// movedTree lets names below old.foo.com stand for those below bar.foo.com.
func movedTree(t *testing.T, h *lesson.Hierarchy) {
	t.Helper()
	r, err := dns.ParseRecord("old.foo.com. 600 DNAME bar.foo.com.")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Edit("foo.com", dns.Edit{Add: []dns.Record{r}}); err != nil {
		t.Fatal(err)
	}
}

// BIND's checker accepts every zone, signed and unsigned.
func TestRealCheckzone(t *testing.T) {
	for _, unsigned := range []bool{true, false} {
		h, err := lesson.Lecture(lesson.LectureOptions{Unsigned: unsigned, Registered: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, z := range h.Zones() {
			file := filepath.Join(t.TempDir(), "zone")
			var b strings.Builder
			if _, err := z.WriteTo(&b); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			wants(t, program(t, "bind9-utils", "named-checkzone", "-i", "local", z.Origin(), file), `(?m)^OK$`)
		}
	}
}

// startNSD serves zones by NSD on loopback and returns where.
func startNSD(t testing.TB, zones ...*dns.Zone) netip.AddrPort {
	t.Helper()
	addr, _ := startNSDProcess(t, zones...)
	return addr
}

func startNSDProcess(t testing.TB, zones ...*dns.Zone) (netip.AddrPort, int) {
	t.Helper()
	nsd, err := exec.LookPath("nsd")
	if err != nil {
		t.Skip("nsd is missing: install the Debian package nsd")
	}
	dir := t.TempDir()
	addr := freePort(t)
	conf := fmt.Sprintf("server:\n ip-address: 127.0.0.1@%d\n username: \"\"\n chroot: \"\"\n zonesdir: %[2]q\n database: \"\"\n pidfile: \"\"\n xfrdfile: %[3]q\n xfrdir: %[2]q\n zonelistfile: %[4]q\n cookie-secret-file: \"\"\n round-robin: no\n rrl-ratelimit: 0\nremote-control:\n control-enable: no\n",
		addr.Port(), dir, filepath.Join(dir, "xfrd"), filepath.Join(dir, "zones.list"))
	for i, z := range zones {
		var b strings.Builder
		z.WriteTo(&b)
		name := fmt.Sprintf("zone%d", i)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		conf += fmt.Sprintf("zone:\n name: %q\n zonefile: %s\n", z.Origin(), name)
	}
	if err := os.WriteFile(filepath.Join(dir, "nsd.conf"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(nsd, "-d", "-c", filepath.Join(dir, "nsd.conf"))
	cmd.SysProcAttr = ownGroup()
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := func() {
		cmd.Process.Signal(os.Interrupt) // its own children end with it
		cmd.Wait()
	}
	if err := answering(addr, zones[0].Origin()); err != nil {
		stop()
		t.Fatalf("nsd does not answer: %v\n%s", err, &said)
	}
	t.Cleanup(stop)
	return addr, cmd.Process.Pid
}

// freePort is a loopback port that nothing uses, neither over UDP nor over TCP.
func freePort(t testing.TB) netip.AddrPort {
	t.Helper()
	for range 20 {
		u, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp", u.LocalAddr().String())
		u.Close()
		if err == nil {
			l.Close()
			return netip.MustParseAddrPort(l.Addr().String())
		}
	}
	t.Fatal("no free port")
	return netip.AddrPort{}
}

// answering waits until a server replies.
func answering(addr netip.AddrPort, zone string) error {
	var last error
	for range 100 {
		c := dns.Client{Host: wire.OS{}, Timeout: 200 * time.Millisecond}
		if _, last = c.Ask(context.Background(), addr, dns.NewMessage(dns.Query{Name: zone, Type: dns.TypeSOA})); last == nil {
			return nil
		}
		<-time.After(20 * time.Millisecond)
	}
	return last
}

// Our resolver finds and checks what NSD serves.
func TestRealNSD(t *testing.T) {
	l := newLab(t)
	addr := startNSD(t, l.h.Zone("hamburger.edu"))
	l.host.to[l.h.Server("dns1.hamburger.edu").Addr.String()+":53"] = addr.String()
	for _, q := range []struct {
		name string
		typ  dns.Type
	}{{"hamburger.edu", dns.TypeMX}, {"nobody.hamburger.edu", dns.TypeA}, {"mail.hamburger.edu", dns.TypeAAAA}} {
		m, err := l.r.Resolve(context.Background(), q.name, q.typ)
		if err != nil || !m.Header().AuthenticData {
			t.Errorf("%s %s through NSD: %v", q.name, q.typ, err)
		}
	}
}

const hard = `$ORIGIN hard.test.
$TTL 600
@        SOA   ns hostmaster 5 3600 900 1209600 60
@        NS    ns
@        MX    10 mail
ns       A     192.0.2.53
mail     A     192.0.2.25
mail     AAAA  2001:db8::25
alias    CNAME mail
out      CNAME www.elsewhere.test.
dangling CNAME nothing
a.b.c    TXT   "deep"
*.w      A     192.0.2.99
x.w      TXT   "exists"
y.x.w    A     192.0.2.98
*.cw     CNAME mail
sub      NS    ns.sub
sub      NS    ns.elsewhere.test.
ns.sub   A     192.0.2.153
tree     DNAME b.c
far      DNAME elsewhere.test.
`

// hardNames are what is asked about the hard zone, below its origin.
func hardNames() []string {
	return []string{"", "mail.", "alias.", "out.", "dangling.", "nothing.", "c.", "b.c.", "a.b.c.", "z.b.c.", "w.", "q.w.", "r.q.w.", "*.w.", "x.w.", "y.x.w.", "z.x.w.", "q.cw.", "cw.", "sub.", "ns.sub.", "z.sub.", "a.", "zz.", "tree.", "a.tree.", "a.a.tree.", "q.far."}
}

// hardZones is the hard zone unsigned and signed.
func hardZones(t *testing.T) []*dns.Zone {
	t.Helper()
	plain, err := dns.ReadZone(strings.NewReader(hard), "", "hard")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := dns.NewKeys("hard.test", dns.ECDSAP256, true)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := plain.Sign(keys, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return []*dns.Zone{plain, signed}
}

// same asks two servers of a zone for all names and types and compares.
func same(t *testing.T, z *dns.Zone, theirs netip.AddrPort, names ...string) {
	t.Helper()
	ours := run(t, dns.NewAuthority(nil, z), dnsd.Options{PerClient: -1}).Addr()
	for _, name := range names {
		for _, typ := range []dns.Type{dns.TypeA, dns.TypeAAAA, dns.TypeMX, dns.TypeTXT, dns.TypeCNAME, dns.TypeNS, dns.TypeDS, dns.TypeSOA, dns.TypeDNAME} {
			for _, do := range []bool{false, true} {
				q := dns.Query{Name: name + "hard.test.", Type: typ, DNSSEC: do, Size: 1232, ID: 1}
				if a, b := summary(t, ours, q), summary(t, theirs, q); a != b {
					t.Errorf("signed %t: %s %s DO %t:\nours:\n%s\ntheirs:\n%s", z.Signed(), q.Name, typ, do, a, b)
				}
			}
		}
	}
}

// NSD and we give the same answers from the same zone, signed and unsigned. NSD
// leaves out a proof behind a DNAME record: that name is compared with BIND.
func TestSameAsNSD(t *testing.T) {
	for _, z := range hardZones(t) {
		same(t, z, startNSD(t, z), hardNames()...)
	}
}

// summary is what counts in a reply: code, AA, the answer in its order and the
// authority section, without the NS records that some servers add to answers.
func summary(t *testing.T, at netip.AddrPort, q dns.Query) string {
	t.Helper()
	c := dns.Client{Host: wire.OS{}}
	r, err := c.Ask(context.Background(), at, dns.NewMessage(q))
	if err != nil {
		t.Fatal(err)
	}
	h := r.Header()
	out := fmt.Sprintf("%s aa=%t\n", h.Code, h.Authoritative)
	var answer, authority []string
	for _, x := range r.Answer() {
		answer = append(answer, x.String())
	}
	negative := len(answer) == 0 || h.Code == dns.NameError
	for _, x := range r.Authority() {
		if x.Type() == dns.TypeSOA {
			negative = true
		}
	}
	for _, x := range r.Authority() {
		if ns := x.Type() == dns.TypeNS || strings.Contains(x.Data(), "NS 13 "); !ns || negative {
			authority = append(authority, x.String())
		}
	}
	slices.Sort(answer)
	slices.Sort(authority)
	return out + strings.Join(answer, "\n") + "\n--\n" + strings.Join(authority, "\n")
}
