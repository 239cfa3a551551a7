package store

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"glassmail/mailbox"
)

// MaxRecord bounds Acceptance.Record, in bytes.
const MaxRecord = 4 << 20

// Action is what a mailbox.FolderChange asks for.
type Action uint8

// Actions.
const (
	Create Action = iota
	Rename
	Delete
	Subscribe
)

// Plan checks a folder change and returns what it asks for, with its names in
// their canonical form. mailbox.ErrInvalid.
func Plan(c mailbox.FolderChange) (a Action, old, name string, err error) {
	if a, err = action(c); err != nil {
		return 0, "", "", err
	}
	if a != Create {
		if old, err = mailbox.FolderName(c.Old); err != nil {
			return 0, "", "", err
		}
	}
	if a == Create || a == Rename {
		if name, err = mailbox.FolderName(c.New); err != nil {
			return 0, "", "", err
		}
	}
	switch {
	case a == Delete && old == mailbox.Inbox: // RFC 9051 §6.3.5
		err = fmt.Errorf("%w: INBOX cannot be deleted", mailbox.ErrInvalid)
	case a == Rename && old != mailbox.Inbox && mailbox.Below(name, old):
		err = fmt.Errorf("%w: a folder cannot move below itself", mailbox.ErrInvalid)
	case a == Create && !validSpecial(c.Special):
		err = fmt.Errorf("%w: special use %q", mailbox.ErrInvalid, c.Special)
	}
	return a, old, name, err
}

// action tells which of the four is asked for.
func action(c mailbox.FolderChange) (Action, error) {
	asked := map[bool]int{}
	for _, is := range []bool{c.New != "", c.Delete, c.Subscribe != nil} {
		asked[is]++
	}
	switch {
	case asked[true] != 1:
		return 0, fmt.Errorf("%w: one of create, rename, delete, subscribe", mailbox.ErrInvalid)
	case c.Delete:
		return Delete, nil
	case c.Subscribe != nil:
		return Subscribe, nil
	case c.Old != "":
		return Rename, nil
	}
	return Create, nil
}

// Levels returns the names above a folder, topmost first, without itself.
func Levels(name string) []string {
	var up []string
	for i, c := range name {
		if c == '/' {
			up = append(up, name[:i])
		}
	}
	return up
}

// RoomForFolders reports that so many more folders do not fit into an account that has
// so many. mailbox.ErrTooMany.
func RoomForFolders(has, more int) error {
	if has+more > mailbox.MaxFolders {
		return fmt.Errorf("an account can have %d folders; delete some first: %w", mailbox.MaxFolders, mailbox.ErrTooMany)
	}
	return nil
}

// validSpecial reports a special use attribute, or none (RFC 6154 §2).
func validSpecial(s string) bool {
	return s == "" || len(s) <= mailbox.MaxKeyword && s[0] == '\\' && validAtom(s[1:])
}

// CheckKeywords reports the first that is not a keyword. mailbox.ErrInvalid.
func CheckKeywords(lists ...[]string) error {
	for _, l := range lists {
		for _, k := range l {
			if len(k) > mailbox.MaxKeyword || !validAtom(k) {
				return fmt.Errorf("%w: keyword %q", mailbox.ErrInvalid, k)
			}
		}
	}
	return nil
}

// validAtom reports an IMAP atom (RFC 9051 §9, ATOM-CHAR).
func validAtom(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`(){%*"\]`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

// CheckAddress reports an address that cannot name an account or an alias.
// mailbox.ErrInvalid.
func CheckAddress(a string) error {
	if a == "" || len(a) > 512 || !utf8.ValidString(a) || strings.ContainsFunc(a, func(r rune) bool { return r < ' ' }) {
		return fmt.Errorf("%w: address %q", mailbox.ErrInvalid, a)
	}
	return nil
}

// PlanFolders checks folders to be made along with an account and returns them with
// their names in canonical form.
func PlanFolders(all []mailbox.FolderChange) ([]mailbox.FolderChange, error) {
	out := make([]mailbox.FolderChange, len(all))
	for i, c := range all {
		action, _, name, err := Plan(c)
		if err == nil && action != Create {
			err = fmt.Errorf("a new account has no folder %q to change: %w", c.Old, mailbox.ErrInvalid)
		}
		if err != nil {
			return nil, err
		}
		out[i] = mailbox.FolderChange{New: name, Special: c.Special}
	}
	return out, nil
}
