package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"glassmail/trace"
)

// section is how every pcapng file begins.
const section = "\x0a\x0d\x0d\x0a"

// share writes a shared file with one connection.
func share(t *testing.T) string {
	t.Helper()
	l := trace.NewLog(100, time.Now)
	c := l.Open("crepes.fr", trace.SMTP, "192.0.2.1:25", "192.0.2.9:5")
	c.Line(trace.Server, "220 crepes.fr")
	c.Close("done")
	var b bytes.Buffer
	if err := trace.WriteShare(&b, time.Now(), l.Since(0)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.jsonl")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPcapOfASharedFile(t *testing.T) {
	in := share(t)
	var out, errs bytes.Buffer
	if code := run([]string{"pcap", in, "--lang", "th"}, strings.NewReader(""), &out, &errs); code != 0 {
		t.Fatalf("exit %d: %s", code, errs.String())
	}
	if b := out.String(); !strings.HasPrefix(b, section) || !strings.Contains(b, "220 crepes.fr\r\n") || !strings.Contains(b, "สำเร็จ") {
		t.Errorf("the file is %q", b)
	}
	file := filepath.Join(t.TempDir(), "y.pcapng")
	if code := run([]string{"pcap", in, "-w", file, "--no-comments"}, strings.NewReader(""), io.Discard, &errs); code != 0 {
		t.Fatalf("exit %d: %s", code, errs.String())
	}
	if b, err := os.ReadFile(file); err != nil || !bytes.HasPrefix(b, []byte(section)) || bytes.Contains(b, []byte("RFC")) {
		t.Errorf("%v: the file is %q", err, b)
	}
}

func TestPcapRefuses(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad")
	if err := os.WriteFile(bad, []byte("no trace"), 0o600); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]struct {
		code int
		says string
	}{
		"":                           {2, "name a shared file"},
		"x --live":                   {2, "name a shared file"},
		"x --url http://y":           {2, "for --live"},
		"--live --url y":             {2, "http://127.0.0.1:8025"},
		"x --lang de":                {2, "en or th"},
		"no-such-file":               {1, "no-such-file"},
		bad:                          {1, "line 1 is no header"},
		"--live --url http://[::]:1": {1, "glassmail lab"},
	} {
		var errs bytes.Buffer
		code := run(append([]string{"pcap"}, strings.Fields(args)...), strings.NewReader(""), io.Discard, &errs)
		if code != want.code || !strings.Contains(errs.String(), want.says) {
			t.Errorf("pcap %s: exit %d, %q; want %d, %q", args, code, errs.String(), want.code, want.says)
		}
	}
}

// Each event is in the file before the next one is waited for.
func TestPcapLive(t *testing.T) {
	next := make(chan string)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/events" {
			t.Errorf("asked for %s", r.URL.Path)
		}
		for text := range next {
			fmt.Fprintf(w, "id: 1\ndata: {\"kind\":\"line\",\"conn\":1,\"proto\":\"smtp\",\"side\":\"S\",\"dir\":\"C\",\"local\":\"192.0.2.1:25\",\"remote\":\"192.0.2.2:5\",\"text\":%q}\n\n", text)
			w.(http.Flusher).Flush()
		}
	}))
	defer s.Close()
	r, w := io.Pipe()
	done := make(chan int, 1)
	go func() {
		done <- run([]string{"pcap", "--live", "--url", s.URL + "/"}, strings.NewReader(""), w, io.Discard)
		w.Close()
	}()
	var seen []byte
	buf := make([]byte, 4096)
	for _, text := range []string{"HELO crepes.fr", "QUIT"} {
		next <- text
		for !bytes.Contains(seen, []byte(text+"\r\n")) {
			n, err := r.Read(buf)
			if err != nil {
				t.Fatalf("%v after %q", err, seen)
			}
			seen = append(seen, buf[:n]...)
		}
	}
	close(next)
	if _, err := io.Copy(io.Discard, r); err != nil {
		t.Fatal(err)
	}
	if code := <-done; code != 0 {
		t.Errorf("exit %d", code)
	}
}
