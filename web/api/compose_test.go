package api

import (
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"glassmail/mail"
	"glassmail/message"
)

// checkHeader fails if the header of a message written here has a line that is too
// long, a control character, a field twice, or a field that is none of ours.
func checkHeader(t *testing.T, header string) {
	t.Helper()
	known := map[string]bool{"date": true, "from": true, "to": true, "cc": true, "bcc": true, "subject": true, "message-id": true, "in-reply-to": true,
		"references": true, "user-agent": true, "mime-version": true, "content-type": true, "content-transfer-encoding": true}
	seen := map[string]bool{}
	for line := range strings.SplitSeq(strings.TrimSuffix(header, "\r\n"), "\r\n") {
		if len(line) > 998 || !utf8.ValidString(line) || strings.ContainsFunc(line, mail.IsControl) {
			t.Errorf("the line %.200q of %d bytes", line, len(line))
		}
		if strings.HasPrefix(line, " ") && strings.TrimSpace(line) != "" {
			continue
		}
		name, _, ok := strings.Cut(line, ":")
		name = strings.ToLower(name)
		if !ok || !known[name] || seen[name] {
			t.Errorf("the line %.200q", line)
		}
		seen[name] = true
	}
}

// written is a composed message as it leaves, divided at the end of its header.
func written(t *testing.T, m *composed, own bool) (header, body string) {
	t.Helper()
	in := m.open(own)
	defer in.Close()
	b, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	header, body, ok := strings.Cut(string(b), "\r\n\r\n")
	if !ok {
		t.Fatalf("no end of the header in %.300q", b)
	}
	return header, body
}

// No control character of what a reader writes, or answers, comes into the header.
func TestNoControlIsWritten(t *testing.T) {
	var all []string
	for r := rune(0); r < 0x3000; r++ {
		if mail.IsControl(r) {
			all = append(all, string(r))
		}
	}
	for _, c := range append(all, "\xff", "\r\nX-Evil: 1", "\r\n\r\nevil") {
		d := &draft{
			FromName: "A" + c + "lice", To: []string{"B" + c + "ob <bob@crepes.fr>", "alice@crepes.fr"},
			Subject: "x" + c + "y", Text: "t" + c + "t", InReplyTo: "<a" + c + "b@crepes.fr> <good@crepes.fr>", References: []string{"<c" + c + "d@crepes.fr>", "<e@crepes.fr>" + c},
			Attachments: []attachment{{Name: "n" + c + "n", Type: "text/x" + c}},
		}
		m, err := compose(d, "alice@crepes.fr", "crepes.fr", time.Unix(0, 0), true)
		if err != nil {
			d.To = []string{"alice@crepes.fr"} // a name with line ends is refused
			if m, err = compose(d, "alice@crepes.fr", "crepes.fr", time.Unix(0, 0), true); err != nil {
				t.Fatalf("%q: %v", c, err)
			}
		}
		header, body := written(t, m, true)
		checkHeader(t, header)
		if !strings.Contains(header, "<good@crepes.fr>") {
			t.Errorf("%q: the good message id is lost: %q", c, header)
		}
		parts := strings.Split(body, "--"+m.boundary)
		if len(parts) != 4 {
			t.Fatalf("%q: %d parts", c, len(parts))
		}
		for _, part := range parts[1:3] {
			header, _, _ := strings.Cut(strings.TrimPrefix(part, "\r\n"), "\r\n\r\n")
			for line := range strings.SplitSeq(header, "\r\n") {
				if strings.ContainsFunc(line, mail.IsControl) || !strings.HasPrefix(line, "Content-") {
					t.Errorf("%q: the line %q of a part", c, line)
				}
			}
		}
		rec, err := message.Scan(strings.NewReader(header+"\r\n\r\n"+body), int64(len(header)+4+len(body)))
		if err != nil || len(rec.Root.Parts) != 2 || len(rec.Root.Envelope.To) < 1 {
			t.Errorf("%q: the record is %+v, %v", c, rec, err)
		}
	}
}

// FuzzCompose: whatever is written, the header is one of ours with nothing added to
// it, and what leaves is in proportion to what was written.
func FuzzCompose(f *testing.F) {
	f.Add("Alice", "Bob <bob@crepes.fr>", "subject", "text\n.\n", "<a@b>", "name.txt", "text/plain")
	f.Add("อลิซ", "\"B\\\"\" <bob@crepes.fr>", "=?utf-8?q?=0D=0A?=", "\r\r\n", "a b <c>", "../x\x00", "multipart/mixed; boundary=x")
	f.Add("\x7f", "bob@crepes.fr", "\u2028 \u0085", "\x00", "\x7f", "\t", "text/x; \x01=\"\r\n\"")
	f.Fuzz(func(t *testing.T, name, to, subject, text, id, file, kind string) {
		d := &draft{FromName: name, To: []string{to, "alice@crepes.fr"}, Cc: []string{to}, Subject: subject, Text: text, InReplyTo: id, References: []string{id, id},
			Attachments: []attachment{{Name: file, Type: kind}}}
		in := len(name) + 2*len(to) + len(subject) + len(text) + 3*len(id) + len(file) + len(kind)
		m, err := compose(d, "alice@crepes.fr", "crepes.fr", time.Unix(0, 0), true)
		if err != nil {
			if known(err) == nil {
				t.Fatalf("no fault of the caller's: %v", err)
			}
			return
		}
		header, body := written(t, m, true)
		checkHeader(t, header)
		if out := len(header) + len(body); out > 6*in+3000 {
			t.Errorf("%d bytes from %d", out, in)
		}
		whole := header + "\r\n\r\n" + body
		rec, err := message.Scan(strings.NewReader(whole), int64(len(whole)))
		if err != nil || len(rec.Root.Parts) != 2 {
			t.Fatalf("%+v, %v", rec, err)
		}
		got, want := message.DecodeHeader(rec.Root.Envelope.Subject), clean(subject)
		if squeeze(got) != squeeze(want) {
			t.Errorf("the subject %q came out as %q", want, got)
		}
	})
}

// squeeze leaves out blanks, which folding may move, and the mark of forceEncoding.
func squeeze(s string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(s, "\u200b", "")), "")
}

// FuzzQuery: whatever is looked for, there are at most maxWords words in it, no longer
// than the query, and each error is the caller's.
func FuzzQuery(f *testing.F) {
	for _, q := range []string{`from:bob -subject:"two words" is:unread`, `before:2026-05-04 larger:10`, `"`, `- -- :a a: "a"b"`, `is:x`, "\u00a0", `-is:read -since:2026-01-01`} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, q string) {
		words := splitQuery(q)
		size := 0
		for _, w := range words {
			if size += len(w); strings.TrimSpace(w) == "" {
				t.Errorf("%q has the empty word %q", q, w)
			}
		}
		if size > 3*len(q) { // a byte that is no UTF-8 becomes U+FFFD
			t.Errorf("%d bytes of words in %d", size, len(q))
		}
		match, err := parseQuery(q)
		switch {
		case err != nil && known(err) == nil:
			t.Errorf("no fault of the caller's: %v", err)
		case err == nil && (len(words) > maxWords || len(q) > maxQuery):
			t.Errorf("%d words in %d bytes are taken", len(words), len(q))
		case match == nil && err == nil && len(words) > 0:
			t.Errorf("nothing is looked for with %q", q)
		}
	})
}
