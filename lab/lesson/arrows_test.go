package lesson_test

import (
	"strings"
	"testing"

	"glassmail/dns"
	"glassmail/lab/lesson"
	"glassmail/lab/lesson/lessontest"
)

// The walk as numbered arrows: 8 messages cold, 2 from the cache.
func TestArrows(t *testing.T) {
	w := lessontest.NewWorld(t, lesson.LectureOptions{})
	r := w.Resolver(t)
	for i, want := range []int{8, 2} {
		_, steps, err := r.Walk(t.Context(), "gaia.cs.umass.edu", dns.TypeA)
		if err != nil {
			t.Fatal(err)
		}
		out := lesson.Arrows("engineering.nyu.edu.", "dns.nyu.edu.", "gaia.cs.umass.edu.", dns.TypeA, steps)
		if n := strings.Count(out, "→ "+"") - strings.Count(out, "→ edu. NS") - strings.Count(out, "→ cs.umass.edu. NS"); n != want {
			t.Errorf("walk %d: %d arrows, want %d\n%s", i, n, want, out)
		}
	}
}
