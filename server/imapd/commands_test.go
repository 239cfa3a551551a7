package imapd

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"glassmail/mailbox"
)

const nested = "From: alice@crepes.fr\r\nSubject: outer\r\nMIME-Version: 1.0\r\n" +
	"Content-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n--b\r\n" +
	"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nCr=EApes und Gr=FC=DFe\r\n" +
	"--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: carol@example.org\r\nSubject: =?utf-8?q?inn=C3=A9r?=\r\n\r\ninner text\r\n" +
	"--b\r\nContent-Type: application/octet-stream; name=\"a.bin\"\r\nContent-Transfer-Encoding: base64\r\n" +
	"Content-Disposition: attachment; filename=a.bin\r\n\r\nAAECAwQ=\r\n--b--\r\n"

func TestSections(t *testing.T) {
	s := newSite(t, nil)
	s.deliver(t, nested)
	s.deliver(t, hello)
	c := s.inbox(t)
	for _, x := range []struct{ item, want string }{
		{"1 BODY.PEEK[1]", "BODY[1] {22}\nCr=EApes und Gr=FC=DFe)"},
		{"1 BODY.PEEK[1.MIME]", "BODY[1.MIME] {93}\nContent-Type: text/plain"},
		{"1 BODY.PEEK[2]", "BODY[2] {"},
		{"1 BODY.PEEK[2.HEADER]", "BODY[2.HEADER] {60}\nFrom: carol@example.org\nSubject: =?utf-8?q?inn=C3=A9r?=\n\n)"},
		{"1 BODY.PEEK[2.TEXT]", "BODY[2.TEXT] {10}\ninner text)"},
		{"1 BODY.PEEK[2.1]", "BODY[2.1] {10}\ninner text)"},
		{"1 BODY.PEEK[2.HEADER.FIELDS (subject)]", "BODY[2.HEADER.FIELDS (subject)] {35}\nSubject: =?utf-8?q?inn=C3=A9r?=\n\n)"},
		{"1 BODY.PEEK[3]", "BODY[3] {8}\nAAECAwQ=)"},
		{"1 BODY.PEEK[1.HEADER]", "BODY[1.HEADER] NIL)"},
		{"1 BODY.PEEK[7]", "BODY[7] NIL)"},
		{"1 BINARY.PEEK[3]", "BINARY[3] ~{5}\n\x00\x01\x02\x03\x04)"},
		{"1 BINARY.PEEK[3]<1.2>", "BINARY[3]<1> ~{2}\n\x01\x02)"},
		{"1 BINARY.SIZE[3]", "BINARY.SIZE[3] 5)"},
		{"2 BODY.PEEK[1]", "BODY[1] {20}\nHow about pickles?\n)"},
		{"2 BODY.PEEK[TEXT]", "BODY[TEXT] {20}\nHow about pickles?\n)"},
		{"2 BODY.PEEK[HEADER.FIELDS (Subject \"X-None\")]", "BODY[HEADER.FIELDS (Subject X-None)] {33}\nSubject: Do you like ketchup?\n\n)"},
		{"2 BODY.PEEK[HEADER.FIELDS.NOT (From To Date Message-ID)]", "BODY[HEADER.FIELDS.NOT (From To Date Message-ID)] {33}\nSubject: Do you"},
		{"2 BODY.PEEK[TEXT]<4.5>", "BODY[TEXT]<4> {5}\nabout)"},
		{"2 BODY.PEEK[]<1.9223372036854775807>", "BODY[]<1> {"}, // a panic in go-imap
		{"2 BODY.PEEK[]<4000.10>", "BODY[]<4000> {0}\n)"},
		{"2 RFC822.HEADER", "(RFC822.HEADER {"},
		{"2 (RFC822.SIZE BODY.PEEK[HEADER.FIELDS (\"]\" BODY)] RFC822.TEXT)", "RFC822.TEXT {20}\n"},
		{"2 RFC822", "RFC822 {"},
		{"2 (BODY.PEEK[TEXT]<0.3> BODY.PEEK[TEXT]<4.5> BINARY.PEEK[1]<0.3> BINARY.SIZE[1] UID)", "(UID 2 BODY[TEXT]<0> {3}\nHow BODY[TEXT]<4> {5}\nabout BINARY.SIZE[1] 20 BINARY[1]<0> ~{3}\nHow)\n"},
		{"2 FULL", " BODY (\"text\" \"plain\" NIL NIL NIL \"7bit\" 20 1))"},
		{"2 (BODY BODYSTRUCTURE)", "BODY (\"text\" \"plain\" NIL NIL NIL \"7bit\" 20 1) BODYSTRUCTURE (\"text\" \"plain\" NIL NIL NIL \"7bit\" 20 1 NIL NIL NIL NIL))"},
		{"1 BODYSTRUCTURE", `(("text" "plain" ("charset" "iso-8859-1") NIL NIL "quoted-printable" 22 0 NIL NIL NIL NIL)` +
			`("message" "rfc822" NIL NIL NIL "7bit" 70 (NIL "=?utf-8?q?inn=C3=A9r?=" ((NIL NIL "carol" "example.org")) ((NIL NIL "carol" "example.org")) ((NIL NIL "carol" "example.org")) NIL NIL NIL NIL NIL) ` +
			`("text" "plain" NIL NIL NIL "7bit" 10 0 NIL NIL NIL NIL) 3 NIL NIL NIL NIL)` +
			`("application" "octet-stream" ("name" "a.bin") NIL NIL "base64" 8 NIL ("attachment" ("filename" "a.bin")) NIL NIL) "mixed" ("boundary" "b") NIL NIL NIL)`},
	} {
		got := c.run("a FETCH " + x.item)
		if !strings.Contains(got, x.want) {
			t.Errorf("%s: got\n%q\nwant\n%q", x.item, got, x.want)
		}
	}
	c.do("b FETCH 1 BODY[MIME]", `^b BAD`)
	c.do("b FETCH 1 BODY[]<0.0>", `^b BAD`)
	c.do("b FETCH 3 FLAGS", `^b BAD There is no message 3`)
	c.do("b UID FETCH 99 FLAGS", `^b OK`)
}

