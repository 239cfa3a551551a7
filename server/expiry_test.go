package server

import (
	"net"
	"strings"
	"testing"
	"time"

	"glassmail/config"
	"glassmail/web/api"
	"glassmail/wire"
)

// A message in the queue goes back after the time that the node's own configuration
// has, and the pages are told so.
func TestQueueEntryExpires(t *testing.T) {
	c := config.Default()
	c.Domains, c.Data, c.Listen = []string{"hamburger.edu"}, t.TempDir(), config.Listen{}
	c.Relay.Expire = config.Duration(7 * time.Hour)
	n, err := New(t.Context(), Options{Config: c, Host: wire.OS{}, Resolver: net.DefaultResolver})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	env := envelope(t, "bob@hamburger.edu", "alice@crepes.fr")
	env.Peer.User = env.From
	if _, err := n.backend.Accept(t.Context(), env, strings.NewReader("Subject: x\r\n\r\nx\r\n")); err != nil {
		t.Fatal(err)
	}
	var entries []api.QueueEntry
	office := NewWebBackend(n)
	for end := time.Now().Add(20 * time.Second); len(entries) == 0; time.Sleep(time.Millisecond) { // the index learns of it after the 250
		if entries, err = office.QueueEntries(t.Context()); err != nil || time.Now().After(end) {
			t.Fatalf("%d entries, %v", len(entries), err)
		}
	}
	if e := entries[0]; e.Expires.Sub(e.Accepted) != 7*time.Hour {
		t.Errorf("accepted at %s, it goes back at %s", e.Accepted, e.Expires)
	}
}
