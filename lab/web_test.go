package lab

import (
	"testing"
	"time"

	"glassmail/dns"
	"glassmail/wire"
)

// A message of a walk is asked for again in the manner of that walk, and the servers
// behave as before afterwards.
func TestQueryInTheMannerOfAWalk(t *testing.T) {
	n, _ := startNames(t, wire.NewManual(time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)))
	const name = "gaia.cs.umass.edu"
	ask := func(server string, m Manner) string {
		t.Helper()
		r, err := n.query(t.Context(), queryRequest{Name: name, Type: dns.TypeA, Server: server, RD: &m.Recursive, Manner: m})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range r.Dissection.Fields {
			if f.Section == "answer" && f.Name == "ADDRESS" || f.Section == "authority" && f.Name == "NAME" {
				return f.Value
			}
		}
		return "neither an answer nor a referral"
	}
	for _, one := range []struct {
		server string
		manner Manner
		want   string
	}{
		{"a.root", Manner{}, "edu."},
		{"a.root", Manner{Recursive: true}, "128.119.245.12"},
		{"a.root", Manner{}, "edu."},
		{"a.edu", Manner{}, "cs.umass.edu."},
		{"a.edu", Manner{ViaUmass: true}, "umass.edu."},
		{"a.edu", Manner{}, "cs.umass.edu."},
	} {
		if got := ask(one.server, one.manner); got != one.want {
			t.Errorf("%s, %+v: %s, want %s", one.server, one.manner, got, one.want)
		}
	}
}
