package explain_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"glassmail/explain"
	"glassmail/trace"
)

// entries reads the tables as they stand: key, RFC, English, Thai.
func entries(t *testing.T) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	files, err := filepath.Glob("text/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no tables: %v", err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(strings.TrimSpace(string(b)), "\n") {
			if strings.HasPrefix(line, "#") {
				continue
			}
			col := strings.Split(line, " | ")
			if len(col) != 4 {
				t.Fatalf("%s:%d has %d columns, want 4", f, i+1, len(col))
			}
			if _, twice := out[col[0]]; twice {
				t.Errorf("%s:%d: %s stands there twice", f, i+1, col[0])
			}
			out[col[0]] = col
		}
	}
	return out
}

var ( // of the test only
	rfc  = regexp.MustCompile(`^RFC \d{3,5}( §[0-9A-F][0-9.]*)?$`)
	verb = regexp.MustCompile(`%\[\d\][dsq]`)
)

// Every entry is whole: both languages, the same arguments, and an RFC in one
// form; Thai is Thai.
func TestTables(t *testing.T) {
	for key, col := range entries(t) {
		if r := strings.TrimSpace(col[1]); r != "" && !rfc.MatchString(r) {
			t.Errorf("%s: %q is no RFC and section", key, r)
		}
		for _, text := range col[2:] {
			if text == "" || text != strings.TrimSpace(text) || !utf8.ValidString(text) {
				t.Errorf("%s: %q", key, text)
			}
		}
		if en, th := fmt.Sprint(verb.FindAllString(col[2], -1)), fmt.Sprint(verb.FindAllString(col[3], -1)); en != th {
			t.Errorf("%s: arguments %s in English, %s in Thai", key, en, th)
		}
		frame := len(verb.FindAllString(col[3], -1)) > 1 // nothing but arguments and signs
		if !frame && !strings.ContainsFunc(col[3], func(r rune) bool { return unicode.Is(unicode.Thai, r) }) && key != "smtp.status" {
			t.Errorf("%s: the Thai text %q is not Thai", key, col[3])
		}
	}
}

// replyCodes are the first arguments of the calls that make replies, in the Go
// files of folders: a number of three digits, followed by an enhanced code or a
// text.
func replyCodes(t *testing.T, folders ...string) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for _, dir := range folders {
		files, _ := filepath.Glob(dir + "/*.go")
		if len(files) == 0 {
			t.Fatalf("no files in %s", dir)
		}
		for _, path := range files {
			f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(f, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if ok && len(call.Args) > 1 && !strings.HasSuffix(path, "_test.go") && saysText(call.Args[1:]) {
					if l, ok := call.Args[0].(*ast.BasicLit); ok && l.Kind == token.INT && len(l.Value) == 3 {
						out[l.Value] = true
					}
				}
				return true
			})
		}
	}
	return out
}

// saysText reports whether arguments begin with an enhanced code or a string.
func saysText(args []ast.Expr) bool {
	switch a := args[0].(type) {
	case *ast.CompositeLit:
		return true
	case *ast.BasicLit:
		return a.Kind == token.STRING
	}
	return false
}

// Every reply code that the servers and the queue give is explained.
func TestEveryReplyCode(t *testing.T) {
	known := entries(t)
	codes := replyCodes(t, "../server/smtpd", "../server", "../queue", "../mail")
	for _, always := range []string{"220", "221", "235", "334", "354"} { // from tables and the library
		codes[always] = true
	}
	for code := range codes {
		if _, ok := known["smtp.code."+code]; !ok {
			t.Errorf("the code %s is not explained", code)
		}
	}
	if len(codes) < 20 {
		t.Errorf("only %d reply codes were found in the servers: %v", len(codes), codes)
	}
}

// Every command that the servers know is explained.
func TestEveryCommand(t *testing.T) {
	known := entries(t)
	for _, c := range []struct {
		file, prefix string
		least        int
	}{{"../server/smtpd/command.go", "smtp.command.", 20}, {"../server/imapd/answer.go", "imap.command.", 30}} {
		commands := commandsOf(t, c.file)
		for name := range commands {
			if _, ok := known[c.prefix+name]; !ok {
				t.Errorf("%s knows %s, which is not explained", c.file, name)
			}
		}
		if len(commands) < c.least {
			t.Errorf("only %d commands were found in %s", len(commands), c.file)
		}
	}
}

