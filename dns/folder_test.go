package dns_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"glassmail/lab/lesson/lessontest"

	"pgregory.net/rapid"

	"glassmail/dns"
)

// files is a folder of zone files.
type files struct {
	t   testing.TB
	dir string
}

func newFiles(t testing.TB) files { return files{t, t.TempDir()} }

func (f files) put(name, text string) {
	f.t.Helper()
	name = filepath.Join(f.dir, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

// small is a zone whose names are relative to the name of its file.
const small = "$TTL 1h\n@ SOA ns h 1 1 1 1 1\n@ NS ns\nns A 192.0.2.1\n"

func TestLoadZones(t *testing.T) {
	f := newFiles(t)
	if _, err := dns.LoadZones(f.dir); err == nil || !strings.Contains(err.Error(), ".zone") {
		t.Errorf("an empty folder: %v", err)
	}
	f.put("other-name.zone", hard)
	f.put("small.test.zone", small)
	f.put("root.zone", strings.ReplaceAll(small, "ns", "a.root."))
	f.put("notes.txt", "not a zone")
	f.put("sub.zone/ignored", "a folder")
	zones, err := dns.LoadZones(f.dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, z := range zones {
		got = append(got, z.Origin())
	}
	if slices.Sort(got); !slices.Equal(got, []string{".", "hard.test.", "small.test."}) {
		t.Errorf("zones %v", got)
	}
	f.put("b.zone", hard)
	f.put("c.zone", "$ORIGIN c.\n@ 60 SOA ns h 1 1 1 1 x\n")
	zones, err = dns.LoadZones(f.dir)
	if err == nil || len(zones) != 3 || !strings.Contains(err.Error(), "hard.test. stands in b.zone already") || !strings.Contains(err.Error(), "c.zone:2:") {
		t.Errorf("%d zones, %v", len(zones), err)
	}
}

// Files are included from the folder and from nowhere else, in bounded number and
// depth; faults are told where they stand.
func TestInclude(t *testing.T) {
	f := newFiles(t)
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte("secret A 192.0.2.66\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(f.dir, "link")); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	f.put("hosts/more", "www A 192.0.2.80\n$INCLUDE deeper child\n")
	f.put("hosts/deeper", "x A 192.0.2.81 ; below child\n")
	f.put("hosts/bad", "good A 192.0.2.1\n\nbad A 192.0.2.999\n")
	f.put("hosts/foreign", "\n\nwww.elsewhere.com. A 192.0.2.9\n")
	f.put("self", "$INCLUDE self\n")
	f.put("nothing", "; nothing\n")
	load := func(text string) (*dns.Zone, error) {
		f.put("x.test.zone", small+text)
		zones, err := dns.LoadZones(f.dir)
		if err != nil {
			return nil, err
		}
		return zones[0], nil
	}
	z, err := load("$INCLUDE hosts/more sub\nlast A 192.0.2.99\n")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"www.sub.x.test": "192.0.2.80", "x.child.sub.x.test": "192.0.2.81", "last.x.test": "192.0.2.99"} {
		if got := lessontest.Data(z.Find(name, dns.TypeA)); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	at := func(name string, line int) string { return fmt.Sprintf("%s:%d:", filepath.Join(f.dir, name), line) }
	for text, want := range map[string]string{
		"$INCLUDE hosts/bad\n":                                              at("hosts/bad", 3),
		"$INCLUDE hosts/foreign\n":                                          at("hosts/foreign", 3) + " www.elsewhere.com.",
		"$INCLUDE hosts/more\nwww CNAME ns\n":                               at("x.test.zone", 6) + " www.x.test.: a CNAME beside",
		"$INCLUDE hosts/more\n\n\ny.other. A 192.0.2.1\n":                   at("x.test.zone", 8),
		"$INCLUDE self\n":                                                   "too deeply nested",
		"$INCLUDE ../" + filepath.Base(filepath.Dir(outside)) + "/secret\n": at("x.test.zone", 5),
		"$INCLUDE " + outside + "\n":                                        at("x.test.zone", 5),
		"$INCLUDE link\n":                                                   at("x.test.zone", 5),
		"$INCLUDE hosts\n":                                                  "not a file",
		"$INCLUDE gone\n":                                                   at("x.test.zone", 5),
		strings.Repeat("$INCLUDE nothing\n", 1001):                          "more than 1000 files",
	} {
		_, err := load(text)
		var fe *dns.FileError
		if !errors.As(err, &fe) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q:\n%v\nwant %s", text, err, want)
		}
	}
}

// A reload exchanges all zones in one step; a file with a fault keeps its old
// zone, one that is gone takes its zone with it.
func TestFolderReload(t *testing.T) {
	f := newFiles(t)
	f.put("a.test.zone", small)
	f.put("b.test.zone", small)
	a := dns.NewAuthority(nil)
	folder, err := dns.OpenFolder(f.dir, a)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(bg)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for ctx.Err() == nil {
				if m := ask(a, "ns.a.test", dns.TypeA); len(m.Answer()) != 1 {
					t.Errorf("a gap: %s", m.Line())
					return
				}
			}
		})
	}
	for i := range 20 {
		f.put("a.test.zone", strings.Replace(small, " 1 1 1 1 1", fmt.Sprintf(" %d 1 1 1 1", i+2), 1))
		if i%2 == 0 {
			f.put("a.test.zone", small+"oops\n")
		}
		err := folder.Reload()
		if broken := i%2 == 0; (err != nil) != broken || broken && !strings.Contains(err.Error(), "a.test.zone:5:") {
			t.Errorf("reload %d: %v", i, err)
		}
	}
	cancel()
	wg.Wait()
	if n := a.Zone("a.test").Serial(); n != 21 {
		t.Errorf("serial %d after the last good file", n)
	}
	if err := os.Remove(filepath.Join(f.dir, "b.test.zone")); err != nil {
		t.Fatal(err)
	}
	f.put("c.test.zone", small)
	f.put("a.test.zone", small+"oops\n")
	if err := folder.Reload(); err == nil {
		t.Error("the fault was not told")
	}
	if a.Zone("a.test") == nil || a.Zone("b.test") != nil || a.Zone("c.test") == nil {
		t.Errorf("zones %v", a.Zones())
	}
	if err := os.RemoveAll(f.dir); err != nil {
		t.Fatal(err)
	}
	if err := folder.Reload(); err == nil || a.Zone("a.test") == nil {
		t.Errorf("the folder is gone: %v, zones %v", err, a.Zones())
	}
}

