package main

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// seen is what strace shows of a server that does it right, with two processes
// whose calls overlap.
const seen = `100 1700000000.000001 write(9<socket:[5]>, "354 Go on\r\n", 11) = 11
101 1700000000.000002 pwrite64(7</d/journal/1.seg>, "\1\2(Subject) = MARK", 20, 0) = 20
101 1700000000.000003 fdatasync(7</d/journal/1.seg> <unfinished ...>
100 1700000000.000004 write(8</d/other>, "x", 1) = 1
101 1700000000.000005 <... fdatasync resumed>) = 0
100 1700000000.000006 write(9<socket:[5]>, "250 2.0.0 OK\r\n", 14) = 14
100 1700000000.000007 --- SIGCHLD {si_signo=SIGCHLD} ---
100 1700000000.000008 +++ exited with 0 +++
`

func TestParseStrace(t *testing.T) {
	calls, err := parseStrace(strings.NewReader(seen))
	if err != nil {
		t.Fatal(err)
	}
	if len(calls) != 5 {
		t.Fatalf("%d calls, want 5: %+v", len(calls), calls)
	}
	c := calls[2]
	c.at = c.at.UTC()
	want := call{begin: 2, end: 4, at: time.UnixMicro(1700000000000003).UTC(), name: "fdatasync",
		file: "/d/journal/1.seg", args: "7</d/journal/1.seg>", result: "0"}
	if c != want {
		t.Errorf("%+v, want %+v", c, want)
	}
	if !strings.HasSuffix(calls[1].args, "20, 0") || calls[1].result != "20" {
		t.Errorf("the text of a call may look like its end: %+v", calls[1])
	}
	if _, err := parseStrace(strings.NewReader("100 yesterday fsync(1) = 0\n")); err == nil {
		t.Error("no error without a time")
	}
}

func TestFlushedBefore250(t *testing.T) {
	for _, c := range []struct {
		name, old, new string
		want           bool
	}{
		{"right", "", "", true},
		{"failed", "fdatasync resumed>) = 0", "fdatasync resumed>) = -1 EIO (Input/output error)", false},
		{"another file", "fdatasync(7</d/journal/1.seg>", "fdatasync(7</d/other>", false},
		{"another text", "MARK", "MARS", false},
		{"never ended", "<... fdatasync resumed>) = 0", "--- SIGIO ---", false},
		{"an earlier 250", "000001 write(9<socket:[5]>, \"354", "000001 write(9<socket:[5]>, \"250 X\\r\\n\", 7) = 7\n100 1700000000.000009 write(9<socket:[5]>, \"354", true},
		{"no 250", `"250 2`, `"451 4`, false},
		{"no 354", `"354 `, `"250 `, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			calls, err := parseStrace(strings.NewReader(strings.Replace(seen, c.old, c.new, 1)))
			if err != nil {
				t.Fatal(err)
			}
			got, evidence := flushedBefore250(calls, "MARK", "/d/")
			if got != c.want {
				t.Errorf("%v, want %v: %q", got, c.want, evidence)
			}
		})
	}
	t.Run("answered first", func(t *testing.T) {
		lines := strings.SplitAfter(seen, "\n")
		lines[4], lines[5] = lines[5], lines[4]
		calls, err := parseStrace(strings.NewReader(strings.Join(lines, "")))
		if err != nil {
			t.Fatal(err)
		}
		if yes, evidence := flushedBefore250(calls, "MARK", "/d/"); yes {
			t.Errorf("a flush that ends after the 250 was written counts: %q", evidence)
		}
	})
}

func TestEvidence(t *testing.T) {
	calls, err := parseStrace(strings.NewReader(seen))
	if err != nil {
		t.Fatal(err)
	}
	_, got := flushedBefore250(calls, "MARK", "/d/")
	want := []string{"pwrite64 of the text to journal/1.seg", "fdatasync of journal/1.seg", "write of the 250"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func FuzzParseStrace(f *testing.F) {
	f.Add(seen)
	f.Add("1 1.000000 f(\n1 1.000000 <... f resumed>\n")
	f.Fuzz(func(t *testing.T, text string) {
		calls, err := parseStrace(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, c := range calls {
			if c.end != -1 && c.end < c.begin {
				t.Errorf("%+v ends before it begins", c)
			}
		}
		flushedBefore250(calls, "MARK", "/d/")
	})
}
