package mail

import (
	"bytes"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/emersion/go-message"
)

// FuzzDSN builds a report of whatever a sender, his message and other servers say,
// and lets a reader that is not ours take it apart: it finds the same recipients, and
// no line of it is too long or steers a terminal.
func FuzzDSN(f *testing.F) {
	f.Add("alice@crepes.fr", "bob@hamburger.edu", "QQ314159", "rfc822;bob@hamburger.edu", "mx.hamburger.edu", "no bob here", uint16(550), uint8(0), original)
	f.Add("élise@crepes.fr", `"b \" b"@hamburger.edu`, "\x1b]0;x\x07", "utf-8;b\\x{E9}", "mx\r\nBcc: x", "\u202eno\u2028\r\n\r\nstay", uint16(450), uint8(1), "Message-ID: <\x1b@x>\r\nX: "+strings.Repeat("y", 2000)+"\r\n\r\n--report-r1-0\r\n")
	f.Add("alice@crepes.fr", "jos\u00e9+x\\=@hamburger.edu", "", strings.Repeat("x", 2000)+";"+strings.Repeat("\u00e9", 2000), "", "", uint16(250), uint8(14), "\u00e9: \x9b\r\n")
	f.Fuzz(func(t *testing.T, to, rcpt, envid, orcpt, host, text string, code uint16, form uint8, msg string) {
		d := newDSN(msg)
		var err error
		if d.To, err = ParseAddress(to, true); err != nil || d.To.IsNull() {
			return
		}
		a, err := ParseAddress(rcpt, true)
		if err != nil || a.IsNull() {
			return
		}
		d.Options.EnvID = envid
		d.Options.Return = []string{"", ReturnFull, ReturnHdrs}[form/4%3]
		one := DSNRecipient{Recipient: Recipient{Address: a, ORcpt: orcpt}, Host: host, Reply: Reply{Code: int(code % 600), Text: text, Enhanced: Enhanced{code % 6, code % 1000, 1}}}
		one.Action = []Action{ActionFailed, ActionDelayed, ActionRelayed, ActionDelivered}[form%4]
		d.Recipients = []DSNRecipient{one, one}
		report, err := d.Build()
		if err != nil {
			t.Fatal(err)
		}
		checkDSN(t, report, d, a)
	})
}

// checkDSN reads a report back. The message that is given back stands in it as it
// was; all else is ours.
func checkDSN(t *testing.T, report []byte, d DSN, want Address) {
	t.Helper()
	ours, original, whole := bytes.Cut(report, []byte("Content-Description: Your message\r\n"))
	if !whole {
		original = nil
	}
	for line := range bytes.SplitSeq(ours, []byte("\r\n")) {
		if len(line) > 998 || bytes.ContainsFunc(line, func(r rune) bool { return r != '\t' && IsControl(r) }) || !utf8.Valid(line) {
			t.Fatalf("the line %q of\n%s", line, report)
		}
	}
	if d.To.ASCII() && !isASCII(string(ours)) {
		t.Fatalf("not ASCII, for a reader of ASCII:\n%s", ours)
	}
	e, err := message.Read(bytes.NewReader(report))
	if err != nil {
		t.Fatalf("%v\n%s", err, report)
	}
	parts := e.MultipartReader()
	if kind, _, _ := e.Header.ContentType(); kind != "multipart/report" || parts == nil || e.Header.Get("To") != d.To.Path() {
		t.Fatalf("%s to %q\n%s", kind, e.Header.Get("To"), report)
	}
	var bodies []string
	for {
		p, err := parts.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil && !message.IsUnknownCharset(err) {
			t.Fatalf("part %d: %v\n%s", len(bodies), err, report)
		}
		b, err := io.ReadAll(p.Body)
		if err != nil {
			t.Fatalf("part %d: %v\n%s", len(bodies), err, report)
		}
		bodies = append(bodies, string(b))
	}
	if len(bodies) != 3 || whole && !bytes.Contains(original, []byte("\r\n\r\n")) {
		t.Fatalf("%d parts\n%s", len(bodies), report)
	}
	if got := finalRecipients(t, bodies[1]); len(got) != 2 || got[0] != want.String() || got[1] != want.String() {
		t.Fatalf("recipients %q, want %q twice\n%s", got, want, report)
	}
}

var embedded = regexp.MustCompile(`\\x\{[0-9A-F]+\}`)

// finalRecipients are those of a message/delivery-status (RFC 3464 §2.3.2, RFC 6533 §3).
func finalRecipients(t *testing.T, status string) []string {
	t.Helper()
	var out []string
	for line := range strings.SplitSeq(status, "\r\n") {
		v, ok := strings.CutPrefix(line, "Final-Recipient: ")
		if !ok {
			continue
		}
		kind, addr, _ := strings.Cut(v, ";")
		if kind == "utf-8" && isASCII(addr) {
			addr = embedded.ReplaceAllStringFunc(addr, func(s string) string {
				n, err := strconv.ParseUint(s[3:len(s)-1], 16, 32)
				if err != nil {
					t.Fatal(err)
				}
				return string(rune(n))
			})
		}
		out = append(out, addr)
	}
	return out
}
