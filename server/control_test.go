package server

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"

	"glassmail/mail"
	"glassmail/mailbox"
	"glassmail/queue"
)

// Everything an operator can do works the same through the control socket.
func TestControl(t *testing.T) {
	p := office(t)
	direct := NewAdmin(p.store, p.clock.Now)
	dir := t.TempDir()
	if _, err := DialControl(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("no node runs: %v", err)
	}
	c, err := newControl(dir, direct, nil)
	if err != nil {
		t.Fatal(err)
	}
	go c.Run()
	remote, err := DialControl(dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, a := range map[string]Admin{"direct": direct, "remote": remote} {
		t.Run(name, func(t *testing.T) { administer(t, p, a, name+"@hamburger.edu") })
	}
	c.Close()
	if _, err := DialControl(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the node has stopped: %v", err)
	}
}

func administer(t *testing.T, p *backend, a Admin, user string) {
	ctx := t.Context()
	if err := a.AddAccount(ctx, user, "one", 5000); err != nil {
		t.Fatal(err)
	}
	if err := a.AddAccount(ctx, user, "one", 0); !errors.Is(err, mailbox.ErrExists) || !strings.Contains(err.Error(), user) {
		t.Errorf("added twice: %v", err)
	}
	if err := a.AddAccount(ctx, "no address", "one", 0); err == nil {
		t.Error("an account without an address")
	}
	if err := a.SetPassword(ctx, user, "two"); err != nil {
		t.Error(err)
	}
	if _, err := p.login(ctx, mail.Peer{}, user, "two"); err != nil {
		t.Errorf("the new password: %v", err)
	}
	if err := a.SetPassword(ctx, "x"+user, "two"); !errors.Is(err, mailbox.ErrNotFound) {
		t.Errorf("password of nobody: %v", err)
	}
	folders, err := a.Folders(ctx, user)
	if err != nil || len(folders) != 1+len(standardFolders()) {
		t.Errorf("folders %v, %v", folders, err)
	}
	if err := a.SetAlias(ctx, "alias-"+user, []string{user}); err != nil {
		t.Error(err)
	}
	if all, err := a.Aliases(ctx); err != nil || len(all) != 1 {
		t.Errorf("aliases %v, %v", all, err)
	}
	if err := a.SetAlias(ctx, "alias-"+user, nil); err != nil {
		t.Error(err)
	}
	administerQueue(t, p, a)
	if err := a.RemoveAccount(ctx, user); err != nil {
		t.Error(err)
	}
	if all, err := a.Accounts(ctx); err != nil || len(all) != 2 {
		t.Errorf("accounts %v, %v", all, err)
	}
}

func administerQueue(t *testing.T, p *backend, a Admin) {
	ctx := t.Context()
	if _, err := p.Accept(ctx, envelope(t, "bob@hamburger.edu", "dave@crepes.fr"), strings.NewReader("Subject: waits\r\n\r\nhi\r\n")); err != nil {
		t.Fatal(err)
	}
	all, err := a.Queue(ctx, "crepes.fr")
	if err != nil || len(all) != 1 || all[0].To.String() != "dave@crepes.fr" {
		t.Fatalf("queue %v, %v", all, err)
	}
	if text, err := a.QueueText(ctx, all[0].ID); err != nil || !strings.Contains(text, "Subject: waits") {
		t.Errorf("text %q, %v", text, err)
	}
	if _, err := a.QueueText(ctx, "nothing"); !errors.Is(err, mailbox.ErrNotFound) {
		t.Errorf("text of nothing: %v", err)
	}
	if n, err := a.AmendQueue(ctx, []string{all[0].ID}, queue.Hold); err != nil || n != 1 {
		t.Errorf("hold: %d, %v", n, err)
	}
	if jobs, _, err := p.store.Lease(ctx, p.clock.Now(), 1, time.Minute, nil); err != nil || len(jobs) != 0 {
		t.Errorf("a held entry was leased: %v, %v", jobs, err)
	}
	if n, err := a.AmendQueue(ctx, []string{}, queue.Remove); err != nil || n != 0 {
		t.Errorf("remove of no entry: %d, %v", n, err)
	}
	if n, err := a.AmendQueue(ctx, nil, queue.Remove); err != nil || n != 1 {
		t.Errorf("remove all: %d, %v", n, err)
	}
}
