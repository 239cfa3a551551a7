package e2e_test

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"glassmail/lab"
)

// The lecture's example takes eight messages, and two once the answer is in the
// cache, in both pictures.
func TestWalk(t *testing.T) {
	startLab(t)
	for _, args := range [][]string{{}, {"--recursive"}} {
		var pictures []lab.WalkPicture
		parse(t, must(t, "", append([]string{"dns", "walk", "gaia.cs.umass.edu", "--cached", "--json"}, args...)...), &pictures)
		if len(pictures) != 2 || pictures[0].Messages != 8 || pictures[1].Messages != 2 {
			t.Errorf("trace %v: %+v", args, pictures)
		}
	}
	contains(t, must(t, "", "dns", "walk", "www.amazon.com"), "referral: com. NS a.com.", "8 messages.")
	must(t, "", "dns", "fault", "set", "cs.umass.edu", "missing-key")
	if out, code := run(t, "", "dns", "walk", "gaia.cs.umass.edu", "--validate"); code != 1 || !strings.Contains(out, "missing key") {
		t.Errorf("exit code %d with a missing key:\n%s", code, out)
	}
}

// Each command does what it says, one after the other on one lab.
func TestDNSCommands(t *testing.T) {
	startLab(t)
	file := write(t, "crepes.zone", "$ORIGIN crepes.fr.\n$TTL 1h\n@ IN SOA dns1 hostmaster 77 1h 15m 14d 5m\n@ NS dns1\ndns1 A 198.51.100.53\n@ MX 10 mail\nmail A 198.51.100.25\n")
	for _, c := range []struct {
		args string
		want []string
	}{
		{"dns cache", []string{"0 entries."}},
		{"dig +short hamburger.edu MX", []string{"10 mail.hamburger.edu."}},
		{"dns cache hamburger.edu", []string{"10 mail.hamburger.edu.", "said by 203.0.113.53 for hamburger.edu.; signatures: secure"}},
		{"dns cache hamburger.edu --json", []string{`"type": "MX"`}},
		{"dns cache hamburger.edu --flush", []string{"Forgot 4 entries."}},
		{"dns zone list", []string{"cs.umass.edu.", "dns.cs.umass.edu."}},
		{"dns zone list --json", []string{`"zone": "cs.umass.edu."`}},
		{"dns zone show crepes.fr", []string{"$ORIGIN crepes.fr.", "10 mail.crepes.fr."}},
		{"dns zone show crepes.fr --signatures", []string{"RRSIG", "NSEC"}},
		{"dns zone edit crepes.fr add shop~A~198.51.100.90", []string{"+ shop.crepes.fr.\t3600\tIN\tA\t198.51.100.90"}},
		{"dig +short shop.crepes.fr", []string{"198.51.100.90"}},
		{"dns zone edit crepes.fr set shop~A~198.51.100.91", []string{"- shop.crepes.fr.", "+ shop.crepes.fr."}},
		{"dns zone edit crepes.fr remove shop~A~198.51.100.91", []string{"- shop.crepes.fr."}},
		{"dns zone edit crepes.fr add @~MX~20~mail2 --json", []string{`"findings"`, "mail2.crepes.fr. has no address"}},
		{"dns zone check crepes.fr", []string{"mail2.crepes.fr. has no address", "can be served"}},
		{"dns zone edit crepes.fr load " + file, []string{"serial number 77", "- www.crepes.fr."}},
		{"dns zone check " + file, []string{"the zone crepes.fr., serial number 77, 5 records"}},
		{"dns register networkutopia.com --ns dns1.networkutopia.com=212.212.212.1", []string{"belongs to you",
			"+ networkutopia.com.\t86400\tIN\tNS\tdns1.networkutopia.com.", "+ dns1.networkutopia.com.\t86400\tIN\tA\t212.212.212.1"}},
		{"dig +short www.networkutopia.com", []string{"212.212."}},
		{"dns register networkutopia.com --ds", []string{"\tDS\t"}},
		{"dns register networkutopia.com --ns dns1.networkutopia.com=203.0.113.25", []string{"lame delegation"}},
		{"dns transfer networkutopia.com bob", []string{"belongs to bob"}},
		{"dns register networkutopia.com --owner bob --release", []string{"is free again", "- networkutopia.com."}},
		{"dns fault list", []string{"wrong-ds", "No zone has one."}},
		{"dns fault set amazon.com expired-signature", []string{"amazon.com has the fault"}},
		{"dns fault list --json", []string{`"fault": "expired-signature"`}},
		{"dig www.amazon.com", []string{"SERVFAIL", "expired"}},
		{"dns validate off", []string{"checks signatures: off"}},
		{"dig www.amazon.com +short", []string{"198.18.1.80"}},
		{"dns validate on", []string{"checks signatures: on"}},
		{"dns fault clear amazon.com", []string{"is right again"}},
		{"dns mode", []string{"mode        iterative"}},
		{"dns mode recursive", []string{"mode        recursive"}}, {"dns mode chain", []string{"mode        recursive"}},
		{"dig +short gaia.cs.umass.edu", []string{"128.119.245.12"}},
		{"dns mode forward --json", []string{`"198.18.4.54:53"`}},
		{"dig +short www.nyu.edu", []string{"198.18.3.80"}},
		{"dns mode iterative --qname-min on --id-bits 8 --port 4000", []string{"qname-min   on", "8 bits", "query port  4000"}},
		{"dig +short www.ibm.com", []string{"servereast.backup2.ibm.com.", "198.18.2.80"}},
		{"dns mode --qname-min off --id-bits 16 --port random", []string{"query port  random"}},
		{"dns anchors", []string{"trust-anchors {", "static-key 257 3 13"}},
		{"dns anchors --format unbound", []string{"IN\tDNSKEY\t257 3 13"}},
		{"dns attack race --id-bits 4 --rounds 50 --window 300ms --validate off", []string{"The forger won", "198.18.66.66"}},
		{"dns cache --flush", []string{"Forgot"}},
		{"dns attack race --id-bits 4 --rounds 2 --validate on --json", []string{`"wins": 0`, `"poisoned": []`}},
		{"dns attack flood --lookups 2 --queries 20000", []string{"100.0 %", "0.0 %", "does not need the"}},
	} {
		args := strings.Fields(c.args)
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "~", " ")
		}
		contains(t, must(t, "", args...), c.want...)
	}
}

