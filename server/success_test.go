package server

import (
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

// A sender elsewhere gets his report through the queue; a report is never told of.
func TestSuccessFromElsewhere(t *testing.T) {
	p := office(t)
	for _, from := range []string{"alice@crepes.fr", ""} {
		env := envelope(t, from, "bob@hamburger.edu")
		env.To[0].Notify = []string{"SUCCESS"}
		if _, err := p.Accept(t.Context(), env, strings.NewReader("Subject: x\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
	}
	jobs, _, err := p.store.Lease(t.Context(), p.clock.Now(), 10, time.Hour, nil)
	if err != nil || len(jobs) != 1 || !jobs[0].From.IsNull() || jobs[0].Recipients[0].Address != (mail.Address{Local: "alice", Domain: "crepes.fr"}) {
		t.Errorf("in the queue: %+v, %v; want one report to alice", jobs, err)
	}
}
