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
	"glassmail/wire"
)

// startBIND serves zones by BIND on loopback and returns where, and its folder. The
// option is put into each zone's clause.
func startBIND(t *testing.T, option string, zones ...*dns.Zone) (netip.AddrPort, string) {
	t.Helper()
	path, err := exec.LookPath("named")
	if err != nil {
		t.Skip("named is missing: install the Debian package bind9")
	}
	dir, at := t.TempDir(), freePort(t)
	conf := fmt.Sprintf("options { directory %q; listen-on port %d { 127.0.0.1; }; listen-on-v6 { none; }; recursion no; pid-file none; session-keyfile none; minimal-responses yes; zero-no-soa-ttl no; dnssec-validation no; };\ncontrols { };\n", dir, at.Port())
	for i, z := range zones {
		var b strings.Builder
		if _, err := z.WriteTo(&b); err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprintf("zone%d", i)
		write(t, filepath.Join(dir, name), b.String())
		conf += fmt.Sprintf("zone %q { type primary; file %q; %s };\n", z.Origin(), name, option)
	}
	write(t, filepath.Join(dir, "named.conf"), conf)
	cmd := exec.Command(path, "-4", "-g", "-n", "1", "-c", filepath.Join(dir, "named.conf"))
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := func() {
		cmd.Process.Kill()
		cmd.Wait()
	}
	if err := answering(at, zones[0].Origin()); err != nil {
		stop()
		t.Fatalf("named does not answer: %v\n%s", err, &said)
	}
	t.Cleanup(stop)
	return at, dir
}

// BIND and we give the same answers from the same zone, signed and unsigned.
func TestSameAsBIND(t *testing.T) {
	for _, z := range hardZones(t) {
		at, _ := startBIND(t, "", z)
		same(t, z, at, append(hardNames(), "z.tree.")...)
	}
}

// Our resolver finds and checks what BIND serves, signed by us and signed by BIND
// itself as it serves (inline signing).
func TestRealBIND(t *testing.T) {
	questions := []struct {
		name string
		typ  dns.Type
		code dns.Code
	}{
		{"hamburger.edu", dns.TypeMX, dns.NoError},
		{"mail.hamburger.edu", dns.TypeA, dns.NoError},
		{"mail.hamburger.edu", dns.TypeAAAA, dns.NoError},
		{"nobody.hamburger.edu", dns.TypeA, dns.NameError},
		{"x.wild.hamburger.edu", dns.TypeTXT, dns.NoError},
		{"x.wild.hamburger.edu", dns.TypeA, dns.NoError},
	}
	check := func(t *testing.T, l *lab) {
		t.Helper()
		for _, q := range questions {
			m, err := l.r.Resolve(context.Background(), q.name, q.typ)
			if err != nil || !m.Header().AuthenticData || m.Header().Code != q.code {
				t.Errorf("%s %s through BIND: %v, %v", q.name, q.typ, m, err)
			}
		}
	}
	z, err := dns.ReadZone(strings.NewReader(foreign), "", "foreign")
	if err != nil {
		t.Fatal(err)
	}
	t.Run("signed by us", func(t *testing.T) {
		l := newLab(t)
		if _, err := l.h.Load(z); err != nil {
			t.Fatal(err)
		}
		at, _ := startBIND(t, "", l.h.Zone("hamburger.edu"))
		l.host.to[l.h.Server("dns1.hamburger.edu").Addr.String()+":53"] = at.String()
		check(t, l)
	})
	t.Run("inline signing", func(t *testing.T) {
		l := newLab(t)
		at, dir := startBIND(t, "dnssec-policy default; inline-signing yes;", z)
		if err := signedAt(at, "hamburger.edu"); err != nil {
			t.Fatal(err)
		}
		keys, err := filepath.Glob(filepath.Join(dir, "Khamburger.edu.*.key"))
		if err != nil || len(keys) != 1 {
			t.Fatalf("keys of BIND: %v, %v", keys, err)
		}
		ds, err := dns.ParseRecord(strings.TrimSpace(program(t, "bind9-utils", "dnssec-dsfromkey", keys[0])))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.h.Edit("edu", dns.Edit{Replace: []dns.Record{ds}}); err != nil {
			t.Fatal(err)
		}
		l.host.to[l.h.Server("dns1.hamburger.edu").Addr.String()+":53"] = at.String()
		check(t, l)
	})
}

// signedAt waits until a server sends signatures.
func signedAt(at netip.AddrPort, zone string) error {
	c := dns.Client{Host: wire.OS{}, Timeout: 200 * time.Millisecond}
	for range 200 {
		r, err := c.Ask(context.Background(), at, dns.NewMessage(dns.Query{Name: zone, Type: dns.TypeNSEC, DNSSEC: true}))
		if err == nil && len(r.Answer()) == 2 {
			return nil
		}
		<-time.After(20 * time.Millisecond)
	}
	return fmt.Errorf("%s is not signed", zone)
}

// BIND's checker accepts each zone file that is shipped, as it is.
func TestRealCheckShipped(t *testing.T) {
	dir := filepath.Join("..", "..", "lab", "lesson", "zones")
	zones, err := dns.LoadZones(dir)
	if err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != len(zones) {
		t.Fatalf("%d files, %d zones, %v", len(files), len(zones), err)
	}
	for _, f := range files {
		z, findings, err := dns.CheckFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range findings {
			if !strings.Contains(x.Text, "one name server only") {
				t.Errorf("%s: %s", f.Name(), x)
			}
		}
		path, err := filepath.Abs(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		wants(t, program(t, "bind9-utils", "named-checkzone", "-i", "local", z.Origin(), path), `(?m)^OK$`)
	}
}
