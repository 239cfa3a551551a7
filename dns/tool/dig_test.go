package tool_test

import (
	"encoding/json"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"glassmail/lab/lesson/lessontest"

	"glassmail/dns"
	"glassmail/dns/tool"
	"glassmail/lab/lesson"
)

// environment is a world with its local name server at the address of the slide.
func environment(t *testing.T) (*lessontest.World, tool.Environment) {
	w := lessontest.NewWorld(t, lesson.LectureOptions{ViaUmass: true})
	w.Set("198.18.3.53", dns.NewRecursive(w.Resolver(t), nil))
	return w, tool.Environment{
		Servers: []netip.AddrPort{netip.MustParseAddrPort("198.18.3.53:53")},
		Roots:   w.Hierarchy.Roots,
		Lookup:  func(name string) ([]netip.Addr, error) { return w.Hierarchy.Addrs(name), nil },
	}
}

func dig(t *testing.T, args string) string {
	t.Helper()
	w, env := environment(t)
	o, err := tool.ParseDigArgs(strings.Fields(args))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := tool.Dig(t.Context(), w.Internet, &b, env, o); err != nil {
		t.Fatalf("dig %s: %v\n%s", args, err, &b)
	}
	return b.String()
}

func TestDig(t *testing.T) {
	got := regexp.MustCompile(`id: \d+`).ReplaceAllString(dig(t, "@dns1.hamburger.edu hamburger.edu MX +norec"), "id: 1")
	want := `
; <<>> glassmail dig <<>> hamburger.edu. MX
;; Got answer:
;; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 1
;; flags: qr aa; QUERY: 1, ANSWER: 1, AUTHORITY: 0, ADDITIONAL: 2

;; OPT PSEUDOSECTION:
; EDNS: version: 0, flags:; udp: 1232
;; QUESTION SECTION:
;hamburger.edu.			IN	MX

;; ANSWER SECTION:
hamburger.edu.		3600	IN	MX	10 mail.hamburger.edu.

;; ADDITIONAL SECTION:
mail.hamburger.edu.	3600	IN	A	203.0.113.25

;; Query time: 0 msec
;; SERVER: 203.0.113.53#53(203.0.113.53) (UDP)
;; WHEN: Wed Nov 25 09:00:00 UTC 2026
;; MSG SIZE  rcvd: 79

`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestDigForms(t *testing.T) {
	for args, want := range map[string]string{
		"+short gaia.cs.umass.edu":                      `^128\.119\.245\.12\n$`,
		"+short -x 203.0.113.25":                        `^mail\.hamburger\.edu\.\n$`,
		"+short www.ibm.com":                            `^servereast\.backup2\.ibm\.com\.\n198\.18\.2\.80\n$`,
		"MX crepes.fr +short +tcp":                      `^10 mail\.crepes\.fr\.\n$`,
		"@198.18.3.53 -p53 -t ns edu":                   `status: NOERROR[\s\S]*edu\.\t+86400\tIN\tNS\ta\.edu\.`,
		"nothere.hamburger.edu":                         `status: NXDOMAIN[\s\S]*AUTHORITY SECTION:\nhamburger\.edu\.\t+300\tIN\tSOA`,
		"+dnssec hamburger.edu mx":                      `flags: do;[\s\S]*RRSIG\tMX 13 2 3600`,
		"@a.edu gaia.cs.umass.edu":                      `WARNING: recursion requested but not available`,
		"@dns1.crepes.fr crepes.fr AXFR +noedns":        `crepes\.fr\.\t+3600\tIN\tSOA[\s\S]*mail\.crepes\.fr\.[\s\S]*IN\tSOA`,
		"+bytes hamburger.edu mx":                       `bit 0\s+QR\s+0\s+a query[\s\S]*bit 0\s+QR\s+1\s+a reply`,
		"โรงเรียน.ไทย +short":                           `^198\.18\.5\.81\n$`,
		"www.amazon.com +short +bufsize=512 +retry=1":   `^(198\.18\.1\.8[012]\n){3}$`,
		"@a.root . ns +norec +noall=1 +time=1 +tries=2": ``,
	} {
		if want == "" {
			if _, err := tool.ParseDigArgs(strings.Fields(args)); err == nil {
				t.Errorf("dig %s: no error", args)
			}
			continue
		}
		if out := dig(t, args); !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("dig %s: no %s in\n%s", args, want, out)
		}
	}
}