// An edit is in the file and in service, or in neither.
func TestFolderEdit(t *testing.T) {
	f := newFiles(t)
	f.put("a.test.zone", small)
	a := dns.NewAuthority(nil)
	folder, err := dns.OpenFolder(f.dir, a)
	if err != nil {
		t.Fatal(err)
	}
	d, err := folder.Edit("a.test", dns.Edit{Add: []dns.Record{lessontest.Record(t, "www.a.test. 60 A 192.0.2.80")}})
	if err != nil || len(d.Added) != 2 {
		t.Fatalf("%s, %v", d, err)
	}
	served := lessontest.Data(a.Zone("a.test").Find("www.a.test", dns.TypeA))
	z, findings, err := dns.CheckFile(folder.Zones()[0].File)
	if err != nil || len(served) != 1 || !slices.Equal(served, lessontest.Data(z.Find("www.a.test", dns.TypeA))) || z.Serial() != 2 {
		t.Errorf("in service %v, in the file %v, %v", served, z, err)
	}
	if len(findings) != 1 || !strings.Contains(findings[0].Text, "one name server only") {
		t.Errorf("findings %v", findings)
	}
	for _, e := range []dns.Edit{
		{Remove: []dns.Record{lessontest.Record(t, "gone.a.test. A 192.0.2.80")}},
		{Add: []dns.Record{lessontest.Record(t, "www.a.test. CNAME ns.a.test.")}},
	} {
		if _, err := folder.Edit("a.test", e); err == nil {
			t.Errorf("%+v was made", e)
		}
	}
	if _, err := folder.Edit("b.test", dns.Edit{}); err == nil {
		t.Error("a zone that is not there was edited")
	}
	if err := folder.Reload(); err != nil || a.Zone("a.test").Serial() != 2 {
		t.Errorf("after the edits: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(f.dir, ".zone-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, _, err := dns.CheckFile(filepath.Join(f.dir, "gone.zone")); err == nil {
		t.Error("a file that is not there was checked")
	}
}

// All ways of writing a record mean the same (RFC 1035 §5.1).
func TestMasterForms(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		owner := rapid.SampledFrom([]string{"www", "www.x.test.", "WWW", "w\\119w", "w\\w\\w"}).Draw(rt, "owner")
		class := rapid.SampledFrom([]string{"60 IN", "IN 60", "1m IN", "60", "in 1M"}).Draw(rt, "class and TTL")
		typ := rapid.SampledFrom([]string{"TXT", "txt", "TYPE16"}).Draw(rt, "type")
		value := `"a b" c`
		if typ == "TYPE16" {
			value = `\# 6 03612062 0163`
		}
		break1 := rapid.SampledFrom([]string{"", "( ", "(\n\t", "( ; note\n "}).Draw(rt, "open")
		end := ""
		if break1 != "" {
			end = rapid.SampledFrom([]string{" )", "\n)", "\n ; note ) \n )"}).Draw(rt, "close")
		}
		note := rapid.SampledFrom([]string{"", " ; \"note (", "\t;"}).Draw(rt, "note")
		nl := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(rt, "line end")
		text := small + owner + " " + class + " " + typ + " " + break1 + value + end + note + "\n\t TXT second\n"
		fsys := fstest.MapFS{"x.test.zone": {Data: []byte(strings.ReplaceAll(text, "\n", nl))}}
		z, err := dns.ReadZoneFile(fsys, "x.test.zone")
		if err != nil {
			rt.Fatalf("%v in\n%s", err, text)
		}
		got := lessontest.Data(z.Find("www.x.test", dns.TypeTXT))
		if !slices.Equal(got, []string{`"a b" "c"`, `"second"`}) || z.Find("www.x.test", dns.TypeTXT)[0].TTL() != 60 {
			rt.Fatalf("%v from\n%s", got, text)
		}
	})
}

