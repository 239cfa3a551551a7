package mail

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var day = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

const original = "From: alice@crepes.fr\r\nMessage-ID: <one@crepes.fr>\r\nSubject: ketchup\r\n\r\nDo you like ketchup?\r\n"

// newDSN is a report about bob, who is unknown, of a given original.
func newDSN(text string) DSN {
	return DSN{
		Host: "crepes.fr", ID: "r1", To: Address{"alice", "crepes.fr"}, Arrival: day, Time: day.Add(time.Hour),
		Recipients: []DSNRecipient{{
			Recipient: Recipient{Address: Address{"bob", "hamburger.edu"}}, Action: ActionFailed,
			Reply: Reply{550, Enhanced{5, 1, 1}, "no bob here"}, Host: "mail.hamburger.edu", Last: day,
		}},
		Original: strings.NewReader(text), Size: int64(len(text)),
	}
}

type readPart struct {
	header textproto.MIMEHeader
	body   string
}

// parse takes a report apart as a mail reader does.
func parse(t interface{ Fatalf(string, ...any) }, report []byte) (*netmail.Message, []readPart) {
	m, err := netmail.ReadMessage(bytes.NewReader(report))
	if err != nil {
		t.Fatalf("the report does not parse: %v\n%s", err, report)
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/report" || params["report-type"] != "delivery-status" {
		t.Fatalf("Content-Type %q: %v", m.Header.Get("Content-Type"), err)
	}
	var parts []readPart
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := r.NextRawPart()
		if err == io.EOF {
			return m, parts
		}
		if err != nil {
			t.Fatalf("part %d: %v\n%s", len(parts), err, report)
		}
		b, err := io.ReadAll(p)
		if err != nil {
			t.Fatalf("part %d: %v", len(parts), err)
		}
		parts = append(parts, readPart{p.Header, string(b)})
	}
}

func build(t *testing.T, d DSN) (string, []readPart) {
	t.Helper()
	b, err := d.Build()
	if err != nil {
		t.Fatal(err)
	}
	_, parts := parse(t, b)
	return string(b), parts
}

func TestDSN(t *testing.T) {
	report, parts := build(t, newDSN(original))
	for _, w := range []string{
		"From: \"Mail delivery at crepes.fr\" <MAILER-DAEMON@crepes.fr>\r\nTo: <alice@crepes.fr>\r\n",
		"In-Reply-To: <one@crepes.fr>\r\n", "Auto-Submitted: auto-replied\r\n", "Message-ID: <r1@crepes.fr>\r\n",
	} {
		if !strings.Contains(report, w) {
			t.Errorf("it lacks %q:\n%s", w, report)
		}
	}
	if len(parts) != 3 {
		t.Fatalf("%d parts", len(parts))
	}
	for _, w := range []string{"bob@hamburger.edu", "mail.hamburger.edu answered:\r\n      550 5.1.1 no bob here", "no mailbox of that name"} {
		if !strings.Contains(parts[0].body, w) {
			t.Errorf("the words lack %q:\n%s", w, parts[0].body)
		}
	}
	want := "Reporting-MTA: dns; crepes.fr\r\nArrival-Date: Mon, 2 Mar 2026 09:00:00 +0000\r\n\r\n" +
		"Final-Recipient: rfc822;bob@hamburger.edu\r\nAction: failed\r\nStatus: 5.1.1\r\nRemote-MTA: dns; mail.hamburger.edu\r\n" +
		"Diagnostic-Code: smtp; 550 5.1.1 no bob here\r\nLast-Attempt-Date: Mon, 2 Mar 2026 09:00:00 +0000\r\n"
	if parts[1].body != want || parts[1].header.Get("Content-Type") != "message/delivery-status" {
		t.Errorf("for programs:\n%s\nwant\n%s", parts[1].body, want)
	}
	if parts[2].body != original || parts[2].header.Get("Content-Type") != "message/rfc822" {
		t.Errorf("returned %q", parts[2])
	}
}

