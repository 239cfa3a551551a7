package mailbox

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"glassmail/mail"
)

// Delimiter divides the levels of a folder's name.
const Delimiter = "/"

// MaxLevels is how deep a folder can lie: readers show each level.
const MaxLevels = 20

// FolderName checks a folder's name, and returns it with INBOX, as its first
// level, in upper case (RFC 9051 §5.1). A name is UTF-8 of at most MaxFolderName
// bytes, has no empty level and no control character. ErrInvalid.
func FolderName(name string) (string, error) {
	switch {
	case name == "":
		return "", fmt.Errorf("%w: the folder name is empty", ErrInvalid)
	case len(name) > MaxFolderName:
		return "", fmt.Errorf("%w: the folder name is longer than %d bytes", ErrInvalid, MaxFolderName)
	case !utf8.ValidString(name):
		return "", fmt.Errorf("%w: the folder name is not UTF-8", ErrInvalid)
	case strings.ContainsFunc(name, mail.IsControl):
		return "", fmt.Errorf("%w: the folder name %q has a control character", ErrInvalid, name)
	case strings.HasPrefix(name, Delimiter), strings.HasSuffix(name, Delimiter), strings.Contains(name, Delimiter+Delimiter):
		return "", fmt.Errorf("%w: the folder name %q has an empty level", ErrInvalid, name)
	}
	first, _, _ := strings.Cut(name, Delimiter)
	if strings.EqualFold(first, Inbox) {
		return Inbox + name[len(first):], nil
	}
	return name, nil
}

// UsableName is a name that a folder may have, as like a given one as can be.
func UsableName(given string) string {
	given = mail.Printable(given, '_')
	levels := slices.DeleteFunc(strings.Split(given, Delimiter), func(s string) bool { return s == "" })
	if len(levels) > MaxLevels {
		levels = append(levels[:MaxLevels-1], strings.Join(levels[MaxLevels-1:], "_"))
	}
	name := strings.Join(levels, Delimiter)
	if len(name) > MaxFolderName { // the sum keeps names apart that begin alike
		sum := fmt.Sprintf("~%x", sha256.Sum256([]byte(given)))[:9]
		name = strings.ToValidUTF8(name[:MaxFolderName-len(sum)], "")
		name = strings.TrimRight(name, Delimiter) + sum
	}
	name, err := FolderName(name)
	if err != nil {
		return "Imported"
	}
	return name
}

// Parent is the name of the folder above, "" for one of the first level.
func Parent(name string) string {
	return name[:max(strings.LastIndex(name, Delimiter), 0)]
}

// Below reports whether a folder lies somewhere below another.
func Below(name, above string) bool {
	rest, ok := strings.CutPrefix(name, above)
	return ok && strings.HasPrefix(rest, Delimiter)
}
