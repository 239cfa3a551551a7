package dns_test

import (
	"testing"

	"glassmail/dns"
	"glassmail/lab/lesson"
)

// How long a reply holds is read from the section that says something.
func TestReplyTTL(t *testing.T) {
	h, err := lesson.Lecture(lesson.LectureOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		server, name string
		typ          dns.Type
	}{
		{"a.root", "gaia.cs.umass.edu", dns.TypeA},             // referral
		{"dns.cs.umass.edu", "gaia.cs.umass.edu", dns.TypeA},   // answer
		{"dns.cs.umass.edu", "nobody.cs.umass.edu", dns.TypeA}, // negative
	} {
		m := dns.NewMessage(dns.Query{Name: c.name + ".", Type: c.typ, Size: 1232, DNSSEC: true})
		r, _ := h.Server(c.server).Authority.AnswerNow(&dns.Request{Message: m})
		var want uint32
		switch {
		case len(r.Answer()) > 0:
			want = r.Answer()[0].TTL()
		case r.Header().Authoritative:
			want = 300 // the smaller of the SOA record's TTL and its last field
		default:
			want = r.Authority()[0].TTL()
		}
		if got, ok := r.TTL(); !ok || got != want {
			t.Errorf("%s %s: TTL %d, %v; want %d", c.server, c.name, got, ok, want)
		}
	}
	if ttl, ok := dns.NewMessage(dns.Query{Name: "x.", Type: dns.TypeA}).TTL(); ok {
		t.Errorf("a query has the TTL %d", ttl)
	}
}
