package mailbox

import (
	"errors"
	"strings"
	"testing"
)

func TestFolderName(t *testing.T) {
	for name, want := range map[string]string{
		"inbox": "INBOX", "InBox/a": "INBOX/a", "Inboxes": "Inboxes", "a/inbox": "a/inbox",
		"Crêpes/2024 & more": "Crêpes/2024 & more", strings.Repeat("x", MaxFolderName): strings.Repeat("x", MaxFolderName), "..": "..",
	} {
		if got, err := FolderName(name); got != want || err != nil {
			t.Errorf("%.20q: got %q, %v", name, got, err)
		}
	}
	for _, name := range []string{"", "/", "/a", "a/", "a//b", "a\x00", "a\nb", "\u0080", "\u2028", "\x7f", "\xff", strings.Repeat("x", MaxFolderName+1)} {
		if got, err := FolderName(name); !errors.Is(err, ErrInvalid) {
			t.Errorf("%.20q: got %q, %v", name, got, err)
		}
	}
}

func TestParent(t *testing.T) {
	for name, want := range map[string]string{"a": "", "a/b": "a", "a/b/c": "a/b"} {
		if got := Parent(name); got != want {
			t.Errorf("%s: got %q", name, got)
		}
	}
	if !Below("a/b", "a") || !Below("a/b/c", "a") || Below("a", "a") || Below("ab", "a") || Below("b/a", "a") {
		t.Error("Below is wrong")
	}
}