func TestDSNWithoutReader(t *testing.T) {
	d := newDSN(original)
	d.To = Address{}
	if _, err := d.Build(); err == nil {
		t.Error("there is a report to the null reverse-path")
	}
	d = newDSN(original)
	d.Recipients = nil
	if _, err := d.Build(); err == nil {
		t.Error("there is a report about nobody")
	}
	d = newDSN(original)
	d.Size++
	if _, err := d.Build(); err == nil {
		t.Error("the original is shorter than was said, and nobody noticed")
	}
}

func TestDSNReturned(t *testing.T) {
	header := original[:strings.Index(original, "\r\n\r\n")+2]
	long := original + strings.Repeat("0123456789012345678901234567890123456789\r\n", MaxReturnedMessage/42)
	huge := original + strings.Repeat(long, MaxReturnedFull/len(long)+1)
	eight := "Subject: x\r\n\r\nüber\r\n"
	eightHeader := "Subject: über\r\n\r\nüber\r\n"
	latin := "Subject: \xfcber\r\n\r\nx\r\n"
	jose := Address{"josé", "crepes.fr"}
	tests := []struct {
		name     string
		text     string
		change   func(*DSN)
		kind     string
		encoding string
		body     string // "" is not compared
	}{
		{"small", original, nil, "message/rfc822", "", original},
		{"HDRS", original, func(d *DSN) { d.Options.Return = ReturnHdrs }, "text/rfc822-headers", "", header},
		{"REQUIRETLS", original, func(d *DSN) { d.Options.RequireTLS = true }, "text/rfc822-headers", "", header},
		{"delay", original, func(d *DSN) { d.Recipients[0].Action = ActionDelayed; d.Options.Return = ReturnFull }, "text/rfc822-headers", "", header},
		{"large", long, nil, "text/rfc822-headers", "", header},
		{"large, FULL", long, func(d *DSN) { d.Options.Return = ReturnFull }, "message/rfc822", "", long},
		{"huge, FULL", huge, func(d *DSN) { d.Options.Return = ReturnFull }, "text/rfc822-headers", "", header},
		{"8 bit text", eight, nil, "message/rfc822", "8bit", eight},
		{"UTF-8 header", eightHeader, nil, "message/global", "base64", ""},
		{"UTF-8 header only", eightHeader, func(d *DSN) { d.Options.Return = ReturnHdrs }, "message/global-headers", "base64", "U3ViamVjdDogw7xiZXINCg==\r\n"},
		{"UTF-8 header to a UTF-8 sender", eightHeader, func(d *DSN) { d.To = jose }, "message/global", "8bit", eightHeader},
		{"UTF-8 header only, to a UTF-8 sender", eightHeader, func(d *DSN) { d.To = jose; d.Options.Return = ReturnHdrs }, "message/global-headers", "8bit", "Subject: über\r\n"},
		{"Latin-1 header only", latin, func(d *DSN) { d.Options.Return = ReturnHdrs }, "text/rfc822-headers", "quoted-printable", "Subject: =FCber\r\n"},
		{"no header", "\r\nDo you like ketchup?\r\n", func(d *DSN) { d.Options.Return = ReturnHdrs }, "text/rfc822-headers", "", "-"},
		{"nothing", "", nil, "message/rfc822", "", "-"},
		{"endless header", strings.Repeat("X: 0123456789\r\n", 10000), nil, "text/rfc822-headers", "", strings.Repeat("X: 0123456789\r\n", MaxReturnedHeader/15)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDSN(tt.text)
			if tt.change != nil {
				tt.change(&d)
			}
			_, parts := build(t, d)
			p := parts[len(parts)-1]
			if tt.body == "-" {
				tt.body = ""
				if p.body != "" {
					t.Errorf("body %q, want none", p.body)
				}
			}
			if p.header.Get("Content-Type") != tt.kind || p.header.Get("Content-Transfer-Encoding") != tt.encoding {
				t.Errorf("%v, want %s in %q", p.header, tt.kind, tt.encoding)
			}
			if tt.body != "" && p.body != tt.body {
				t.Errorf("body %.200q, want %.200q", p.body, tt.body)
			}
		})
	}
}

