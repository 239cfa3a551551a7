package server

import (
	"errors"
	"net"
	"strings"
	"testing"

	"glassmail/config"
	"glassmail/mail"
	"glassmail/message"
	"glassmail/wire"
)

// What a user submits is from him: readers look at From. "any" leaves it to him, a
// stranger on port 25 may bring mail from anybody, and a text without From gets his.
func TestAuthors(t *testing.T) {
	p := office(t)
	if err := NewAdmin(p.store, p.clock.Now).SetAlias(t.Context(), "sales@hamburger.edu", []string{"bob@hamburger.edu"}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		header string
		want   int // for "own"
	}{
		{"From: bob@hamburger.edu", 250},
		{"From: Bob <bob@hamburger.edu>", 250},
		{"From: =?utf-8?q?B=C3=B6b?= <BOB+x@Hamburger.EDU>", 250},
		{"From: =?x-unknown?q?B=C3=B6b?= <bob@hamburger.edu>", 250},
		{"From: \"ceo@crepes.fr\" <bob@hamburger.edu>", 250}, // a name is a name
		{"From: bob@hamburger.edu (ceo@crepes.fr)", 250},
		{"From: sales@hamburger.edu", 250},
		{"From:\r\n bob@hamburger.edu", 250},
		{"FROM : bob@hamburger.edu", 250},
		{"Subject: no author", 250},
		{"Reply-To: carol@hamburger.edu\r\nFrom: bob@hamburger.edu", 250},
		{"From: bob@hamburger.edu\r\nSender: bob+x@hamburger.edu", 250},
		{"From: bob@hamburger.edu, sales@hamburger.edu", 250},
		{"From: bob@hamburger.edu, carol@hamburger.edu\r\nSender: bob@hamburger.edu", 250},

		{"From: carol@hamburger.edu", 550},
		{"From: Bob <alice@crepes.fr>", 550},
		{"From: nobody@hamburger.edu", 550},
		{"From: bob@crepes.fr", 550},
		{"From: bob@hamburger.edu, carol@hamburger.edu", 550},
		{"From: carol@hamburger.edu\r\nSender: bob@hamburger.edu", 550},
		{"From: bob@hamburger.edu, carol@hamburger.edu\r\nSender: carol@hamburger.edu", 550},
		{"From: bob@hamburger.edu\r\nSender: carol@hamburger.edu", 550},
		{"From: bob@hamburger.edu\r\nFrom: carol@hamburger.edu", 550},
		{"From: bob@hamburger.edu\r\nFrom : bob@hamburger.edu", 550},
		{"From: bob@hamburger.edu\r\nSender: bob@hamburger.edu\r\nsender: carol@hamburger.edu", 550},
		{"From: <bob@hamburger.edu> <carol@hamburger.edu>", 550},
		{"From: bob@hamburger.edu <carol@hamburger.edu>", 550},
		{"From: bob@hamburger.edu;carol@hamburger.edu", 550},
		{"From: bob@hamburger.edu carol@hamburger.edu", 550},
		{"From: \"bob@hamburger.edu\" carol@hamburger.edu", 550},
		{"From: <@hamburger.edu:carol@hamburger.edu>", 550},
		{"From: both: bob@hamburger.edu, carol@hamburger.edu;", 550},
		{"From: nobody:;", 550},
		{"From: bob", 550},
		{"From: <>", 550},
		{"From:", 550},
		{"From: carol\x00@hamburger.edu", 550},
	} {
		p.anyFrom = false
		send := func(user string) error {
			env := envelope(t, "bob@hamburger.edu", "carol@hamburger.edu")
			env.Peer.User = addr(t, user)
			_, err := p.Accept(t.Context(), env, strings.NewReader(c.header+"\r\n\r\nx\r\n"))
			return err
		}
		if got := code(send("bob@hamburger.edu")); got != c.want {
			t.Errorf("%q: %d, want %d", c.header, got, c.want)
		}
		if got := code(send("")); got != 250 {
			t.Errorf("%q from a stranger: %d", c.header, got)
		}
		p.anyFrom = true
		if got := code(send("bob@hamburger.edu")); got != 250 {
			t.Errorf("%q where anything goes: %d", c.header, got)
		}
	}
}

// A From behind so much header that nobody would look for it is not let pass.
func TestAuthorBehindALongHeader(t *testing.T) {
	p := office(t)
	env := envelope(t, "bob@hamburger.edu", "carol@hamburger.edu")
	env.Peer.User = env.From
	long := "From: bob@hamburger.edu\r\n" + strings.Repeat("X-Long: "+strings.Repeat("x", 900)+"\r\n", message.MaxHeaderSize/900) + "From: carol@hamburger.edu\r\n\r\nx\r\n"
	_, err := p.Accept(t.Context(), env, strings.NewReader(long))
	if reply := (*mail.Reply)(nil); !errors.As(err, &reply) || reply.Enhanced != (mail.Enhanced{5, 7, 1}) {
		t.Errorf("%v", err)
	}
}

// submission.from decides for users; a lab is as "any".
func TestKeyFrom(t *testing.T) {
	for _, c := range []struct {
		from string
		lab  bool
		want int
	}{{"own", false, 550}, {"any", false, 250}, {"own", true, 250}} {
		conf := config.Default()
		conf.Domains, conf.Data, conf.Listen, conf.Submission.From = []string{"hamburger.edu"}, t.TempDir(), config.Listen{}, c.from
		n, err := New(t.Context(), Options{Config: conf, Host: wire.OS{}, Resolver: net.DefaultResolver, Lab: c.lab, Users: map[string]string{"bob@hamburger.edu": "secret"}})
		if err != nil {
			t.Fatal(err)
		}
		env := envelope(t, "bob@hamburger.edu", "bob@hamburger.edu")
		env.Peer.User = env.From
		_, err = n.backend.Accept(t.Context(), env, strings.NewReader("From: carol@hamburger.edu\r\n\r\nx\r\n"))
		if got := code(err); got != c.want {
			t.Errorf("submission.from = %q, in a lab: %t: %d", c.from, c.lab, got)
		}
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}
}
