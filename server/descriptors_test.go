package server

import (
	"testing"

	"glassmail/config"
)

// The connections of all listeners together, with those that give way, leave the
// reserve alone, and each listener has some.
func TestSharesOfDescriptors(t *testing.T) {
	c := config.Default()
	c.Listen = config.Listen{SMTP: []string{"a:1", "b:1"}, Submission: []string{"a:2"}, IMAP: []string{"a:3"}, Web: []string{"a:4"}}
	c.Limits.Connections, c.Limits.ConnectionsPerAddress = 1000, 100
	for _, tt := range []struct {
		limit            int
		lowered          bool
		mail, perIP, web int
	}{
		{0, false, 1000, 100, 512}, // unknown
		{1 << 20, false, 1000, 100, 512},
		{4*1251 + 512 + 256 + 5, false, 1000, 100, 512},
		{4096, true, 695, 100, 355},
		{1024, true, 138, 69, 70},
		{128, true, 10, 5, 5},
		{16, true, 1, 1, 1},
	} {
		s := sharesOf(&c, tt.limit)
		if s.lowered != tt.lowered || s.mail != tt.mail || s.perIP != tt.perIP || s.web != tt.web {
			t.Errorf("%d: %+v", tt.limit, s)
		}
		if used := 4*(s.mail+s.mail/4+1) + s.web + 5; tt.limit > 16 && used > tt.limit-s.reserve {
			t.Errorf("%d: %d for clients, with a reserve of %d", tt.limit, used, s.reserve)
		}
	}
}