func TestDSNInUTF8(t *testing.T) {
	jose := Address{"josé", "hamburger.edu"}
	for _, tt := range []struct {
		to     Address
		kind   string
		status string
	}{
		{Address{"alice", "crepes.fr"}, "message/delivery-status", `Final-Recipient: utf-8;jos\x{E9}@hamburger.edu`},
		{Address{"zoë", "crepes.fr"}, "message/global-delivery-status", "Final-Recipient: utf-8;josé@hamburger.edu"},
	} {
		d := newDSN(original)
		d.To, d.Recipients[0].Address = tt.to, jose
		report, parts := build(t, d)
		if got := parts[1].header.Get("Content-Type"); got != tt.kind || !strings.Contains(parts[1].body, tt.status) {
			t.Errorf("to %s: %s\n%s", tt.to, got, parts[1].body)
		}
		if tt.to.ASCII() && !isASCII(report) {
			t.Errorf("the report to %s is not ASCII:\n%s", tt.to, report)
		}
		b, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(parts[0].body)))
		if err != nil || !strings.Contains(string(b), "josé@hamburger.edu") {
			t.Errorf("the words are %q, %v", b, err)
		}
	}
}

// TestDSNProperties: whatever other servers and senders put into it, a report
// parses, has short lines, and gives the original back.
func TestDSNProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom([]string{original, "", "\r\n", "x", "--report-r1-0\r\n--report-r1-1--\r\n"}).Draw(t, "head") + rapid.String().Draw(t, "text")
		d := newDSN(text)
		d.ID = "r1" + rapid.StringMatching(`[A-Z0-9.<>]{0,20}`).Draw(t, "id")
		d.ID = boundaryChars(d.ID)
		d.Options.EnvID = rapid.String().Draw(t, "envid")
		d.Options.Return = rapid.SampledFrom([]string{"", ReturnFull, ReturnHdrs}).Draw(t, "ret")
		d.Recipients = nil
		for range rapid.IntRange(1, 3).Draw(t, "n") {
			d.Recipients = append(d.Recipients, DSNRecipient{
				Recipient: Recipient{Address: genAddress(t), ORcpt: rapid.String().Draw(t, "orcpt")},
				Action:    rapid.SampledFrom([]Action{ActionFailed, ActionDelayed, ActionRelayed, ActionDelivered}).Draw(t, "action"),
				Reply:     Reply{rapid.IntRange(200, 599).Draw(t, "code"), Enhanced{uint16(rapid.IntRange(0, 5).Draw(t, "class")), 1, 2}, rapid.String().Draw(t, "reply")},
				Host:      rapid.String().Draw(t, "host"),
			})
		}
		b, err := d.Build()
		if err != nil {
			t.Fatal(err)
		}
		m, parts := parse(t, b)
		if m.Header.Get("To") != "<alice@crepes.fr>" || len(parts) != 3 {
			t.Fatalf("%d parts to %q:\n%s", len(parts), m.Header.Get("To"), b)
		}
		for line := range strings.SplitSeq(parts[0].body+parts[1].body, "\r\n") {
			if len(line) > 998 || strings.ContainsAny(line, "\r\n\x00") {
				t.Fatalf("bad line %q", line)
			}
		}
		groups := strings.Split(strings.TrimSuffix(parts[1].body, "\r\n"), "\r\n\r\n")
		if len(groups) != 1+len(d.Recipients) {
			t.Fatalf("%d groups of fields for %d recipients:\n%s", len(groups), len(d.Recipients), parts[1].body)
		}
		for i, g := range groups[1:] {
			class := map[Action]string{ActionFailed: "5", ActionDelayed: "4"}[d.Recipients[i].Action]
			if class == "" {
				class = "2"
			}
			if want := fmt.Sprintf("Action: %s\r\nStatus: %s.", d.Recipients[i].Action, class); !strings.Contains(g, want) {
				t.Fatalf("%q lacks %q", g, want)
			}
		}
		if parts[2].header.Get("Content-Type") == "message/rfc822" && parts[2].body != text {
			t.Fatalf("returned %q of %q", parts[2].body, text)
		}
	})
}

func BenchmarkDSN(b *testing.B) {
	d := newDSN(original)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Build(); err != nil {
			b.Fatal(err)
		}
	}
}
