package dns_test

import (
	"net/netip"
	"strings"
	"testing"

	"glassmail/lab/lesson/lessontest"

	"glassmail/dns"
	"glassmail/lab/lesson"
)

// What cannot be had is refused, and then nothing has changed.
func TestSwitchRefuses(t *testing.T) {
	w := lessontest.NewWorld(t, lesson.LectureOptions{})
	r := w.Resolver(t)
	was := r.Switches()
	for want, change := range map[string]func(*dns.Switches){
		"unknown mode":      func(s *dns.Switches) { s.Mode = "sideways" },
		"only a lab":        func(s *dns.Switches) { s.Mode = dns.Recurse },
		"no server to forw": func(s *dns.Switches) { s.Mode = dns.Forward },
		"trust anchor":      func(s *dns.Switches) { s.Validate = true },
		"17 bits":           func(s *dns.Switches) { s.IDBits = 17 },
		"inside a lab only": func(s *dns.Switches) { s.IDBits = 8 },
		"a fixed port":      func(s *dns.Switches) { s.FixedPort = 4000 },
	} {
		s := r.Switches()
		change(&s)
		if err := r.Switch(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
		if now := r.Switches(); now.Mode != was.Mode || now.IDBits != 16 || now.FixedPort != 0 || now.Validate {
			t.Errorf("%s: refused, yet %+v", want, now)
		}
	}
}

// Switches take effect at the next lookup: minimisation hides the name from the
// root, validation finds what it did not look for, forwarding asks elsewhere.
func TestSwitchWhileRunning(t *testing.T) {
	w := lessontest.NewWorld(t, lesson.LectureOptions{})
	r := w.Resolver(t, lessontest.Validating(w))
	set := func(change func(*dns.Switches)) {
		t.Helper()
		s := r.Switches()
		change(&s)
		if err := r.Switch(s); err != nil {
			t.Fatal(err)
		}
	}
	set(func(s *dns.Switches) { s.Validate = false })
	if err := w.Hierarchy.Break("hamburger.edu", lesson.AlteredRecord); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Resolve(bg, "mail.hamburger.edu", dns.TypeA); err != nil {
		t.Fatalf("signatures not checked: %v", err)
	}
	set(func(s *dns.Switches) { s.Validate = true })
	if _, err := r.Resolve(bg, "mail.hamburger.edu", dns.TypeA); err == nil {
		t.Error("what the cache held was believed after validation had been switched on")
	}
	set(func(s *dns.Switches) { s.Validate, s.Minimise = false, true })
	r.Cache().Flush()
	_, steps, err := r.Walk(bg, "gaia.cs.umass.edu", dns.TypeA)
	if err != nil || steps[0].Name != "edu." {
		t.Errorf("minimised: the root was asked for %+v, %v", steps, err)
	}
	local := netip.MustParseAddrPort("198.18.3.53:53")
	w.Set(local.Addr().String(), dns.NewRecursive(w.Resolver(t), nil))
	set(func(s *dns.Switches) { s.Mode, s.ForwardTo = dns.Forward, []netip.AddrPort{local} })
	_, steps, err = r.Fresh().Walk(bg, "crepes.fr", dns.TypeMX)
	if err != nil || len(steps) != 1 || steps[0].Addr != local {
		t.Errorf("forwarding: %+v, %v", steps, err)
	}
}
