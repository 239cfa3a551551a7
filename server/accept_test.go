package server

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"glassmail/auth"
	"glassmail/mail"
	"glassmail/mailbox"
	"glassmail/message"
	"glassmail/queue"
	"glassmail/store"
	"glassmail/store/memory"
	"glassmail/trace"
	"glassmail/wire"
)

// office is a post with users bob and carol at hamburger.edu.
func office(t *testing.T) *backend {
	t.Helper()
	clock := wire.NewManual(time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC))
	s := memory.New(clock.Now)
	t.Cleanup(func() { s.Close() })
	a := NewAdmin(s, clock.Now)
	for _, u := range []string{"bob", "carol"} {
		if err := a.AddAccount(t.Context(), u+"@hamburger.edu", "secret", 0); err != nil {
			t.Fatal(err)
		}
	}
	verify, err := auth.NewVerifier(1, clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	return &backend{
		name: "hamburger.edu", store: s, verify: verify, clock: clock, trace: trace.NewLog(100, clock.Now),
		dir: &directory{domains: []string{"hamburger.edu"}, accounts: s},
	}
}

func addr(t testing.TB, s string) mail.Address {
	t.Helper()
	if s == "" {
		return mail.Address{}
	}
	a, err := mail.ParseAddress(s, true)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return a
}

func envelope(t testing.TB, from string, to ...string) *mail.Envelope {
	t.Helper()
	env := &mail.Envelope{ID: NewID(), From: addr(t, from)}
	env.Peer = mail.Peer{Addr: netip.MustParseAddrPort("192.0.2.1:4711"), Helo: "crepes.fr", ESMTP: true}
	for _, r := range to {
		env.To = append(env.To, mail.Recipient{Address: addr(t, r)})
	}
	return env
}

// texts are the messages in a folder of a user.
func texts(t *testing.T, s store.Store, user, folder string) []string {
	t.Helper()
	f, err := s.Folder(t.Context(), user, folder)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for m, err := range s.Messages(t.Context(), f.ID, mailbox.Range{}) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, text(t, s, m.Body))
	}
	return out
}

