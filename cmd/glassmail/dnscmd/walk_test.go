package dnscmd

import (
	"strings"
	"testing"

	"glassmail/explain"
	"glassmail/lab"
	"glassmail/lab/lesson"
)

// The messages of a walk stand as they were sent, in every language; around them
// and beside them is the reader's.
func TestPrintWalk(t *testing.T) {
	picture := lab.WalkPicture{Messages: 4, Arrows: []lesson.Arrow{
		{Number: 1, From: "engineering.nyu.edu", To: "dns.nyu.edu", Text: "hamburger.edu. MX ?"},
		{Depth: 1, From: "dns.nyu.edu", Text: "NS a.edu., 5s left"},
		{Number: 2, Depth: 1, From: "dns.nyu.edu", To: "a.edu", Text: "hamburger.edu. MX ?"},
		{Number: 3, Depth: 1, From: "a.edu", To: "dns.nyu.edu", Text: "referral: hamburger.edu. NS x., TTL 5", Reply: true},
		{Number: 4, From: "dns.nyu.edu", To: "engineering.nyu.edu", Text: "answer: 10 mail., TTL 5", Reply: true},
		{Number: 5, From: "dns.nyu.edu", To: "engineering.nyu.edu", Text: "NXDOMAIN, TTL 5", Reply: true},
		{Number: 6, From: "dns.nyu.edu", To: "engineering.nyu.edu", Text: "timeout", Reply: true},
	}}
	for _, tt := range []struct {
		lang  string
		gloss bool
		want  []string
	}{
		{"en", false, []string{"dns.nyu.edu knows: NS a.edu., 5s left\n", "The same question", "4 messages.\n", "TTL 5\n"}},
		{"th", false, []string{"dns.nyu.edu รู้อยู่แล้ว: NS a.edu., 5s left\n", "ถามคำถามเดิม", "4 ข้อความ\n", "referral: hamburger.edu. NS x., TTL 5\n"}},
		{"en", true, []string{
			"MX ?  # question hamburger.edu. MX; RD: please search", "MX ?  # question hamburger.edu. MX; no RD",
			"TTL 5  # referral:", "TTL 5  # RA without AA", "TTL 5  # NXDOMAIN", "timeout\n",
		}},
		{"th", true, []string{"MX ?  # ถาม hamburger.edu. MX; RD:", "TTL 5  # referral: ไม่ใช่คำตอบ"}},
	} {
		p := &walkPrinter{say: saying(t, tt.lang)}
		if tt.gloss {
			p.words = explain.New(tt.lang)
		}
		var out strings.Builder
		p.print(&out, []lab.WalkPicture{picture, picture})
		for _, want := range tt.want {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s: it lacks %q:\n%s", tt.lang, want, out.String())
			}
		}
	}
}