func TestSeen(t *testing.T) {
	s := newSite(t, nil)
	s.deliver(t, hello)
	c := s.inbox(t)
	c.do("a FETCH 1 BODY.PEEK[TEXT]<0.3>", `FETCH \(BODY\[TEXT\]<0> \{3\}`, `^How\)`, `^a OK`)
	c.do("b FETCH 1 FLAGS", `FLAGS \(\)`, `^b OK`)
	c.do("c FETCH 1 BODY[TEXT]<0.3>", `FETCH \(FLAGS \(\\Seen\) BODY`, `^How\)`, `^c OK`)
	c.do("d FETCH 1 BODY[TEXT]<0.3>", `FETCH \(BODY`, `^How\)`, `^d OK`)
}

func TestExamineIsReadOnly(t *testing.T) {
	s := newSite(t, nil)
	s.deliver(t, hello)
	c := s.inbox(t)
	c.run(`z STORE 1 +FLAGS.SILENT (\Deleted)`)
	contains(t, c.run("a EXAMINE INBOX"), "[PERMANENTFLAGS ()]", "[READ-ONLY]")
	c.do(`b STORE 1 +FLAGS (\Seen)`, `^b NO`)
	c.run("c FETCH 1 BODY[]")
	c.do("d EXPUNGE", `^d NO`)
	c.do("e UID EXPUNGE 1:*", `^e NO`)
	c.do("f MOVE 1 INBOX", `^f NO`)
	c.run("g CLOSE")
	contains(t, c.run("h STATUS INBOX (MESSAGES UNSEEN DELETED)"), "(MESSAGES 1 UNSEEN 1 DELETED 1)")
}

