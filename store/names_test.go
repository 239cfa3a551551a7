package store

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"glassmail/mailbox"
)

func TestFolderName(t *testing.T) {
	for name, want := range map[string]string{
		"inbox": "INBOX", "Inbox/a": "INBOX/a", "INBOXES": "INBOXES", "inboxes/a": "inboxes/a",
		"a/inbox": "a/inbox", "Entwürfe": "Entwürfe", "a b": "a b", "~": "~",
		"ınbox": "ınbox", // a letter that only folds to i
	} {
		if got, err := mailbox.FolderName(name); err != nil || got != want {
			t.Errorf("%q: %q, %v; want %q", name, got, err, want)
		}
	}
	for _, name := range []string{"", "/", "a/", "/a", "a//b", "a\x7f", "a\u0085b", "a\u2028", "\xc3", strings.Repeat("a", mailbox.MaxFolderName+1)} {
		if _, err := mailbox.FolderName(name); !errors.Is(err, mailbox.ErrInvalid) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestLevels(t *testing.T) {
	if got := Levels("a/b/c"); !slices.Equal(got, []string{"a", "a/b"}) {
		t.Errorf("levels are %q", got)
	}
	if got := Levels("a"); got != nil {
		t.Errorf("levels are %q", got)
	}
}

func TestPlan(t *testing.T) {
	yes := true
	for _, c := range []struct {
		change    mailbox.FolderChange
		action    Action
		old, name string
		bad       bool
	}{
		{change: mailbox.FolderChange{New: "a"}, action: Create, name: "a"},
		{change: mailbox.FolderChange{New: "a", Special: `\Sent`}, action: Create, name: "a"},
		{change: mailbox.FolderChange{New: "a", Special: `\`}, bad: true},
		{change: mailbox.FolderChange{New: "a", Special: `\a b`}, bad: true},
		{change: mailbox.FolderChange{Old: "a", New: "inbox/b"}, action: Rename, old: "a", name: "INBOX/b"},
		{change: mailbox.FolderChange{Old: "inbox", New: "INBOX/old"}, action: Rename, old: "INBOX", name: "INBOX/old"},
		{change: mailbox.FolderChange{Old: "a", New: "a/b"}, bad: true},
		{change: mailbox.FolderChange{Old: "a", New: "ab"}, action: Rename, old: "a", name: "ab"},
		{change: mailbox.FolderChange{Old: "a", Delete: true}, action: Delete, old: "a"},
		{change: mailbox.FolderChange{Old: "iNBOX", Delete: true}, bad: true},
		{change: mailbox.FolderChange{Old: "a", Subscribe: &yes}, action: Subscribe, old: "a"},
		{change: mailbox.FolderChange{Subscribe: &yes}, bad: true},
		{change: mailbox.FolderChange{Old: "a", Delete: true, Subscribe: &yes}, bad: true},
		{change: mailbox.FolderChange{Old: "a"}, bad: true},
	} {
		a, old, name, err := Plan(c.change)
		if c.bad != errors.Is(err, mailbox.ErrInvalid) || !c.bad && (a != c.action || old != c.old || name != c.name || err != nil) {
			t.Errorf("%+v: %d %q %q %v", c.change, a, old, name, err)
		}
	}
}

func TestCheckKeywords(t *testing.T) {
	if err := CheckKeywords([]string{"$Junk", "a.b-c"}, nil, []string{"NonJunk"}); err != nil {
		t.Error(err)
	}
	for _, k := range []string{"", "a b", `\Seen`, "a(", "a{", "a%", "a*", `a"`, "a]", "é", strings.Repeat("k", 65)} {
		if err := CheckKeywords(nil, []string{"ok", k}); !errors.Is(err, mailbox.ErrInvalid) {
			t.Errorf("%q: %v", k, err)
		}
	}
}