// commandsOf takes the commands from the server's own table: the verbs of
// commands() in smtpd, the cases of handlerOf() and commands() in imapd.
func commandsOf(t *testing.T, file string) map[string]bool {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	word := regexp.MustCompile(`^[A-Z]{2,}( [A-Z]+)?$`)
	out := map[string]bool{}
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Name.Name != "commands" && fn.Name.Name != "handlerOf" {
			continue
		}
		ast.Inspect(fn, func(n ast.Node) bool {
			if c, ok := n.(*ast.CompositeLit); ok && c.Type == nil && len(c.Elts) > 2 { // {"DATA", usage, run, …}
				add(out, word, c.Elts[0])
				return false
			}
			if l, ok := n.(*ast.BasicLit); ok {
				add(out, word, l)
			}
			return true
		})
	}
	return out
}

func add(out map[string]bool, word *regexp.Regexp, e ast.Expr) {
	if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.STRING {
		if s, err := strconv.Unquote(l.Value); err == nil && word.MatchString(s) {
			out[s] = true
		}
	}
}

// Every kind of event is explained.
func TestEveryKind(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "../trace/event.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	known := entries(t)
	n := 0
	ast.Inspect(f, func(node ast.Node) bool {
		v, ok := node.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if id, ok := v.Type.(*ast.Ident); ok && id.Name == "Kind" {
			kind, _ := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			if _, ok := known["decision."+kind]; !ok {
				t.Errorf("the kind %q is not explained", kind)
			}
			n++
		}
		return true
	})
	if n < 19 {
		t.Errorf("only %d kinds were found", n)
	}
}

// turn is a line and what its explanation must hold in each language.
type turn struct{ line, en, th, rfc string }

// play explains a dialogue in the notation of the lecture.
func play(t *testing.T, proto trace.Protocol, turns []turn) {
	t.Helper()
	en, th := explain.New("en").Reader(), explain.New("th").Reader()
	open := trace.Event{Conn: 1, Proto: proto, Kind: trace.Open}
	en.Explain(open)
	th.Explain(open)
	for _, l := range turns {
		e := trace.Event{Conn: 1, Proto: proto, Kind: trace.Line, Dir: trace.Dir(l.line[0]), Text: l.line[3:]}
		if l.line[3:] == "DATA OF A LITERAL" {
			e.Kind = trace.Data
		}
		a, b := en.Explain(e), th.Explain(e)
		if !strings.Contains(a.Text, l.en) || !strings.Contains(b.Text, l.th) || !strings.HasPrefix(a.RFC, l.rfc) || a.RFC != b.RFC {
			t.Errorf("%s\nmeans %q\nand   %q, %s; want %q, %q, %s", l.line, a.Text, b.Text, a.RFC, l.en, l.th, l.rfc)
		}
	}
}

func TestSMTPDialogue(t *testing.T) {
	play(t, trace.SMTP, []turn{
		{"S: 220 hamburger.edu", "220 = done: the server is ready", "220 = สำเร็จ", "RFC 5321 §3.1"},
		{"C: ehlo crepes.fr", "asks what the server can do", "ทักทาย", "RFC 5321 §4.1.1.1"},
		{"S: 250-hamburger.edu", "more lines", "ยังมีบรรทัดต่อ", "RFC 5321 §4.2.1"},
		{"S: 250-SIZE 100", "SIZE: the largest message", "SIZE: ขนาด", "RFC 1870"},
		{"S: 250 PIPELINING", "PIPELINING: commands may", "PIPELINING", "RFC 2920"},
		{"C: MAIL FROM:<alice@crepes.fr>", "on the envelope", "envelope", "RFC 5321 §4.1.1.2"},
		{"C: RCPT TO:<bob@hamburger.edu>", "on the envelope", "envelope", "RFC 5321 §4.1.1.3"},
		{"C: DATA", "the message itself", "ตัวข้อความ", "RFC 5321 §4.1.1.4"},
		{"S: 250 2.1.0 ok", "the sender is noted", "จดผู้ส่งไว้แล้ว", "RFC 5321 §3.3"},
		{"S: 250 2.1.5 ok", "the recipient is noted", "จดผู้รับไว้แล้ว", "RFC 5321 §3.3"},
		{"S: 354 go", "now the message", "ส่งข้อความได้เลย", "RFC 5321"},
		{"C: Subject: QUIT", "a line of the message", "บรรทัดหนึ่งของข้อความ", "RFC 5321 §4.5.2"},
		{"C: ", "ends the header", "จบของ header", "RFC 5322"},
		{"C: QUIT", "a line of the message", "บรรทัดหนึ่งของข้อความ", "RFC 5321 §4.5.2"},
		{"C: .", "ends the message", "จุดจบของข้อความ", "RFC 5321 §4.1.1.4"},
		{"S: 250 2.0.0 ok", "taken responsibility", "รับผิดชอบข้อความนี้แล้ว", "RFC 5321 §4.2.5"},
		{"C: AUTH LOGIN", "prove who I am", "ยืนยันตัวตน", "RFC 4954"},
		{"S: 334 VXNlcm5hbWU6", `is "Username:" in Base64`, "Base64", "RFC 4954"},
		{"C: ****", "masked", "ปิดไว้", "RFC 4954"},
		{"S: 535 5.7.8 no", "name or password is wrong", "รหัสผ่านไม่ถูกต้อง", "RFC 4954"},
		{"C: MIAL", "perhaps a typing error", "อาจพิมพ์ผิด", "RFC 5321"},
		{"S: 599 what", "no: it will not work", "ไม่ได้", "RFC 5321"},
		{"S: what?", "no SMTP reply", "ไม่ใช่ SMTP reply", "RFC 5321"},
	})
}