func TestHostileMail(t *testing.T) {
	deep := strings.Repeat("Content-Type: message/rfc822\r\n\r\n", 8000)
	for name, text := range map[string]string{
		"multipart without a boundary": "Content-Type: multipart/mixed\r\n\r\nx\r\n",
		"empty boundary":               "Content-Type: multipart/mixed; boundary=\"\"\r\n\r\nx\r\n",
		"line without a colon":         "Subject: x\r\nno colon here\r\n\r\nbody\r\n",
		"mbox":                         "From alice Wed Nov 25\r\nSubject: x\r\n\r\nbody\r\n",
		"header only":                  "Subject: x\r\n",
		"no header":                    "\r\nx\r\n",
		"nested messages":              deep,
		"control bytes":                "Subject: a\x01\x7f\xff\x80\"\\\r\nFrom: \"\x80\" <\x81@\x82>\r\n\r\n\xff\xfe\r\n",
		"quotes":                       "Subject: say \"hi\" \\ there\r\n\r\n.\r\n",
		"one byte":                     "x",
	} {
		t.Run(name, func(t *testing.T) {
			for _, records := range []bool{true, false} {
				s := newSite(t, nil)
				s.noRecords = !records
				s.deliver(t, text)
				c := s.inbox(t)
				got := c.run("a FETCH 1 (RFC822.SIZE ENVELOPE BODY BODYSTRUCTURE)")
				contains(t, got, fmt.Sprintf("RFC822.SIZE %d ", len(text)))
				c.send("b FETCH 1 BODY.PEEK[]\r\n")
				c.want(fmt.Sprintf(`^\* 1 FETCH \(BODY\[\] \{%d\}$`, len(text)))
				whole := make([]byte, len(text))
				for n := 0; n < len(whole); {
					k, err := c.br.Read(whole[n:])
					if err != nil {
						t.Fatal(err)
					}
					n += k
				}
				if string(whole) != text {
					t.Error("BODY[] is not what was stored")
				}
				c.want(`^\)$`, `^b OK`)
				c.run("c FETCH 1 (BODY.PEEK[1] BODY.PEEK[HEADER] BODY.PEEK[1.1.1.MIME] BINARY.SIZE[1])")
				c.run("d SEARCH TEXT hi BODY x")
				c.run("e NOOP")
			}
		})
	}
}

func TestSearch(t *testing.T) {
	s := newSite(t, nil)
	s.deliver(t, hello)
	s.deliver(t, nested)
	s.deliver(t, "From: dave@example.org\r\nSubject: =?utf-8?b?R3LDvMOfZQ==?=\r\nDate: Mon, 02 Nov 2026 23:30:00 -0800\r\n\r\nsmaller 5\r\n")
	c := s.inbox(t)
	c.run(`s STORE 2 +FLAGS.SILENT (\Seen $Work)`)
	for _, x := range []struct{ keys, want string }{
		{"ALL", " 1 2 3"},
		{"SEEN", " 2"}, {"UNSEEN", " 1 3"}, {"KEYWORD $work", " 2"}, {"UNKEYWORD $Work", " 1 3"}, {"NEW", ""},
		{"2:*", " 2 3"}, {"UID 1,3", " 1 3"}, {"99:*", " 3"}, {"NOT 2", " 1 3"}, {"OR 1 3", " 1 3"}, {"(OR 1 3) NOT (SEEN)", " 1 3"},
		{"FROM alice", " 1 2"}, {"SUBJECT KETCHUP", " 1"}, {"SUBJECT {7+}\r\ngr\xc3\xbc\xc3\x9fe", " 3"},
		{"HEADER Message-ID \"\"", " 1"}, {"HEADER subject outer", " 2"}, {"TO bob", " 1"},
		{"CHARSET UTF-8 BODY {7+}\r\nCr\xc3\xaapes", " 2"}, {"BODY \"inner text\"", " 2"}, {"BODY {6+}\r\nInn\xc3\xa9r", " 2"},
		{"TEXT pickles", " 1"}, {"TEXT ketchup", " 1"}, {"BODY ketchup", ""}, {"BODY AAECAwQ", ""},
		{"SENTON 2-Nov-2026", " 3"}, {"SENTSINCE 25-Nov-2026", " 1"}, {"SENTBEFORE 25-Nov-2026", " 3"},
		{"ON 25-Nov-2026", " 1 2 3"}, {"SINCE 26-Nov-2026", ""}, {"BEFORE 26-Nov-2026", " 1 2 3"},
		{"LARGER 400", " 2"}, {"SMALLER 400", " 1 3"}, {"SMALLER 0", ""},
		// go-imap forgets the first key in these.
		{"SMALLER 400 LARGER 10", " 1 3"}, {"SMALLER 400 SINCE 1-Jan-2026", " 1 3"},
		{"BODY smaller BODY 5", " 3"}, {"HEADER Subject SMALLER 1", ""}, {"OR SMALLER 400 SEEN NOT SMALLER 150", " 1 2"},
	} {
		if got := c.run("a SEARCH " + x.keys); !strings.HasPrefix(got, "* SEARCH"+x.want+"\n") {
			t.Errorf("%s: got %s, want %s", x.keys, got, x.want)
		}
	}
	c.do("b SEARCH FROBNICATE", `^b BAD`)
	c.do("b SEARCH YOUNGER 5", `^b BAD`)
	c.do("b SEARCH CHARSET KOI8-R ALL", `^b NO \[BADCHARSET`)
	c.do("b SEARCH "+strings.Repeat("NOT ", 3000)+"ALL", `^b NO \[LIMIT\]`)
}