// The lecture's three forms of nslookup.
func TestNSLookup(t *testing.T) {
	startLab(t)
	contains(t, must(t, "", "nslookup", "www.nyu.edu"), "Non-authoritative answer:", "Address: 198.18.3.80")
	contains(t, must(t, "", "nslookup", "-type=NS", "umass.edu"), "umass.edu\tnameserver = dns.umass.edu.")
	out := must(t, "", "nslookup", "www.amazon.com", "dns1.amazon.com")
	contains(t, out, "Server:\t\tdns1.amazon.com", "198.18.1.80", "198.18.1.81", "198.18.1.82")
	if strings.Contains(out, "Non-authoritative") {
		t.Errorf("the server of the domain has authority:\n%s", out)
	}
}

// The options of dig, against the lab.
func TestDigOptions(t *testing.T) {
	startLab(t)
	for args, want := range map[string]string{
		"+trace gaia.cs.umass.edu":               "asked as a server of cs.umass.edu.",
		"+short www.amazon.com":                  "198.18.1.80",
		"+norec @a.root gaia.cs.umass.edu":       "edu.\t\t\t86400\tIN\tNS\ta.edu.",
		"+dnssec hamburger.edu MX":               "RRSIG",
		"+bytes hamburger.edu MX":                "QDCOUNT",
		"+json hamburger.edu MX":                 `"10 mail.hamburger.edu."`,
		"+tcp hamburger.edu MX":                  "(TCP)",
		"@dns1.hamburger.edu hamburger.edu MX":   "flags: qr aa",
		"-x 128.119.245.12":                      "gaia.cs.umass.edu.",
		"nobody.hamburger.edu":                   "status: NXDOMAIN",
		"+noedns +time=2 +tries=1 hamburger.edu": "status: NOERROR",
	} {
		contains(t, must(t, "", append([]string{"dig"}, strings.Fields(args)...)...), want)
	}
}

