package server

import (
	"slices"
	"strings"
	"testing"
	"time"

	"glassmail/mail"
)

// Who wants to hear of a delivery gets a report of it, for the recipients that
// have asked and are here, and for no others.
func TestSuccessIsReported(t *testing.T) {
	p := office(t)
	env := envelope(t, "carol@hamburger.edu", "bob@hamburger.edu", "carol@hamburger.edu", "alice@crepes.fr")
	env.Options.EnvID = "QQ314159"
	env.To[0].Notify, env.To[0].ORcpt = []string{"SUCCESS", "FAILURE"}, "rfc822;Bob@hamburger.edu"
	env.To[1].Notify = []string{"FAILURE"}
	env.To[2].Notify = []string{"SUCCESS"}
	if _, err := p.Accept(t.Context(), env, strings.NewReader("Subject: pickles\r\n\r\nsecret words\r\n")); err != nil {
		t.Fatal(err)
	}
	var reports []string
	for _, m := range texts(t, p.store, "carol@hamburger.edu", "INBOX") {
		if strings.Contains(m, "report-type=delivery-status") {
			reports = append(reports, m)
		}
	}
	if len(reports) != 1 {
		t.Fatalf("%d reports, want 1: %q", len(reports), reports)
	}
	for _, want := range []string{
		"Return-Path: <>\r\n", "Original-Envelope-Id: QQ314159\r\n", "Original-Recipient: rfc822;Bob@hamburger.edu\r\n",
		"Final-Recipient: rfc822;bob@hamburger.edu\r\n", "Action: delivered\r\n", "Status: 2.1.5\r\n", "Subject: pickles\r\n",
	} {
		if !strings.Contains(reports[0], want) {
			t.Errorf("no %q in\n%s", want, reports[0])
		}
	}
	for _, absent := range []string{"secret words", "carol@hamburger.edu\r\nAction", "alice@crepes.fr"} {
		if strings.Contains(reports[0], absent) {
			t.Errorf("%q in\n%s", absent, reports[0])
		}
	}
	if got := texts(t, p.store, "bob@hamburger.edu", "INBOX"); len(got) != 1 {
		t.Errorf("bob has %d messages", len(got))
	}
}

// Whoever writes somebody else's address into MAIL causes no report to it: not from
// here, and not from the server behind an alias. A user does, a sender of ours, and in
// a lab everybody; a report is never told of.
func TestSuccessFromElsewhere(t *testing.T) {
	user := addr(t, "bob@hamburger.edu")
	for _, c := range []struct {
		from string
		user mail.Address
		lab  bool
		told bool
	}{
		{"alice@crepes.fr", mail.Address{}, false, false},
		{"alice@crepes.fr", mail.Address{}, true, true},
		{"alice@crepes.fr", user, false, true}, // submission.from = "any" has no say in this
		{"carol@hamburger.edu", mail.Address{}, false, true},
		{"", mail.Address{}, true, false},
	} {
		p := office(t)
		p.open, p.anyFrom = c.lab, true
		if err := NewAdmin(p.store, p.clock.Now).SetAlias(t.Context(), "away@hamburger.edu", []string{"bob@elsewhere.example"}); err != nil {
			t.Fatal(err)
		}
		env := envelope(t, c.from, "bob@hamburger.edu", "away@hamburger.edu", "away@hamburger.edu")
		env.Peer.User = c.user
		env.To[0].Notify = []string{"SUCCESS", "FAILURE"}
		env.To[1].Notify = []string{"SUCCESS", "FAILURE"}
		if _, err := p.Accept(t.Context(), env, strings.NewReader("Subject: x\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		reports := len(texts(t, p.store, "carol@hamburger.edu", "INBOX"))
		jobs, _, err := p.store.Lease(t.Context(), p.clock.Now(), 10, time.Hour, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range jobs {
			switch r := j.Recipients[0]; {
			case j.From.IsNull() && r.Address.Domain == "crepes.fr":
				reports++
			case r.Address.Domain == "elsewhere.example":
				if asked := slices.Contains(r.Notify, "SUCCESS"); asked != c.told && c.from != "" || !slices.Contains(r.Notify, "FAILURE") {
					t.Errorf("from <%s> as %q, lab %t: the next server is asked for %v", c.from, c.user, c.lab, r.Notify)
				}
			}
		}
		if (reports > 0) != c.told || reports > 1 {
			t.Errorf("from <%s> as %q, lab %t: %d reports", c.from, c.user, c.lab, reports)
		}
	}
}
