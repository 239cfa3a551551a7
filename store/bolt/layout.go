package bolt

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"glassmail/mailbox"
)

// Field is some bytes of a frame or a row, and what they mean.
type Field struct {
	At    int    `json:"at"`
	Hex   string `json:"hex,omitempty"` // "" for what is decoded from a part of variable length
	Name  string `json:"name"`
	Value string `json:"value"`
}

// part is one field of a fixed layout.
type part struct {
	name string
	size int
	show func([]byte) string
}

// explain cuts bytes as a layout says.
func explain(b []byte, layout []part) (out []Field) {
	at := 0
	for _, p := range layout {
		if at+p.size > len(b) {
			break
		}
		piece := b[at : at+p.size]
		out = append(out, Field{At: at, Hex: fmt.Sprintf("% x", piece), Name: p.name, Value: p.show(piece)})
		at += p.size
	}
	return out
}

// frameLayout is the head of a frame; see put.
func frameLayout() []part {
	return []part{
		{"magic", 4, showString}, {"type", 1, showKind}, {"codec", 1, showNumber}, {"zero", 2, showNumber},
		{"LSN", 8, showNumber}, {"synced", 8, showNumber}, {"meta", 4, showBytes}, {"record", 4, showBytes},
		{"body", 4, showBytes}, {"text CRC", 4, showHex}, {"blob", 8, showBlob}, {"text", 4, showBytes}, {"CRC", 4, showHex},
	}
}

// bodyLayout is a row of the bucket body; see bodyRow.
func bodyLayout() []part {
	return []part{
		{"segment", 4, showHex}, {"offset", 4, showNumber}, {"record", 4, showBytes}, {"text", 4, showBytes},
		{"text CRC", 4, showHex}, {"refs", 4, showNumber}, {"blob", 8, showBlob},
	}
}

// messageLayout is a message row of the bucket box; see messageRow.
func messageLayout(words []string) []part {
	return []part{
		{"version", 1, showNumber}, {"zero", 1, showNumber}, {"flags", 2, showFlags}, {"size", 4, showBytes},
		{"keywords", 8, func(b []byte) string { return orNone(spell(binary.LittleEndian.Uint64(b), words)) }},
		{"modseq", 8, showNumber}, {"date", 8, showDate}, {"text", 8, showText}, {"zero", 8, showNumber},
	}
}

func showString(b []byte) string { return string(b) }

// little is a little-endian number of up to 8 bytes.
func little(b []byte) (n uint64) {
	for i := len(b) - 1; i >= 0; i-- {
		n = n<<8 | uint64(b[i])
	}
	return n
}

func showNumber(b []byte) string { return fmt.Sprint(little(b)) }
func showBytes(b []byte) string  { return fmt.Sprintf("%d bytes", little(b)) }
func showHex(b []byte) string    { return fmt.Sprintf("%08x", little(b)) }
func showText(b []byte) string   { return string(bodyID(little(b))) }

func showDate(b []byte) string {
	return time.Unix(int64(little(b)), 0).UTC().Format("2006-01-02 15:04:05 MST")
}

func showKind(b []byte) string {
	switch b[0] {
	case typeAccept:
		return "A, accepted"
	case typeMove:
		return "M, moved by compaction"
	case typeText:
		return "B, report of a settlement"
	}
	return fmt.Sprintf("%q, unknown", b[0])
}

func showBlob(b []byte) string {
	if n := little(b); n != 0 {
		return fmt.Sprintf("%016x.eml", n)
	}
	return "none"
}

func showFlags(b []byte) string {
	f := mailbox.Flags(little(b))
	var out []string
	for _, x := range []struct {
		bit  mailbox.Flags
		name string
	}{
		{mailbox.Seen, `\Seen`}, {mailbox.Answered, `\Answered`}, {mailbox.Flagged, `\Flagged`},
		{mailbox.Deleted, `\Deleted`}, {mailbox.Draft, `\Draft`},
	} {
		if f&x.bit != 0 {
			out = append(out, x.name)
		}
	}
	return orNone(out)
}

func orNone(words []string) string {
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, " ")
}
