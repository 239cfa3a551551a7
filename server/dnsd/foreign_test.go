package dnsd_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"glassmail/dns"
)

// Zones signed by BIND's tools, with NSEC and NSEC3 and other algorithms, served
// by NSD: our resolver finds them secure.
func TestRealSignzone(t *testing.T) {
	for _, c := range []struct {
		name      string
		algorithm string
		args      []string
	}{
		{"nsec, RSA", "RSASHA256", nil},
		{"nsec3, ECDSA P-384", "ECDSAP384SHA384", []string{"-3", "-"}},
		{"nsec3 with salt, Ed25519", "ED25519", []string{"-3", "abcd", "-H", "5"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t)
			z, ds := signzone(t, c.algorithm, c.args...)
			if err := l.h.Change("edu", ds, records(t, l.h.Zone("edu"), "hamburger.edu.", dns.TypeDS)); err != nil {
				t.Fatal(err)
			}
			l.host.to[l.h.Server("dns1.hamburger.edu").Addr.String()+":53"] = startNSD(t, z).String()
			for _, q := range []struct {
				name string
				typ  dns.Type
				code dns.Code
			}{
				{"hamburger.edu", dns.TypeMX, dns.NoError},
				{"mail.hamburger.edu", dns.TypeA, dns.NoError},
				{"mail.hamburger.edu", dns.TypeAAAA, dns.NoError},
				{"nobody.hamburger.edu", dns.TypeA, dns.NameError},
				{"a.b.hamburger.edu", dns.TypeA, dns.NameError},
				{"deep.hamburger.edu", dns.TypeA, dns.NoError},     // an empty non-terminal
				{"x.wild.hamburger.edu", dns.TypeTXT, dns.NoError}, // from a wildcard
				{"x.wild.hamburger.edu", dns.TypeA, dns.NoError},   // no such record at a wildcard
				{"sub.hamburger.edu", dns.TypeDS, dns.NoError},     // no key below
			} {
				m, err := l.r.Resolve(context.Background(), q.name, q.typ)
				if err != nil || !m.Header().AuthenticData || m.Header().Code != q.code {
					t.Errorf("%s %s: %v, %v", q.name, q.typ, m, err)
				}
			}
		})
	}
}

const foreign = `$ORIGIN hamburger.edu.
$TTL 600
@       SOA dns1 hostmaster 7 3600 900 1209600 60
@       NS  dns1
@       MX  10 mail
dns1    A   203.0.113.53
mail    A   203.0.113.25
a.deep  A   203.0.113.26
*.wild  TXT "wild"
sub     NS  ns.sub
ns.sub  A   203.0.113.54
`

// signzone signs the foreign zone and returns it with its DS records.
func signzone(t *testing.T, algorithm string, args ...string) (*dns.Zone, []dns.Record) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "zone")
	write(t, file, foreign)
	program(t, "bind9-utils", "dnssec-keygen", "-q", "-K", dir, "-a", algorithm, "-f", "KSK", "hamburger.edu")
	program(t, "bind9-utils", "dnssec-keygen", "-q", "-K", dir, "-a", algorithm, "hamburger.edu")
	said := program(t, "bind9-utils", "dnssec-signzone", append(args, "-S", "-K", dir, "-d", dir, "-o", "hamburger.edu.", "-f", file+".signed", file)...)
	f, err := os.Open(file + ".signed")
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	defer f.Close()
	z, err := dns.ReadZone(f, "hamburger.edu.", file)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "dsset-hamburger.edu."))
	if err != nil {
		t.Fatal(err)
	}
	var ds []dns.Record
	for line := range strings.Lines(string(text)) {
		r, err := dns.ParseRecord(strings.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		ds = append(ds, r)
	}
	return z, ds
}

func records(t *testing.T, z *dns.Zone, name string, typ dns.Type) []dns.Record {
	t.Helper()
	var out []dns.Record
	for _, r := range z.Records() {
		if r.Name() == name && r.Type() == typ {
			out = append(out, r)
		}
	}
	return out
}
