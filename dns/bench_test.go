package dns_test

import (
	"testing"

	"glassmail/lab/lesson/lessontest"

	"glassmail/dns"
	"glassmail/lab/lesson"
)

// BenchmarkAuthority is the work on one query without the network: unpack, look
// up, pack.
func BenchmarkAuthority(b *testing.B) {
	h, err := lesson.Lecture(lesson.LectureOptions{})
	if err != nil {
		b.Fatal(err)
	}
	a := h.Server("dns1.hamburger.edu").Authority
	for name, q := range map[string]dns.Query{
		"mx":       {Name: "hamburger.edu", Type: dns.TypeMX},
		"nxdomain": {Name: "no.hamburger.edu", Type: dns.TypeA},
		"signed":   {Name: "hamburger.edu", Type: dns.TypeMX, DNSSEC: true, Size: 1232},
	} {
		wire, err := dns.NewMessage(q).Pack()
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			buf := make([]byte, 4096)
			for b.Loop() {
				m, err := dns.Unpack(wire)
				if err != nil {
					b.Fatal(err)
				}
				r, _ := a.AnswerNow(&dns.Request{Message: m})
				if _, err := r.PackUDP(buf, m.Limit()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkResolve is a lookup from an empty cache through three servers, without
// and with checked signatures, and one from the cache.
func BenchmarkResolve(b *testing.B) {
	w := lessontest.NewWorld(b, lesson.LectureOptions{})
	w.Log = nil
	for name, change := range map[string]func(*dns.ResolverOptions){
		"cold":       func(*dns.ResolverOptions) {},
		"validating": lessontest.Validating(w),
	} {
		r := w.Resolver(b, change)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				r.Cache().Flush()
				if _, err := r.LookupMX(bg, "hamburger.edu"); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/cached", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.LookupMX(bg, "hamburger.edu"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkLecture(b *testing.B) {
	for b.Loop() {
		if _, err := lesson.Lecture(lesson.LectureOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}
