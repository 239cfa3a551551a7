package bolt

import (
	"context"
	"strconv"
	"testing"

	"glassmail/mailbox"
)

// A row that was read before a change, and arrives after it, is not kept.
func TestKnownAccountsForgetOldRows(t *testing.T) {
	var k knownAccounts
	_, known, before := k.find("bob@hamburger.edu")
	if known {
		t.Fatal("known without having been kept")
	}
	k.forget() // a change, between reading and keeping
	k.keep(mailbox.Account{Address: "bob@hamburger.edu", Password: "old"}, before)
	if _, known, _ := k.find("bob@hamburger.edu"); known {
		t.Error("a row from before the change was kept")
	}
	_, _, now := k.find("bob@hamburger.edu")
	k.keep(mailbox.Account{Address: "bob@hamburger.edu", Password: "new"}, now)
	if a, known, _ := k.find("bob@hamburger.edu"); !known || a.Password != "new" {
		t.Errorf("after the change: %+v, known %v", a, known)
	}
	for i := range 2 * maxKnown {
		k.keep(mailbox.Account{Address: strconv.Itoa(i)}, now)
	}
	if len(k.rows) > maxKnown {
		t.Errorf("%d rows are kept, at most %d may be", len(k.rows), maxKnown)
	}
}

// What an account became is seen by the next to ask, and mail for one that went
// is refused.
func TestKnownAccountsSeeChanges(t *testing.T) {
	ctx := context.Background()
	s, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := range 50 {
		want := mailbox.Account{Address: "bob@hamburger.edu", Password: strconv.Itoa(i)}
		if err := s.PutAccount(ctx, want, i == 0); err != nil {
			t.Fatal(err)
		}
		for range 2 { // from the index, then from memory
			if a, err := s.Account(ctx, want.Address); err != nil || a.Password != want.Password {
				t.Fatalf("after change %d: %+v, %v", i, a, err)
			}
		}
	}
	if err := s.DeleteAccount(ctx, "bob@hamburger.edu"); err != nil {
		t.Fatal(err)
	}
	if a, err := s.Account(ctx, "bob@hamburger.edu"); err == nil {
		t.Errorf("the deleted account is still known: %+v", a)
	}
}
