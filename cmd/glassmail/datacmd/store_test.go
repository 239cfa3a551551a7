package datacmd

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"glassmail/store/bolt"
)

// A message is shown within the width that there is, and cannot control the
// terminal.
func TestShowMessage(t *testing.T) {
	v := &bolt.Inspection{
		ID:     "00000001",
		Frame:  bolt.FrameView{Segment: 1, Offset: 64, Head: []bolt.Field{{At: 8, Hex: strings.Repeat("0a ", 40), Name: "LSN", Value: strings.Repeat("long ", 30)}}},
		Row:    bolt.RowView{Bucket: "body", Key: "00", Fields: []bolt.Field{{Name: "refs", Value: "1"}}},
		Copies: []bolt.CopyView{{User: "bob@hamburger.edu", Folder: strings.Repeat("名", 60), UID: 1}},
		Text:   bolt.TextView{Size: 5000, Head: "Subject: \x1b[2Jgone\r\n\r\n" + strings.Repeat("x", 500) + "\r\n"},
	}
	for _, width := range []int{80, 100, 132, 200} {
		var b bytes.Buffer
		showMessage(&b, v, width)
		out := b.String()
		for _, l := range strings.Split(out, "\n") {
			if n := utf8.RuneCountInString(l); n > width {
				t.Errorf("width %d: a line of %d: %s", width, n, l)
			}
		}
		if strings.ContainsAny(out, "\x1b\r") {
			t.Errorf("width %d: a control character came through", width)
		}
		for _, want := range []string{"FRAME", "INDEX", "TEXT, 5000 bytes", "bytes more", "Subject: ·[2Jgone"} {
			if !strings.Contains(out, want) {
				t.Errorf("width %d: %q is missing", width, want)
			}
		}
	}
}
