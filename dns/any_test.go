package dns_test

import (
	"testing"

	"glassmail/dns"
	"glassmail/lab/lesson"
	"glassmail/lab/lesson/lessontest"
)

// Over UDP, where anybody can ask in anybody's name, ANY gets one record set; over
// TCP all of them (RFC 8482). That goes for zones and for the resolver's answers.
func TestAny(t *testing.T) {
	w := lessontest.NewWorld(t, lesson.LectureOptions{})
	zones := w.Hierarchy.Server("dns1.hamburger.edu").Authority
	for _, server := range []struct {
		name   string
		answer func(dns.Query, bool) *dns.Message
	}{
		{"an authority", func(q dns.Query, tcp bool) *dns.Message {
			return zones.Answer(bg, &dns.Request{Message: dns.NewMessage(q), TCP: tcp})
		}},
		{"a resolver", func(q dns.Query, tcp bool) *dns.Message {
			q.RecursionDesired = true
			return dns.NewRecursive(w.Resolver(t), nil).Answer(bg, &dns.Request{Message: dns.NewMessage(q), TCP: tcp})
		}},
	} {
		for _, do := range []bool{false, true} {
			q := dns.Query{Name: "hamburger.edu", Type: dns.TypeANY, Size: 1232, DNSSEC: do}
			types := func(tcp bool) map[dns.Type]int {
				m := server.answer(q, tcp)
				out := map[dns.Type]int{}
				for _, r := range m.Answer() {
					out[r.Type()]++
				}
				if !tcp && len(m.Authority()) > 0 {
					t.Errorf("%s: authority section %v", server.name, m.Authority())
				}
				return out
			}
			udp := types(false)
			signed := udp[dns.TypeRRSIG] > 0
			delete(udp, dns.TypeRRSIG)
			if len(udp) != 1 || do != signed {
				t.Errorf("%s over UDP, DNSSEC %t: %v, signed %t", server.name, do, udp, signed)
			}
			if server.name == "an authority" {
				if tcp := types(true); tcp[dns.TypeMX] == 0 || tcp[dns.TypeNS] == 0 || tcp[dns.TypeSOA] == 0 {
					t.Errorf("%s over TCP: %v", server.name, tcp)
				}
			}
		}
		if m := server.answer(dns.Query{Name: "nobody.hamburger.edu", Type: dns.TypeANY}, false); m.Header().Code != dns.NameError || len(m.Authority()) == 0 {
			t.Errorf("%s about a name that is not there: %v", server.name, m)
		}
	}
}

// maxAmplification is how many times as long as its question a reply to ANY over UDP
// may be, among the names of the lecture. Signed, all that a name owns was 22 times.
const maxAmplification = 8

func TestAnyAmplifiesLittle(t *testing.T) {
	h, err := lesson.Lecture(lesson.LectureOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var most, whole float64
	for _, s := range h.Servers {
		for _, z := range s.Authority.Zones() {
			for _, r := range z.Records() {
				q := dns.NewMessage(dns.Query{Name: r.Name(), Type: dns.TypeANY, Size: 1232, DNSSEC: true})
				asked, err := q.Pack()
				if err != nil {
					t.Fatal(err)
				}
				for _, tcp := range []bool{false, true} {
					b, err := s.Authority.Answer(bg, &dns.Request{Message: q, TCP: tcp}).Pack()
					if err != nil {
						t.Fatal(err)
					}
					factor := float64(len(b)) / float64(len(asked))
					if tcp {
						whole = max(whole, factor)
					} else {
						most = max(most, factor)
					}
				}
			}
		}
	}
	t.Logf("at most %.1f times as long, whole %.1f times", most, whole)
	if most > maxAmplification {
		t.Errorf("%.1f times as long, at most %d are allowed", most, maxAmplification)
	}
}