// What may come next is told with the reply, but not once the client has left.
func TestWhatComesNext(t *testing.T) {
	r := explain.New("en").Reader()
	r.Explain(trace.Event{Conn: 1, Proto: trace.SMTP, Kind: trace.Open})
	after := func(dir trace.Dir, text, state string) string {
		return r.Explain(trace.Event{Conn: 1, Proto: trace.SMTP, Kind: trace.Line, Dir: dir, Text: text, After: state}).Text
	}
	after(trace.Server, "220 hamburger.edu", "connected")
	after(trace.Client, "HELO crepes.fr", "connected")
	if got := after(trace.Server, "250 Hello", "greeted"); !strings.Contains(got, "MAIL comes next") {
		t.Errorf("after HELO: %q", got)
	}
	after(trace.Client, "QUIT", "greeted")
	if got := after(trace.Server, "221 closing", "greeted"); strings.Contains(got, "comes next") {
		t.Errorf("after QUIT: %q", got)
	}
}

func TestIMAPDialogue(t *testing.T) {
	play(t, trace.IMAP, []turn{
		{"S: * OK [ALERT] ready", "the server is ready", "server พร้อมแล้ว", "RFC 9051"},
		{"C: a LOGIN ****", "masked here", "ถูกปิดไว้", "RFC 9051 §6.2.3"},
		{"S: a OK done", "a OK = done: you are logged in", "a OK = สำเร็จ: login", "RFC 9051 §6.2.3"},
		{"C: b uid fetch 1 BODY[]", "which never change", "ไม่เปลี่ยน", "RFC 9051 §6.4.9"},
		{"S: * 1 FETCH (UID 1 BODY[] {5}", "data of message 1", "ข้อมูลของข้อความที่ 1", "RFC 9051"},
		{"S: DATA OF A LITERAL", "a literal", "literal", "RFC 9051 §4.3"},
		{"S: )", "after the literal", "หลัง literal", "RFC 9051 §4.3"},
		{"S: b OK done", "b OK = done: those were", "b OK = สำเร็จ", "RFC 9051 §6.4.9"},
		{"C: c IDLE", "tell me at once", "แจ้งทันที", "RFC 9051 §6.3.13"},
		{"S: + idling", "DONE ends that", "DONE", "RFC 9051 §6.3.13"},
		{"S: * 3 EXISTS", "holds 3 messages", "มี 3 ข้อความ", "RFC 9051"},
		{"C: DONE", "no more news", "จบ IDLE", "RFC 9051 §6.3.13"},
		{"S: c NO [NONEXISTENT] x", "NONEXISTENT: there is no such mailbox", "ไม่มี mailbox นี้", "RFC 9051"},
		{"S: z BAD x", "does not understand", "ไม่เข้าใจคำสั่ง", "RFC 9051"},
	})
}