func TestExtendedSearch(t *testing.T) {
	s := newSite(t, nil)
	for range 5 {
		s.deliver(t, hello)
	}
	c := s.inbox(t)
	c.do("a SEARCH RETURN (MIN MAX COUNT ALL) 2:4", `^\* ESEARCH \(TAG "a"\) ALL 2:4 MIN 2 MAX 4 COUNT 3$`, `^a OK`)
	c.do("b UID SEARCH RETURN (COUNT) SEEN", `^\* ESEARCH \(TAG "b"\) UID COUNT 0$`, `^b OK`)
	c.do("c SEARCH RETURN (SAVE COUNT) 2:4", `COUNT 3$`, `^c OK`)
	c.do("c SEARCH RETURN (SAVE) 2:4", `^\* ESEARCH \(TAG "c"\)$`, `^c OK`)
	c.do("d FETCH $ (UID)", `^\* 2 FETCH \(UID 2\)`, `^\* 3 `, `^\* 4 `, `^d OK`)
	c.do("e SEARCH $ 4:5", `^\* SEARCH 4$`, `^e OK`)
	c.do("f UID SEARCH RETURN (SAVE MAX) 1:3", `MAX 3$`, `^f OK`)
	c.do("g STORE $ +FLAGS.SILENT (\\Deleted)", `^g OK`)
	c.do("h EXPUNGE", `^\* 3 EXPUNGE$`, `^h OK`)
	c.do("i FETCH $ (UID)", `^i OK`)
	c.run("j ENABLE IMAP4rev2")
	c.do("k SEARCH 1", `^\* ESEARCH \(TAG "k"\) ALL 1$`, `^k OK`)
}

