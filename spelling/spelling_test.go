package spelling_test

import (
	"testing"

	"glassmail/spelling"
)

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{{"MAIL", "MAIL", 0}, {"MAIL", "MIAL", 1}, {"MAIL", "MAL", 1}, {"MAIL", "MAILS", 1}, {"DATA", "DAAT", 1}, {"QUIT", "EXIT", 2}, {"", "AB", 2}} {
		if got := spelling.Distance(tt.a, tt.b); got != tt.want {
			t.Errorf("Distance(%s, %s) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
		if got := spelling.Distance(tt.b, tt.a); got != tt.want {
			t.Errorf("Distance(%s, %s) = %d, want %d", tt.b, tt.a, got, tt.want)
		}
	}
}