// delv believes what the lab says, with the lab's anchors.
func TestDelv(t *testing.T) {
	l := startLab(t)
	anchors := write(t, "anchors.conf", must(t, "", "dns", "anchors"))
	for args, want := range map[string]string{
		"hamburger.edu MX":     "; fully validated",
		"nobody.hamburger.edu": "; negative response, fully validated",
		"hamburger.edu AAAA":   "; negative response, fully validated",
		"www.amazon.com":       "; fully validated",
	} {
		out, _ := tool(t, "bind9-dnsutils", "delv", append([]string{"-a", anchors, "+root=.", "@127.0.0.1", "-p", port(l.ready.DNS)}, strings.Fields(args)...)...)
		contains(t, out, want)
	}
}

// What the commands need and cannot have.
func TestDNSCommandErrors(t *testing.T) {
	for args, want := range map[string]string{
		"dns cache":                   "glassmail lab",
		"trace gaia.cs.umass.edu":     "glassmail lab",
		"dns zone check nothere.zone": "nothere.zone",
		"dns zone check " + write(t, "bad.zone", "$ORIGIN x.fr.\n@ 60 IN SOA a b 1 1 1 1 1\n@ 60 IN NS a\na 60 IN A one\n"): "bad.zone:4:",
		"dns serve --zones " + t.TempDir(): ".zone",
		"dns serve --zones nothere":        "nothere",
	} {
		if out, code := run(t, "", strings.Fields(args)...); code != 1 || !strings.Contains(out, want) {
			t.Errorf("%s: exit code %d, want 1 and %q in\n%s", args, code, want, out)
		}
	}
	for args, want := range map[string]string{
		"trace":                                   "trace NAME",
		"trace gaia.cs.umass.edu NONSENSE":        "NONSENSE",
		"dns mode circular":                       "iterative, recursive or forward",
		"dns mode --id-bits 99":                   "1 to 16",
		"dns mode --port x":                       "random",
		"dns mode forward --to nowhere":           "198.18.4.54",
		"dns validate maybe":                      "on or off",
		"dns anchors --format x":                  "unbound",
		"dns register networkutopia.com":          "--ns",
		"dns register networkutopia.com --ns x=y": "no address",
		"dns zone edit crepes.fr bake x":          "add, remove, set or load",
		"dns attack race --id-bits 17":            "1 to 16",
		"dns attack race --window 1h":             "2s",
		"dns attack race --port maybe":            "fixed or random",
		"dns attack flood --lookups 0":            "1 to 1000",
		"dns serve --lab --zones x":               "--zones",
		"dns serve --zones x --address a=1.2.3.4": "--lab",
	} {
		if out, code := run(t, "", strings.Fields(args)...); code != 2 || !strings.Contains(out, want) {
			t.Errorf("%s: exit code %d, want 2 and %q in\n%s", args, code, want, out)
		}
	}
}

// What a lab refuses is an error with its reason.
func TestDNSRefusals(t *testing.T) {
	startLab(t)
	for args, want := range map[string]string{
		"dns zone show nowhere.fr":                           "there is no zone nowhere.fr.",
		"dns zone edit crepes.fr remove nobody~A~1.2.3.4":    "nobody.crepes.fr.",
		"dns zone edit crepes.fr add www~CNAME~mail":         "CNAME",
		"dns zone edit crepes.fr add www~A~one":              "www A one",
		"dns register crepes.fr --ns dns1.crepes.fr=1.2.3.4": "taken by the lecture",
		"dns register x.com --ns dns1.x.com":                 "glue",
		"dns transfer crepes.fr bob":                         "belongs to the lecture",
		"dns fault set crepes.fr bad-luck":                   "expired-signature",
		"dns fault set nowhere.fr wrong-ds":                  "nowhere.fr",
		"dns attack race --address 8.8.8.8":                  "outside the lab",
		"dns attack race nowhere.fr":                         "there is no zone",
	} {
		fields := strings.Fields(args)
		for i := range fields {
			fields[i] = strings.ReplaceAll(fields[i], "~", " ")
		}
		if out, code := run(t, "", fields...); code != 1 || !strings.Contains(out, want) {
			t.Errorf("%s: exit code %d, want 1 and %q in\n%s", args, code, want, out)
		}
	}
}