func TestNewsOfOthers(t *testing.T) {
	s := newSite(t, nil)
	for range 4 {
		s.deliver(t, hello)
	}
	a, b := s.inbox(t), s.inbox(t)
	b.do(`b1 STORE 2 +FLAGS (\Flagged)`, `^\* 2 FETCH`, `^b1 OK`)
	a.do("a1 NOOP", `^\* 2 FETCH \(UID 2 FLAGS \(\\Flagged\)\)$`, `^a1 OK`)
	b.do("b2 NOOP", `^b2 OK`) // its own change is no news
	b.run(`b3 STORE 1,3 +FLAGS.SILENT (\Deleted)`)
	b.do("b4 EXPUNGE", `^\* 1 EXPUNGE$`, `^\* 2 EXPUNGE$`, `^b4 OK`)
	s.deliver(t, hello)
	// While FETCH, STORE and SEARCH run no number may move (RFC 9051 §7.5.1).
	a.do("a2 FETCH 4 (UID)", `^\* 4 FETCH \(UID 4\)$`, `^\* 5 EXISTS$`, `^a2 OK`)
	a.do("a3 FETCH 1 (UID)", `^a3 NO \[EXPUNGEISSUED\]`)
	a.do("a4 SEARCH ALL", `^\* SEARCH 2 4 5$`, `^a4 OK`)
	a.do(`a5 STORE 5 +FLAGS (\Seen)`, `^\* 5 FETCH \(FLAGS \(\\Seen\)\)$`, `^a5 OK`)
	a.do("a6 UID FETCH 1:2 FLAGS", `^\* 2 FETCH \(UID 2 FLAGS \(\\Flagged\)\)$`, `^\* 1 EXPUNGE$`, `^\* 2 EXPUNGE$`, `^a6 OK`)
	a.do("a7 FETCH 1:* (UID)", `^\* 1 FETCH \(UID 2\)`, `^\* 2 FETCH \(UID 4\)`, `^\* 3 FETCH \(UID 5\)`, `^a7 OK`)
	b.run(`b5 STORE 1 FLAGS ($New)`)
	a.do("a8 CHECK", `^\* FLAGS \(.*\$New\)$`, `^\* 1 FETCH \(UID 2 FLAGS \(\$New\)\)$`, `^a8 OK`)
}

func TestFolderDeletedByOthers(t *testing.T) {
	s := newSite(t, nil)
	a, b := s.bob(t), s.bob(t)
	a.run("a1 CREATE x")
	a.run("a2 SELECT x")
	b.run("b1 SELECT x")
	b.do("b2 IDLE", `^\+`)
	a.run("a3 SELECT INBOX")
	a.run("a4 DELETE x")
	b.want(`^\* BYE The selected mailbox was deleted$`)
	b.eof()
}

func TestFolders(t *testing.T) {
	s := newSite(t, nil)
	c := s.bob(t)
	list := func(args string) string {
		t.Helper()
		got := c.run("a LIST " + args)
		return regexp.MustCompile(`a OK .*\n`).ReplaceAllString(got, "")
	}
	c.run("c1 CREATE work/2026/")
	c.run("c2 CREATE Sent (USE (\\Sent))")
	c.do("c3 CREATE Sent", `^c3 NO \[ALREADYEXISTS\]`)
	c.do("c4 CREATE x (USE (\\All))", `^c4 NO \[USEATTR\]`)
	c.do("c5 CREATE \"\"", `^c5 NO \[CANNOT\]`)
	c.do("c6 CREATE a//b", `^c6 NO \[CANNOT\]`)
	c.run("c7 CREATE &AOk-t&AOk-")
	c.run("c8 SUBSCRIBE work/2026")
	if got, want := list(`"" *`), "* LIST (\\HasNoChildren) \"/\" INBOX\n* LIST (\\HasNoChildren \\Sent) \"/\" \"Sent\"\n"+
		"* LIST (\\HasChildren) \"/\" \"work\"\n* LIST (\\HasNoChildren) \"/\" \"work/2026\"\n* LIST (\\HasNoChildren) \"/\" \"&AOk-t&AOk-\"\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if got, want := list(`"" ""`), "* LIST (\\Noselect) \"/\" \"\"\n"; got != want {
		t.Errorf("got %s", got)
	}
	contains(t, list(`work %`), `"work/2026"`)
	contains(t, list(`"" "inbox"`), `INBOX`)
	contains(t, list(`(SPECIAL-USE) "" *`), `(\HasNoChildren \Sent) "/" "Sent"`)
	contains(t, list(`(SUBSCRIBED RECURSIVEMATCH) "" %`), `* LIST (\HasChildren) "/" "work" (CHILDINFO ("SUBSCRIBED"))`)
	contains(t, list(`"" (INBOX "S%") RETURN (SUBSCRIBED STATUS (MESSAGES UIDNEXT))`), "* STATUS INBOX (MESSAGES 0 UIDNEXT 1)", `* STATUS "Sent"`)
	contains(t, c.run(`l LSUB "" %`), `* LSUB (\Noselect) "/" "work"`)
	contains(t, c.run(`l LSUB "" *`), `* LSUB (\HasNoChildren) "/" "work/2026"`)
	c.run("d1 DELETE work")
	contains(t, list(`"" work`), `(\NonExistent \Noselect \HasChildren) "/" "work"`)
	c.do("d2 DELETE work", `^d2 NO \[NONEXISTENT\]`)
	c.do("d3 DELETE INBOX", `^d3 NO \[CANNOT\]`)
	c.run("d4 RENAME work/2026 old/2026")
	c.do("d5 RENAME work/2026 x", `^d5 NO \[NONEXISTENT\]`)
	c.do("d6 RENAME old Sent", `^d6 NO \[ALREADYEXISTS\]`)
	c.run("d7 UNSUBSCRIBE gone")
	c.do("d8 SUBSCRIBE gone", `^d8 NO \[NONEXISTENT\]`)
	contains(t, c.run("d9 NAMESPACE"), `* NAMESPACE (("" "/")) NIL NIL`)
	c.do("e1 STATUS INBOX (DELETED-STORAGE)", `^e1 BAD`)
	contains(t, c.run("e2 STATUS INBOX (SIZE RECENT APPENDLIMIT UNSEEN)"), "UNSEEN 0 SIZE 0 APPENDLIMIT 52428800 RECENT 0")
	c.do("e3 SELECT nowhere", `^e3 NO \[NONEXISTENT\]`)
	c.do("e4 APPEND nowhere {1+}\r\nx", `^e4 NO \[TRYCREATE\]`)
}