func text(t *testing.T, s interface {
	Body(context.Context, mail.ContentID) (mail.Message, error)
}, id mail.ContentID) string {
	t.Helper()
	b, err := s.Body(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	all, err := io.ReadAll(io.NewSectionReader(b, 0, b.Size()))
	if err != nil {
		t.Fatal(err)
	}
	return string(all)
}

func code(err error) int {
	var r *mail.Reply
	if errors.As(err, &r) {
		return r.Code
	}
	if err != nil {
		return -1
	}
	return 250
}

func TestRecipients(t *testing.T) {
	p := office(t)
	a := NewAdmin(p.store, p.clock.Now)
	for address, targets := range map[string][]string{
		"all@hamburger.edu":     {"bob@hamburger.edu", "carol@hamburger.edu", "all@hamburger.edu"},
		"loop@hamburger.edu":    {"loop2@hamburger.edu"},
		"loop2@hamburger.edu":   {"loop@hamburger.edu"},
		"gone@hamburger.edu":    {"nobody@hamburger.edu"},
		"half@hamburger.edu":    {"nobody@hamburger.edu", "bob@hamburger.edu"},
		"forward@hamburger.edu": {"dave@crepes.fr", "bob@hamburger.edu"},
	} {
		if err := a.SetAlias(t.Context(), address, targets); err != nil {
			t.Fatal(err)
		}
	}
	stranger, bob := envelope(t, "alice@crepes.fr"), envelope(t, "bob@hamburger.edu")
	bob.Peer.User = addr(t, "bob@hamburger.edu")
	for _, c := range []struct {
		env  *mail.Envelope
		to   string
		want int
	}{
		{stranger, "bob@hamburger.edu", 250},
		{stranger, "BOB@HAMBURGER.EDU", 250},
		{stranger, "bob+lunch@hamburger.edu", 250},
		{stranger, "nobody@hamburger.edu", 550},
		{stranger, "nobody+lunch@hamburger.edu", 550},
		{stranger, "postmaster@hamburger.edu", 250},
		{stranger, "Postmaster", 250},
		{stranger, "all@hamburger.edu", 250},
		{stranger, "gone@hamburger.edu", 550},
		{stranger, "loop@hamburger.edu", 550},
		{stranger, "half@hamburger.edu", 250},
		{stranger, "forward@hamburger.edu", 250},
		{stranger, "dave@crepes.fr", 550},
		{stranger, "bob@mail.hamburger.edu", 550},
		{bob, "dave@crepes.fr", 250},
	} {
		if got := code(p.Recipient(t.Context(), c.env, addr(t, c.to))); got != c.want {
			t.Errorf("RCPT TO:<%s> from user %q: %d, want %d", c.to, c.env.Peer.User, got, c.want)
		}
	}
}

// Names that nobody has go where the alias of the whole domain says.
func TestCatchAll(t *testing.T) {
	p := office(t)
	a := NewAdmin(p.store, p.clock.Now)
	if err := a.SetAlias(t.Context(), "@Hamburger.EDU", []string{"bob@hamburger.edu"}); err != nil {
		t.Fatal(err)
	}
	for to, want := range map[string]string{
		"whoever@hamburger.edu": "bob@hamburger.edu", "whoever+shop@hamburger.edu": "bob@hamburger.edu", "carol@hamburger.edu": "carol@hamburger.edu",
		"postmaster@hamburger.edu": "bob@hamburger.edu", "whoever@crepes.fr": "",
	} {
		targets, err := p.dir.resolve(t.Context(), addr(t, to))
		if err != nil || len(targets) != 1 || targets[0].account != want {
			t.Errorf("%s goes to %+v, %v; want %s", to, targets, err, want)
		}
	}
	if err := a.SetAlias(t.Context(), "@hamburger.edu", []string{"nobody@hamburger.edu"}); err != nil {
		t.Fatal(err)
	}
	if targets, err := p.dir.resolve(t.Context(), addr(t, "whoever@hamburger.edu")); err == nil {
		t.Errorf("a circle leads to %+v", targets)
	}
	for _, bad := range []string{"@", "@@hamburger.edu", "@ham burger.edu", "@hamburger.edu@x"} {
		if err := a.SetAlias(t.Context(), bad, []string{"bob@hamburger.edu"}); err == nil {
			t.Errorf("%s is an alias", bad)
		}
	}
	if err := a.SetAlias(t.Context(), "@hamburger.edu", nil); err != nil {
		t.Fatal(err)
	}
	if code(p.Recipient(t.Context(), envelope(t, "alice@crepes.fr"), addr(t, "whoever@hamburger.edu"))) != 550 {
		t.Error("it is still there")
	}
}

func TestSenders(t *testing.T) {
	p := office(t)
	if err := NewAdmin(p.store, p.clock.Now).SetAlias(t.Context(), "sales@hamburger.edu", []string{"bob@hamburger.edu"}); err != nil {
		t.Fatal(err)
	}
	peer := mail.Peer{User: addr(t, "bob@hamburger.edu")}
	for from, want := range map[string]int{
		"bob@hamburger.edu": 250, "bob+x@hamburger.edu": 250, "sales@hamburger.edu": 250, "": 250,
		"carol@hamburger.edu": 550, "bob@crepes.fr": 550, "nobody@hamburger.edu": 550,
	} {
		if got := code(p.Sender(t.Context(), peer, addr(t, from))); got != want {
			t.Errorf("bob sends as <%s>: %d, want %d", from, got, want)
		}
	}
	if got := code(p.Sender(t.Context(), mail.Peer{}, addr(t, "x@anywhere.example"))); got != 250 {
		t.Errorf("a stranger brings mail: %d", got)
	}
}

func TestTextAsStored(t *testing.T) {
	const received = "Return-Path: <alice@crepes.fr>\r\nReceived: from crepes.fr ([192.0.2.1])\r\n\tby hamburger.edu with ESMTP id ID\r\n" +
		"\tfor <bob@hamburger.edu>; Mon, 4 May 2026 12:00:00 +0000\r\n"
	for name, c := range map[string]struct{ sent, want string }{
		"with a header":          {"Subject: x\r\n\r\nhi\r\n", "Subject: x\r\n\r\nhi\r\n"},
		"without a header":       {"Do you like ketchup?\r\nHow about pickles?\r\n", "\r\nDo you like ketchup?\r\nHow about pickles?\r\n"},
		"a blank line first":     {"\r\nhi\r\n", "\r\nhi\r\n"},
		"header only":            {"Subject: x\r\n", "Subject: x\r\n"},
		"nothing":                {"", ""},
		"a text with a colon":    {"Dear Bob: hello\r\n", "\r\nDear Bob: hello\r\n"},
		"a very long first line": {"a" + strings.Repeat("b", 100_000) + "\r\n", "\r\na" + strings.Repeat("b", 100_000) + "\r\n"},
	} {
		p := office(t)
		env := envelope(t, "alice@crepes.fr", "bob@hamburger.edu")
		env.ID = "ID"
		if _, err := p.Accept(t.Context(), env, strings.NewReader(c.sent)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := texts(t, p.store, "bob@hamburger.edu", "INBOX"); len(got) != 1 || got[0] != received+c.want {
			t.Errorf("%s: stored %.300q\nwant %.300q", name, got, received+c.want)
		}
	}
}

func TestSubmissionIsCompleted(t *testing.T) {
	p := office(t)
	env := envelope(t, "bob@hamburger.edu", "carol@hamburger.edu")
	env.Peer.User = addr(t, "bob@hamburger.edu")
	if _, err := p.Accept(t.Context(), env, strings.NewReader("Subject: x\r\ndate: today\r\n\r\nhi\r\n")); err != nil {
		t.Fatal(err)
	}
	got := texts(t, p.store, "carol@hamburger.edu", "INBOX")[0]
	for want, n := range map[string]int{"From: bob@hamburger.edu\r\n": 1, "Message-ID: <": 1, "ate: ": 1} {
		if strings.Count(got, want) != n {
			t.Errorf("%q stands there %d times, want %d:\n%s", want, strings.Count(got, want), n, got)
		}
	}
}

// A message for several people here and elsewhere is one acceptance.
func TestLocalAndRemote(t *testing.T) {
	p := office(t)
	env := envelope(t, "bob@hamburger.edu", "carol@hamburger.edu", "carol+x@hamburger.edu", "dave@crepes.fr", "erin@crepes.fr")
	if _, err := p.Accept(t.Context(), env, strings.NewReader("Subject: x\r\n\r\nhi\r\n")); err != nil {
		t.Fatal(err)
	}
	got := texts(t, p.store, "carol@hamburger.edu", "INBOX")
	if len(got) != 1 || !strings.HasPrefix(got[0], "Return-Path: <bob@hamburger.edu>\r\n") {
		t.Errorf("carol has %q, want one copy with its Return-Path", got)
	}
	jobs, _, err := p.store.Lease(t.Context(), p.clock.Now(), 10, time.Minute, nil)
	if err != nil || len(jobs) != 1 || len(jobs[0].Recipients) != 2 || jobs[0].Dest != "crepes.fr" || jobs[0].Message != env.ID {
		t.Fatalf("jobs %+v, %v; want one for crepes.fr with two recipients", jobs, err)
	}
	if out := text(t, outgoing{Store: p.store, post: p}, jobs[0].Body); !strings.HasPrefix(out, "Received:") {
		t.Errorf("the relay would send %q", out)
	}
}

// A message that would go nowhere is never accepted.
func TestNowhere(t *testing.T) {
	p := office(t)
	if err := NewAdmin(p.store, p.clock.Now).SetAlias(t.Context(), "loop@hamburger.edu", []string{"loop@hamburger.edu"}); err != nil {
		t.Fatal(err)
	}
	for _, to := range [][]string{{"loop@hamburger.edu"}, {}} {
		if id, err := p.Accept(t.Context(), envelope(t, "alice@crepes.fr", to...), strings.NewReader("\r\nhi\r\n")); err == nil {
			t.Errorf("a message to %v was accepted as %s", to, id)
		}
	}
}

// A text that breaks off leaves nothing.
func TestBrokenText(t *testing.T) {
	p := office(t)
	r := io.MultiReader(strings.NewReader("Subject: x\r\n\r\nhalf"), failing{io.ErrUnexpectedEOF})
	if _, err := p.Accept(t.Context(), envelope(t, "alice@crepes.fr", "bob@hamburger.edu"), r); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error %v", err)
	}
	if got := texts(t, p.store, "bob@hamburger.edu", "INBOX"); len(got) != 0 {
		t.Errorf("it was kept: %q", got)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestCirclesAreBroken(t *testing.T) {
	p := office(t)
	loop := strings.Repeat("Received: from a by b; Mon, 4 May 2026 12:00:00 +0000\r\n", message.MaxHops) + "\r\nhi\r\n"
	_, err := p.Accept(t.Context(), envelope(t, "a@crepes.fr", "bob@hamburger.edu"), strings.NewReader(loop))
	if code(err) != 554 {
		t.Errorf("a message that has passed %d servers: %v", message.MaxHops, err)
	}
}

func TestQuota(t *testing.T) {
	p := office(t)
	a := NewAdmin(p.store, p.clock.Now)
	if err := a.AddAccount(t.Context(), "small@hamburger.edu", "secret", 1000); err != nil {
		t.Fatal(err)
	}
	env := envelope(t, "alice@crepes.fr", "small@hamburger.edu")
	if _, err := p.Accept(t.Context(), env, strings.NewReader("\r\n"+strings.Repeat("x", 2000))); code(err) != 452 {
		t.Errorf("2000 bytes into a mailbox of 1000: %v", err)
	}
	env.Options.Size = 2000
	if err := p.Recipient(t.Context(), env, env.To[0].Address); code(err) != 452 {
		t.Errorf("RCPT with SIZE=2000 into a mailbox of 1000: %v", err)
	}
}

// The queue sees texts without Return-Path, and its reports are delivered here
// or elsewhere together with the settlement.
func TestOutgoing(t *testing.T) {
	p := office(t)
	o := outgoing{Store: p.store, post: p}
	for i, from := range []string{"bob@hamburger.edu", "alice@crepes.fr", "nobody@hamburger.edu"} {
		if _, err := p.Accept(t.Context(), envelope(t, from, "x@foo.com"), strings.NewReader("Subject: x\r\n\r\nhi\r\n")); err != nil {
			t.Fatal(err)
		}
		jobs, _, err := o.Lease(t.Context(), p.clock.Now(), 1, time.Minute, func(dest string) bool { return dest != "foo.com" })
		if err != nil || len(jobs) != 1 {
			t.Fatalf("%d: jobs %v, %v", i, jobs, err)
		}
		if got := text(t, o, jobs[0].Body); !strings.HasPrefix(got, "Received:") {
			t.Errorf("the relay would send %q", got)
		}
		failed := []queue.Result{{Address: addr(t, "x@foo.com"), Status: queue.Failed}}
		if err := o.Settle(t.Context(), jobs[0], failed, &queue.Report{To: jobs[0].From, Message: []byte("Subject: report\r\n\r\nno\r\n")}); err != nil {
			t.Fatalf("report to %s: %v", from, err)
		}
	}
	if got := texts(t, p.store, "bob@hamburger.edu", "INBOX"); len(got) != 1 || got[0] != "Return-Path: <>\r\nSubject: report\r\n\r\nno\r\n" {
		t.Errorf("bob has %q, want the report", got)
	}
	var left []string
	for e, err := range p.store.Entries(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		left = append(left, e.From.Path()+e.To.Path())
	}
	if len(left) != 1 || left[0] != "<><alice@crepes.fr>" {
		t.Errorf("waiting: %v, want the report to alice only", left)
	}
}

func TestReturnPathIsSkipped(t *testing.T) {
	p := office(t)
	if _, err := p.Accept(t.Context(), envelope(t, "alice@crepes.fr", "bob@hamburger.edu"), strings.NewReader("\r\nhi\r\n")); err != nil {
		t.Fatal(err)
	}
	f, err := p.store.Folder(t.Context(), "bob@hamburger.edu", "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	for m, err := range p.store.Messages(t.Context(), f.ID, mailbox.Range{}) {
		if err != nil {
			t.Fatal(err)
		}
		whole, out := text(t, p.store, m.Body), text(t, outgoing{Store: p.store, post: p}, m.Body)
		if "Return-Path: <alice@crepes.fr>\r\n"+out != whole {
			t.Errorf("stored %q\nrelayed %q", whole, out)
		}
	}
}
