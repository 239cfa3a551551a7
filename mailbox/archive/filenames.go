package archive

import (
	"fmt"
	"glassmail/mailbox"
	"glassmail/message"
	"strings"
)

// escapeLevel makes one level of a folder's name fit for a file's name on any
// system: what is special somewhere becomes % and two hexadecimal digits.
func escapeLevel(s, special string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		edge := i == 0 || i == len(s)-1
		if c < ' ' || strings.IndexByte(special, c) >= 0 || edge && (c == '.' || c == ' ') {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

const (
	specialInFiles   = `%\/:*?"<>|`
	specialInMaildir = specialInFiles + "."
)

// unescapeLevel undoes escapeLevel, and leaves other percent signs alone.
func unescapeLevel(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && message.IsHex(s[i+1]) && message.IsHex(s[i+2]) {
			b.WriteByte(message.HexValue(s[i+1])<<4 | message.HexValue(s[i+2]))
			i += 2
		} else {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// folderPath is the path of a folder, with slashes, below an archive's top.
func folderPath(name string) string {
	levels := strings.Split(name, mailbox.Delimiter)
	for i := range levels {
		levels[i] = escapeLevel(levels[i], specialInFiles)
	}
	return strings.Join(levels, "/")
}

// pathFolder undoes folderPath. The top is INBOX.
func pathFolder(path string) string {
	if path == "." || path == "" {
		return mailbox.Inbox
	}
	levels := strings.Split(path, "/")
	for i := range levels {
		levels[i] = unescapeLevel(levels[i])
	}
	return strings.Join(levels, mailbox.Delimiter)
}