func TestCopyAndMove(t *testing.T) {
	s := newSite(t, nil)
	for range 5 {
		s.deliver(t, hello)
	}
	c := s.inbox(t)
	c.run("a CREATE x")
	c.do("b COPY 2:3,5 x", `^b OK \[COPYUID \d+ 2:3,5 1:3\]`)
	c.do("c UID MOVE 1,4 x", `^\* OK \[COPYUID \d+ 1,4 4:5\]`, `^\* 1 EXPUNGE$`, `^\* 3 EXPUNGE$`, `^c OK`)
	c.do("d COPY 1 nowhere", `^d NO \[TRYCREATE\]`)
	c.do("e COPY 1 INBOX", `^\* 4 EXISTS$`, `^e OK \[COPYUID \d+ 2 6\]`)
	c.do("f UID COPY 77 x", `^f OK COPY`)
	c.do("g UID MOVE 77 x", `^g OK`)
	c.do("h MOVE 9 x", `^h BAD`)
	c.run(`i STORE 1:4 +FLAGS.SILENT \Deleted`)
	c.do("j UID EXPUNGE 3,77", `^\* 2 EXPUNGE$`, `^j OK`)
	c.run("k CLOSE")
	contains(t, c.run("l STATUS INBOX (MESSAGES)"), "MESSAGES 0")
}

func TestQuota(t *testing.T) {
	s := newSite(t, nil)
	if err := s.PutAccount(context.Background(), mailbox.Account{Address: bob, MaxBytes: 300}, false); err != nil {
		t.Fatal(err)
	}
	s.deliver(t, hello)
	c := s.inbox(t)
	c.do("a COPY 1 INBOX", `^a NO \[OVERQUOTA\]`)
	c.send(fmt.Sprintf("b APPEND INBOX {%d+}\r\n%s\r\n", len(hello), hello))
	c.want(`^b NO \[OVERQUOTA\]`)
	c.run("c NOOP")
}

func TestKeywordLimit(t *testing.T) {
	s := newSite(t, nil)
	s.deliver(t, hello)
	c := s.inbox(t)
	for i := range mailbox.MaxKeywords {
		c.run(fmt.Sprintf("a STORE 1 +FLAGS.SILENT (k%d)", i))
	}
	c.do("b STORE 1 +FLAGS.SILENT (more)", `^b NO \[LIMIT\]`)
	if got := c.run("c SELECT INBOX"); strings.Contains(got, `\*`) {
		t.Errorf("still takes keywords:\n%s", got)
	}
}