func TestDNSMessages(t *testing.T) {
	w := explain.New("en")
	msg := func(flags uint16, counts ...byte) []byte {
		return []byte{1, 2, byte(flags >> 8), byte(flags), 0, counts[0], 0, counts[1], 0, counts[2], 0, counts[3]}
	}
	for _, c := range []struct {
		bytes      []byte
		line, want string
	}{
		{msg(0x0100, 1, 0, 0, 0), "Q hamburger.edu. MX", "question hamburger.edu. MX; RD: please search|smallest preference"},
		{msg(0x0000, 1, 0, 0, 1), "Q hamburger.edu. MX", "no RD: say what you know"},
		{msg(0x8000, 1, 0, 1, 2), "A hamburger.edu. MX → edu. NS a.edu.", "referral|glue"},
		{msg(0x8400, 1, 1, 0, 0), "A mail.hamburger.edu. A 203.0.113.25", "AA: the answer|A: the IPv4"},
		{msg(0x8180, 1, 1, 0, 0), "A mail.hamburger.edu. A 203.0.113.25", "RA without AA"},
		{msg(0x8403, 1, 0, 1, 0), "A x.edu. A NXDOMAIN", "NXDOMAIN: there is no such name|AA"},
		{msg(0x8400, 1, 0, 1, 0), "A x.edu. AAAA no such record", "a record of this type does not"},
		{msg(0x8200, 1, 0, 0, 0), "A x.edu. TXT truncated", "ask again over TCP"},
		{msg(0x2800, 1, 0, 0, 0), "Q edu. SOA", "UPDATE"},
		{msg(0x8182|0x20, 1, 0, 0, 0), "A x. A SERVFAIL", "SERVFAIL|AD"},
		{[]byte("short"), "", "no DNS message"},
	} {
		var all []string
		for _, n := range w.DNSMessage(c.bytes, c.line) {
			all = append(all, n.Text)
		}
		for _, want := range strings.Split(c.want, "|") {
			if !strings.Contains(strings.Join(all, "\n"), want) {
				t.Errorf("%s: %q, want %q", c.line, all, want)
			}
		}
	}
}

func TestDecisions(t *testing.T) {
	r := explain.New("en").Reader()
	for _, c := range []struct {
		e    trace.Event
		want string
	}{
		{trace.Event{Kind: trace.Delivered, Proto: trace.Store}, "reached the mailbox"},
		{trace.Event{Kind: trace.Delivered, Proto: trace.Queue}, "the next server said 250"},
		{trace.Event{Kind: trace.Fetched, Proto: trace.HTTP}, "HTTP is one more way"},
		{trace.Event{Kind: trace.Note, Text: "TLS began: TLS 1.3"}, "encrypted"},
		{trace.Event{Kind: trace.Note, Text: "lines that ended in a bare LF (0A)"}, "0D 0A"},
		{trace.Event{Kind: trace.Note, Text: "x"}, "a remark"},
		{trace.Event{Kind: "new"}, "does not know"},
	} {
		if got := r.Explain(c.e); !strings.Contains(got.Text, c.want) {
			t.Errorf("%s %s: %q, want %q", c.e.Kind, c.e.Text, got.Text, c.want)
		}
	}
}

// FuzzReader: whatever is said, there is an explanation or none, and it is text.
func FuzzReader(f *testing.F) {
	f.Add("220 x\nEHLO y\n250-x\n250 SIZE\nDATA\n354 go\n.\n250 ok", "smtp", uint8(0b01010110))
	f.Add("* OK [ALERT x\na LOGIN {3}\n+ go\na OK\n* 1 FETCH {5}\nabc\n)", "imap", uint8(0b0010))
	f.Fuzz(func(t *testing.T, dialogue, proto string, sides uint8) {
		if !utf8.ValidString(dialogue) {
			t.Skip()
		}
		for _, lang := range explain.Languages() {
			r := explain.New(lang).Reader()
			for i, l := range strings.Split(dialogue, "\n") {
				e := trace.Event{Conn: 1, Proto: trace.Protocol(proto), Kind: trace.Line, Dir: trace.Server, Text: l, Bytes: []byte(l)}
				if sides>>(i%8)&1 == 1 {
					e.Dir = trace.Client
				}
				if i%5 == 4 {
					e.Kind = trace.Datagram
				}
				if n := r.Explain(e); !utf8.ValidString(n.Text) || strings.Contains(n.Text, "%!") {
					t.Fatalf("%q is explained as %q", l, n.Text)
				}
			}
		}
	})
}

func BenchmarkExplain(b *testing.B) {
	r := explain.New("th").Reader()
	e := trace.Event{Conn: 1, Proto: trace.SMTP, Kind: trace.Line, Dir: trace.Client, Text: "RCPT TO:<bob@hamburger.edu>"}
	s := trace.Event{Conn: 1, Proto: trace.SMTP, Kind: trace.Line, Dir: trace.Server, Text: "550 5.1.1 no such user"}
	b.ReportAllocs()
	for b.Loop() {
		r.Explain(e)
		r.Explain(s)
	}
}