// dns local tells the name server of this machine, or that there is none.
func TestDNSLocal(t *testing.T) {
	if b, err := os.ReadFile("/etc/resolv.conf"); runtime.GOOS != "windows" && (err != nil || !strings.Contains(string(b), "nameserver")) {
		t.Skip("this machine has no name server")
	}
	contains(t, must(t, "", "dns", "local"), "This machine asks, by ", "It has the addresses:")
	contains(t, must(t, "", "dns", "local", "--json"), `"resolvers"`)
}

// The commands find the names of dns serve --lab too.
func TestDNSServeLab(t *testing.T) {
	start(t, "dns", "serve", "--lab", "--listen", "127.0.0.1:0")
	contains(t, must(t, "", "dig", "+short", "mail.crepes.fr"), "127.0.0.2")
	contains(t, must(t, "", "dns", "cache", "crepes.fr"), "127.0.0.2")
	contains(t, must(t, "", "trace", "gaia.cs.umass.edu"), "8 messages.") // the old name of dns walk
}

// A folder of zone files is served with authority, and read again without a gap.
func TestDNSServeZones(t *testing.T) {
	dir := t.TempDir()
	zone := func(serial int, addr string) {
		t.Helper()
		text := "$ORIGIN foo.com.\n$TTL 60\n@ IN SOA ns hostmaster " + strconv.Itoa(serial) + " 1h 15m 14d 5m\n@ NS ns\nns A 127.0.0.1\nwww A " + addr + "\n"
		tmp := write(t, "new.zone", text)
		if err := os.Rename(tmp, filepath.Join(dir, "foo.com.zone")); err != nil {
			t.Fatal(err)
		}
	}
	zone(1, "192.0.2.1")
	p, log := startZones(t, dir)
	www := func() string {
		t.Helper()
		return strings.TrimSpace(must(t, "", "dig", "@127.0.0.1", "-p", port(p.ready.DNS), "+short", "www.foo.com"))
	}
	contains(t, must(t, "", "dig", "@127.0.0.1", "-p", port(p.ready.DNS), "www.foo.com"), "flags: qr aa", "192.0.2.1")
	contains(t, must(t, "", "dig", "@127.0.0.1", "-p", port(p.ready.DNS), "www.bar.com"), "status: REFUSED")
	zone(2, "192.0.2.2")
	eventually(t, "the change is seen", func() bool { return www() == "192.0.2.2" })
	zone(3, "nonsense")
	if runtime.GOOS != "windows" {
		p.cmd.Process.Signal(syscall.SIGHUP) // which ends the other commands
	}
	eventually(t, "the fault is told", func() bool {
		return www() == "192.0.2.2" && strings.Contains(log(), "foo.com.zone:6:")
	})
	zone(4, "192.0.2.4")
	eventually(t, "the mended file is served", func() bool { return www() == "192.0.2.4" })
}

// A zone file of a folder is changed by command, in one step, and the server that
// has it sees the change. What one file includes is looked at with it.
func TestDNSZoneFolder(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("foo.com.zone", "$TTL 60\n@ SOA ns hostmaster 1 1h 15m 14d 5m\n@ NS ns\nns A 127.0.0.1\n$INCLUDE hosts\n")
	put("hosts", "www A 192.0.2.1\n")
	contains(t, must(t, "", "dns", "zone", "check", dir), "the zone foo.com., serial number 1, 4 records")
	contains(t, must(t, "", "dns", "zone", "check", filepath.Join(dir, "foo.com.zone")), "4 records")
	p, _ := startZones(t, dir)
	contains(t, must(t, "", "dns", "zone", "edit", "--zones", dir, "foo.com", "set", "www A 192.0.2.7"),
		"serial number 2", "- www.foo.com.\t60\tIN\tA\t192.0.2.1", "+ www.foo.com.\t60\tIN\tA\t192.0.2.7")
	eventually(t, "the change is served", func() bool {
		return strings.TrimSpace(must(t, "", "dig", "@127.0.0.1", "-p", port(p.ready.DNS), "+short", "www.foo.com")) == "192.0.2.7"
	})
	edit := []string{"dns", "zone", "edit", "--zones", dir}
	for want, args := range map[string][]string{
		"it has foo.com.":              append(edit, "nowhere.com", "add", "www A 192.0.2.1"),
		"copy x.zone into":             append(edit, "foo.com", "load", "x.zone"),
		"www.foo.com.: a CNAME beside": append(edit, "foo.com", "add", "www CNAME ns"),
	} {
		if out, code := run(t, "", args...); code == 0 || !strings.Contains(out, want) {
			t.Errorf("%q: exit code %d, want %q in\n%s", args, code, want, out)
		}
	}
	put("bar.com.zone", "$TTL 60\n@ SOA ns hostmaster 1 1h 15m 14d 5m\n$INCLUDE lost\n")
	out, code := run(t, "", "dns", "zone", "check", dir)
	if code != 1 {
		t.Errorf("a folder with a fault: exit code %d", code)
	}
	contains(t, out, "the zone foo.com., serial number 2", "bar.com.zone:3:")
}