func TestPatterns(t *testing.T) {
	for _, x := range []struct {
		pattern, name string
		want          bool
	}{
		{"*", "a/b", true}, {"%", "a/b", false}, {"a/%", "a/b", true}, {"a%", "a", true}, {"%/b", "a/b", true},
		{"*b", "a/b", true}, {"inBOX", "INBOX", true}, {"A", "a", false}, {"a*c", "a/b/c", true}, {"a%c", "a/b/c", false},
		{"", "", true}, {"**%*", "x", true},
	} {
		if got := matches(x.pattern, x.name); got != x.want {
			t.Errorf("%q %q: %v", x.pattern, x.name, got)
		}
	}
	if matches(strings.Repeat("*a", 400), strings.Repeat("a", 399)) { // exponential in go-imap
		t.Error("matches")
	}
}

// What Thunderbird says, in its own spelling.
func TestThunderbird(t *testing.T) {
	s := newSite(t, nil)
	s.deliver(t, hello)
	c := s.dial(t)
	c.do(`1 capability`, `^\* CAPABILITY IMAP4rev2 IMAP4rev1 `, `^1 OK`)
	c.do(`2 authenticate PLAIN`, `^\+ `)
	c.do(`AGJvYgBzZWNyZXQ=`, `^2 OK \[CAPABILITY .* IDLE .* SPECIAL-USE .* APPENDLIMIT=52428800 ID\]`)
	c.do(`3 namespace`, `^\* NAMESPACE \(\("" "/"\)\) NIL NIL$`, `^3 OK`)
	c.do(`4 ID ("name" "Thunderbird" "version" "153.0")`, `^\* ID \("name" "glassmail"\)$`, `^4 OK`)
	c.do(`5 list (subscribed) "" "*" return (special-use)`, `^\* LIST \(\\HasNoChildren \\Subscribed\) "/" INBOX$`, `^5 OK`)
	c.do(`6 list "" "INBOX"`, `^\* LIST \(\\HasNoChildren\) "/" INBOX$`, `^6 OK`)
	c.do(`7 create "Sent" (use (\Sent))`, `^7 OK`)
	c.do(`8 subscribe "Sent"`, `^8 OK`)
	c.run(`9 select "INBOX"`)
	c.do(`10 getquotaroot "INBOX"`, `^10 BAD Unknown command$`)
	c.do(`11 UID fetch 1:* (FLAGS)`, `^\* 1 FETCH \(UID 1 FLAGS \(\)\)$`, `^11 OK`)
	contains(t, c.run(`12 UID fetch 1 (UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From To Cc Bcc Subject Date Message-ID Priority X-Priority References Newsgroups In-Reply-To Content-Type Reply-To)])`),
		"* 1 FETCH (UID 1 FLAGS () RFC822.SIZE ", "BODY[HEADER.FIELDS (From To Cc Bcc Subject Date Message-ID Priority X-Priority References Newsgroups In-Reply-To Content-Type Reply-To)] {", "Message-ID: <1@crepes.fr>\n\n)")
	contains(t, c.run(`13 UID fetch 1 (UID RFC822.SIZE BODY[]<0.20>)`), "FLAGS (\\Seen)", "BODY[]<0> {20}\nFrom: Alice <alice@c)")
	c.do(`14 uid store 1 -FLAGS (\Seen)`, `^\* 1 FETCH \(UID 1 FLAGS \(\)\)$`, `^14 OK`)
	c.do(`15 uid store 1 +Flags (Junk)`, `^\* FLAGS `, `^\* 1 FETCH \(UID 1 FLAGS \(Junk\)\)$`, `^15 OK`)
	c.do(`16 uid copy 1 "Sent"`, `^16 OK \[COPYUID \d+ 1 1\]`)
	c.do(`17 IDLE`, `^\+ idling`)
	c.do(`DONE`, `^17 OK`)
	c.do(`18 close`, `^18 OK`)
	c.do(`19 logout`, `^\* BYE`, `^19 OK`)
	c.eof()
}