func TestDigTrace(t *testing.T) {
	for _, args := range []string{"+trace gaia.cs.umass.edu", "+trace @198.18.3.53 gaia.cs.umass.edu"} {
		out := dig(t, args)
		at := 0
		for _, want := range []string{"edu.\t\t\t86400\tIN\tNS\ta.edu.", ".root.) in", "umass.edu.\t\t86400\tIN\tNS\tdns.umass.edu.", "192.0.2.11#53(a.edu.)", "cs.umass.edu.", "128.119.1.53#53(dns.umass.edu.)", "gaia.cs.umass.edu.\t3600\tIN\tA\t128.119.245.12", "128.119.245.53#53(dns.cs.umass.edu.)"} {
			i := strings.Index(out[at:], want)
			if i < 0 {
				t.Fatalf("dig %s: no %q after byte %d in\n%s", args, want, at, out)
			}
			at += i
		}
	}
}

func TestDigJSON(t *testing.T) {
	var got struct {
		Status string
		Answer []struct{ Name, Type, Data string }
	}
	if err := json.Unmarshal([]byte(dig(t, "hamburger.edu MX +json")), &got); err != nil {
		t.Fatal(err)
	}
	if got.Status != "NOERROR" || len(got.Answer) != 1 || got.Answer[0].Data != "10 mail.hamburger.edu." {
		t.Errorf("%+v", got)
	}
}

// A wrong word is named together with what may stand there.
func TestDigErrors(t *testing.T) {
	for args, want := range map[string]string{
		"a.example BOGUS":   "no record type",
		"-p 99999 x":        "1 to 65535",
		"-x hamburger.edu":  "not an IP address",
		"+wat x":            "+short",
		"@ x":               "@127.0.0.1",
		"a..b":              "labels",
		"-t":                "needs a value",
		"+bufsize=12 a.edu": "512",
		"-z":                "-p PORT",
	} {
		_, err := tool.ParseDigArgs(strings.Fields(args))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("dig %s: %v, want %q", args, err, want)
		}
	}
	w, env := environment(t)
	env.Servers = nil
	o, _ := tool.ParseDigArgs([]string{"x"})
	if err := tool.Dig(t.Context(), w.Internet, &strings.Builder{}, env, o); err == nil || !strings.Contains(err.Error(), "@ADDRESS") {
		t.Errorf("without servers: %v", err)
	}
}

// The three forms of the lecture, and what comes out.
func TestNSLookup(t *testing.T) {
	for args, want := range map[string]string{
		"www.amazon.com": `^Server:\t\t198\.18\.3\.53\nAddress:\t198\.18\.3\.53#53\n\nNon-authoritative answer:\n(Name:\twww\.amazon\.com\nAddress: 198\.18\.1\.8[012]\n){3}\n$`,
		"-type=NS umass.edu": `Non-authoritative answer:
umass\.edu\tnameserver = dns\.umass\.edu\.
`,
		"www.umass.edu dns.umass.edu": `^Server:\t\tdns\.umass\.edu\nAddress:\t128\.119\.1\.53#53\n\nName:\twww\.umass\.edu\nAddress: 128\.119\.1\.80\n\n$`,
		"www.ibm.com":                 `www\.ibm\.com\tcanonical name = servereast\.backup2\.ibm\.com\.\nName:\tservereast\.backup2\.ibm\.com\nAddress: 198\.18\.2\.80\n\n$`,
		"-query=mx hamburger.edu":     `hamburger\.edu\tmail exchanger = 10 mail\.hamburger\.edu\.\n`,
		"203.0.113.25":                `25\.113\.0\.203\.in-addr\.arpa\tname = mail\.hamburger\.edu\.\n`,
	} {
		out, err := nslookup(t, args)
		if err != nil || !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("nslookup %s: %v, no %s in\n%s", args, err, want, out)
		}
	}
	for args, want := range map[string]string{
		"no.hamburger.edu":       "** server can't find no.hamburger.edu: NXDOMAIN",
		"-type=mx www.crepes.fr": "*** Can't find www.crepes.fr: No answer",
	} {
		if out, err := nslookup(t, args); err == nil || !strings.Contains(out, want) {
			t.Errorf("nslookup %s: %v\n%s", args, err, out)
		}
	}
	for _, args := range [][]string{nil, {"a", "b", "c"}, {"-type=WAT", "a"}, {"-wat", "a"}} {
		if _, err := tool.ParseNSLookupArgs(args); err == nil {
			t.Errorf("nslookup %v: no error", args)
		}
	}
}

func nslookup(t *testing.T, args string) (string, error) {
	t.Helper()
	w, env := environment(t)
	o, err := tool.ParseNSLookupArgs(strings.Fields(args))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	err = tool.NSLookup(t.Context(), w.Internet, &b, env, o)
	return b.String(), err
}
