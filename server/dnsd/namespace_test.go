package dnsd_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"glassmail/dns"
	"glassmail/lab/lesson"
	"glassmail/server/dnsd"
	"glassmail/wire"
)

const inside = "GLASSMAIL_TEST_NAMESPACE" // set to the scratch folder inside the namespace

// TestNamespace runs this test program again in a network of its own, where the
// servers of the lecture have their real addresses and port 53: unmodified dig,
// Unbound and BIND walk through them.
func TestNamespace(t *testing.T) {
	if dir := os.Getenv(inside); dir != "" {
		namespace(t, dir)
		return
	}
	for _, need := range [][2]string{{"unshare", "util-linux"}, {"ip", "iproute2"}, {"mount", "mount"}} {
		if _, err := exec.LookPath(need[0]); err != nil {
			t.Skipf("%s is missing: install the Debian package %s", need[0], need[1])
		}
	}
	if out, err := exec.Command("unshare", "-Urnm", "ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		t.Skipf("this system allows no network namespace: %v %s", err, out)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "resolv.conf"), []byte("nameserver 198.18.3.53\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	script := `ip link set lo up && mount --bind "$0/resolv.conf" /etc/resolv.conf && exec "$1" -test.run '^TestNamespace$' -test.v`
	cmd := exec.CommandContext(ctx, "unshare", "-Urnm", "sh", "-c", script, dir, self)
	cmd.Env = append(os.Environ(), inside+"="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

func namespace(t *testing.T, dir string) {
	h, err := lesson.Lecture(lesson.LectureOptions{Registered: true})
	if err != nil {
		t.Fatal(err)
	}
	movedTree(t, h)
	for _, p := range h.Servers {
		serve(t, p.Addr, p.Authority)
	}
	r, err := dns.NewResolver(dns.ResolverOptions{Host: wire.OS{}, Roots: h.Roots, Anchors: h.Anchors})
	if err != nil {
		t.Fatal(err)
	}
	serve(t, h.Local.Addrs[0], dns.NewRecursive(r, nil))
	anchors, hints := filepath.Join(dir, "anchors"), filepath.Join(dir, "hints")
	write(t, anchors, dns.AnchorFile(h.Anchors))
	write(t, hints, dns.HintsFile(h.Roots))

	t.Run("dig trace", func(t *testing.T) {
		out := program(t, "bind9-dnsutils", "dig", "+trace", "gaia.cs.umass.edu")
		wants(t, out, `from 192\.0\.2\.[12]#53`, `from 192\.0\.2\.11#53\(a\.edu\)`, `gaia\.cs\.umass\.edu\.\s+3600\s+IN\s+A\s+128\.119\.245\.12`)
	})
	t.Run("getent", func(t *testing.T) {
		wants(t, program(t, "libc-bin", "getent", "hosts", "mail.hamburger.edu"), `203\.0\.113\.25`)
	})
	t.Run("unbound", func(t *testing.T) { recursives(t, unbound(t, dir, h, hints)) })
	t.Run("bind", func(t *testing.T) { recursives(t, bind(t, dir, anchors, hints)) })
}

func serve(t *testing.T, addr netip.Addr, h dns.Handler) {
	t.Helper()
	if out, err := exec.Command("ip", "addr", "add", addr.String()+"/32", "dev", "lo").CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	s := dnsd.New(wire.OS{}, []string{netip.AddrPortFrom(addr, 53).String()}, h, dnsd.Options{PerClient: -1})
	done := make(chan error, 1)
	go func() { done <- s.Run(context.Background()) }()
	select {
	case <-s.Ready():
	case err := <-done:
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(); <-done })
}

func write(t testing.TB, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// recursives asks a foreign recursive server that iterates through our servers
// and checks their signatures.
func recursives(t *testing.T, at netip.AddrPort) {
	t.Helper()
	for _, c := range [][]string{
		{"hamburger.edu MX", `flags: qr rd ra ad`, `10 mail\.hamburger\.edu\.`},
		{"www.amazon.com A", `flags: qr rd ra ad`, `198\.18\.1\.82`},
		{"www.ibm.com A", `flags: qr rd ra ad`, `198\.18\.2\.80`},
		{"gaia.cs.umass.edu A", `flags: qr rd ra ad`, `128\.119\.245\.12`},
		{"xn--72c0b0acb2i5cn.xn--o3cw4h A", `flags: qr rd ra ad`, `198\.18\.5\.81`},
		{"nobody.hamburger.edu A", `flags: qr rd ra ad`, `status: NXDOMAIN`},
		{"hamburger.edu AAAA", `flags: qr rd ra ad`, `ANSWER: 0`},
		{"a.b.wild.foo.com TXT", `flags: qr rd ra ad`, `every name below`},
		{"a.b.wild.foo.com MX", `flags: qr rd ra ad`, `ANSWER: 0`},
		{"relay1.old.foo.com A", `flags: qr rd ra ad`, `145\.37\.93\.126`},
		{"-x 203.0.113.25", `flags: qr rd ra ad`, `mail\.hamburger\.edu\.`},
	} {
		args := append([]string{"@" + at.Addr().String(), "-p", fmt.Sprint(at.Port()), "+dnssec"}, strings.Fields(c[0])...)
		wants(t, program(t, "bind9-dnsutils", "dig", args...), c[1:]...)
	}
}

func unbound(t *testing.T, dir string, h *lesson.Hierarchy, hints string) netip.AddrPort {
	t.Helper()
	path, err := exec.LookPath("unbound")
	if err != nil {
		t.Skip("unbound is missing: install the Debian package unbound")
	}
	var b strings.Builder
	fmt.Fprintf(&b, "server:\n interface: 127.0.0.1\n port: 5301\n do-ip6: no\n username: \"\"\n chroot: \"\"\n directory: %q\n pidfile: \"\"\n use-syslog: no\n do-daemonize: no\n do-not-query-localhost: no\n root-hints: %q\n", dir, hints)
	fmt.Fprintf(&b, " local-zone: \"113.0.203.in-addr.arpa.\" nodefault\n")
	keys := filepath.Join(dir, "root.key")
	write(t, keys, dns.AnchorRecords(h.Anchors))
	fmt.Fprintf(&b, " trust-anchor-file: %q\n", keys)
	b.WriteString("remote-control:\n control-enable: no\n")
	conf := filepath.Join(dir, "unbound.conf")
	write(t, conf, b.String())
	return daemon(t, netip.MustParseAddrPort("127.0.0.1:5301"), path, "-d", "-c", conf)
}

func bind(t *testing.T, dir, anchors, hints string) netip.AddrPort {
	t.Helper()
	path, err := exec.LookPath("named")
	if err != nil {
		t.Skip("named is missing: install the Debian package bind9")
	}
	conf := filepath.Join(dir, "named.conf")
	write(t, conf, fmt.Sprintf(`options { directory %q; listen-on port 5302 { 127.0.0.1; }; listen-on-v6 { none; }; recursion yes; dnssec-validation yes; empty-zones-enable no; pid-file none; session-keyfile none; };
controls { };
zone "." { type hint; file %q; };
include %q;
`, dir, hints, anchors))
	return daemon(t, netip.MustParseAddrPort("127.0.0.1:5302"), path, "-4", "-g", "-c", conf)
}

func daemon(t *testing.T, at netip.AddrPort, path string, args ...string) netip.AddrPort {
	t.Helper()
	cmd := exec.Command(path, args...)
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	if err := answering(at, "."); err != nil {
		cmd.Process.Kill()
		cmd.Wait()
		t.Fatalf("%s does not answer: %v\n%s", path, err, &said)
	}
	return at
}