// startZones serves a folder; log is what the program has printed so far.
func startZones(t *testing.T, dir string) (p *process, log func() string) {
	t.Helper()
	p = start(t, "dns", "serve", "--zones", dir, "--listen", "127.0.0.1:0")
	return p, p.out.String
}

// Whatever changes from one run to the next in what the commands print.
func settled(text string, varies bool) string {
	for _, r := range []struct{ pattern, by string }{
		{`[ab]\.root`, "R.root"}, {`192\.0\.2\.[12]#`, "192.0.2.R#"},
		{`race-[0-9a-f]{8}`, "race-X"},
		{`[A-Za-z0-9+/]{40,}=*`, "KEY"},
		{`\d+ 13 2 KEY`, "TAG 13 2 KEY"},
		{`\b(59m\d+s|1h0m0s)`, "59m59s"}, {`\b(23h59m\d+s|24h0m0s)`, "23h59m59s"}, {`\b(4m\d+s|5m0s)`, "4m59s"},
		{`\b(35[4-9]\d|3600)\b`, "3600"}, {`\b(863\d\d|86400)\b`, "86400"}, {`\b(2[4-9]\d|300)\b`, "300"},
		{`id: \d+`, "id: N"}, {`\d+ msec`, "N msec"}, {`in \d+ ms`, "in N ms"}, {`WHEN: .*`, "WHEN: now"}, {`127\.0\.0\.1#\d+`, "127.0.0.1#P"},
		{`(     0  )[0-9a-f]{2} [0-9a-f]{2}( +ID +)\d+ +`, "${1}xx xx${2}N "},
	} {
		text = regexp.MustCompile(r.pattern).ReplaceAllString(text, r.by)
	}
	if varies {
		text = regexp.MustCompile(`\d+(\.\d+)?(e[-+]\d+)?(µs|ms|s)?`).ReplaceAllString(text, "N")
		text = regexp.MustCompile(` +`).ReplaceAllString(text, " ")
		text = strings.ReplaceAll(text, " rounds", " round") // of N
	}
	return strings.TrimSpace(text)
}

var consoleBlock = regexp.MustCompile("(?ms)^```console( varies)?\n(.*?)^```$")

// Every transcript of docs/dns.md is what the program prints.
func TestTranscriptsOfTheDocs(t *testing.T) {
	text, err := os.ReadFile("../docs/dns.md")
	if err != nil {
		t.Fatal(err)
	}
	startLab(t)
	ran := 0
	for _, block := range consoleBlock.FindAllStringSubmatch(string(text), -1) {
		for _, part := range strings.Split("\n"+block[2], "\n$ ")[1:] {
			line, want, _ := strings.Cut(part, "\n")
			got, _ := run(t, "", shellWords(strings.TrimPrefix(line, "glassmail "))...)
			ran++
			if got, want := settled(got, block[1] != ""), settled(want, block[1] != ""); got != want {
				t.Errorf("$ %s\nprints\n%s\ndocs/dns.md has\n%s", line, got, want)
			}
		}
	}
	if ran < 15 {
		t.Errorf("only %d commands were found", ran)
	}
}

// shellWords splits a line at blanks outside double quotes.
func shellWords(line string) []string {
	var out []string
	for i, part := range strings.Split(line, `"`) {
		if i%2 == 1 {
			out = append(out, part)
		} else {
			out = append(out, strings.Fields(part)...)
		}
	}
	return out
}
