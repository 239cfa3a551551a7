package archive

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"testing"
	"time"
)

func TestMboxLineDate(t *testing.T) {
	want := time.Date(2024, 1, 2, 3, 4, 0, 0, time.UTC)
	for _, l := range []string{
		"From a@b Tue Jan  2 03:04:00 2024\n", "From - Tue Jan 02 03:04:00 2024\r\n", "From a b Tue Jan 2 03:04 2024\n",
		"From a@b Tue Jan  2 03:04:00 UTC 2024\n", "From a@b Tue Jan  2 04:04:00 2024 +0100\n",
	} {
		if got := mboxLineDate(l); !got.Equal(want) {
			t.Errorf("%q: got %v", l, got)
		}
	}
	for _, l := range []string{"From me\n", "From \n", "From a@b Tue Jan 99 03:04:00 2024\n"} {
		if got := mboxLineDate(l); !got.IsZero() {
			t.Errorf("%q: got %v", l, got)
		}
	}
}

// Messages lie in the file one after the other, and can be read.
func FuzzMbox(f *testing.F) {
	f.Add("From a@b Tue Jan  2 03:04:05 2024\nStatus: RO\n x\nA: b\n\n>From x\n\nFrom c Tue Jan  2 03:04:05 2024\n\nx")
	f.Fuzz(func(t *testing.T, text string) {
		done := int64(0)
		m := &mboxFile{r: strings.NewReader(text), in: bufio.NewReaderSize(strings.NewReader(text), 64<<10)}
		m.each(func(in Incoming, err error) bool {
			if err != nil {
				t.Fatal(err)
			}
			if in.Done < done || in.Done > int64(len(text)) {
				t.Fatalf("a message ends at %d, after %d, of %d", in.Done, done, len(text))
			}
			done = in.Done
			r, err := in.Open()
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(bytes.ReplaceAll(got, []byte("\r\n"), nil), []byte("\n")) {
				t.Fatalf("bare LF in %q", got)
			}
			return true
		})
	})
}