// FuzzZoneFile reads two files of which the first may include the second: it
// never panics, a fault says where it is, and what it reads it can write and read
// again.
func FuzzZoneFile(f *testing.F) {
	f.Add(small+"$INCLUDE more\n", "a A 192.0.2.1\n")
	f.Add(small+"$INCLUDE more sub\nb A 192.0.2.2\n", "$ORIGIN q\n$TTL 5\n@ TXT (\n\"x\"\n)\n$INCLUDE more\n")
	f.Fuzz(func(t *testing.T, text, more string) {
		if strings.Contains(text+more, "$GENERATE") { // makes many records out of few bytes
			return
		}
		fsys := fstest.MapFS{"x.zone": {Data: []byte(text)}, "more": {Data: []byte(more)}}
		z, err := dns.ReadZoneFile(fsys, "x.zone")
		if err != nil {
			var fe *dns.FileError
			if !errors.As(err, &fe) || fe.File != "x.zone" && fe.File != "more" {
				t.Fatalf("a fault without a file: %v", err)
			}
			return
		}
		var b strings.Builder
		z.WriteTo(&b)
		if _, err := dns.ReadZone(strings.NewReader(b.String()), "", "again"); err != nil {
			t.Fatalf("%v\n%s", err, b.String())
		}
	})
}
