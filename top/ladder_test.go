package top

import (
	"strings"
	"testing"

	"glassmail/explain"
	"glassmail/trace"
)

func lectureDetail(t *testing.T) *trace.Detail {
	t.Helper()
	d, ok := trace.NewJourneys(lecture().log, 1<<20).Get("m1")
	if !ok {
		t.Fatal("no journey")
	}
	return &d
}

// told prints a ladder as who said what to whom.
func told(l *ladder) string {
	var out strings.Builder
	count := func(key string, n int) string { return strings.Repeat("#", n) }
	for i := range l.rungs {
		r := &l.rungs[i]
		out.WriteString(r.from)
		if !r.own() {
			out.WriteString(" > " + r.to)
		}
		out.WriteString(" " + r.letter() + ": " + r.full(count) + "\n")
	}
	return out.String()
}

// Each line stands there once, from the right host to the right one, although
// relay and lookups were seen at both ends.
func TestRungs(t *testing.T) {
	l := newLadder(lectureDetail(t), explain.New("en"), true)
	want := `crepes.fr *: 127.0.0.1:40001 → 127.0.0.1:2587
crepes.fr > alice@crepes.fr S: 220 crepes.fr
alice@crepes.fr > crepes.fr C: EHLO ua
crepes.fr > alice@crepes.fr S: 250-crepes.fr Hello
alice@crepes.fr > crepes.fr C: MAIL FROM:<alice@crepes.fr>
crepes.fr > alice@crepes.fr S: 250 Sender ok
alice@crepes.fr > crepes.fr C: RCPT TO:<bob@hamburger.edu>
crepes.fr > alice@crepes.fr S: 250 Recipient ok
alice@crepes.fr > crepes.fr C: DATA
crepes.fr > alice@crepes.fr S: 354 Enter mail
alice@crepes.fr > crepes.fr C: ####
alice@crepes.fr > crepes.fr C: .
crepes.fr *: accepted m1
crepes.fr > alice@crepes.fr S: 250 Message accepted for delivery
crepes.fr *: the client said QUIT
crepes.fr *: queued for hamburger.edu
crepes.fr *: attempt to deliver to hamburger.edu
crepes.fr > dns.nyu.edu C: Q hamburger.edu. MX
dns.nyu.edu > dns1.hamburger.edu C: Q hamburger.edu. MX
dns1.hamburger.edu > dns.nyu.edu S: A hamburger.edu. MX 10 mail.hamburger.edu.
dns.nyu.edu > crepes.fr S: A hamburger.edu. MX 10 mail.hamburger.edu.
crepes.fr *: mail for hamburger.edu goes to mail.hamburger.edu
crepes.fr *: 198.51.100.25:6001 → 203.0.113.25:25
hamburger.edu > crepes.fr S: 220 hamburger.edu
crepes.fr > hamburger.edu C: HELO crepes.fr
hamburger.edu > crepes.fr S: 250 Hello
crepes.fr > hamburger.edu C: MAIL FROM:<alice@crepes.fr>
hamburger.edu > crepes.fr S: 250 Sender ok
crepes.fr > hamburger.edu C: QUIT
hamburger.edu > crepes.fr S: 221 closing
`
	if got := told(l); got != want {
		t.Errorf("the ladder tells\n%s\nwant\n%s", got, want)
	}
	open := told(newLadder(lectureDetail(t), explain.New("en"), false))
	if !strings.Contains(open, "S: 250 SIZE 1000\n") || strings.Count(open, "C: #\n") != 4 {
		t.Errorf("without folding, it tells\n%s", open)
	}
}

// A far end that has shown no name is called by its address.
func TestPeer(t *testing.T) {
	for _, c := range []struct {
		peer         *trace.Peer
		remote, want string
	}{
		{&trace.Peer{Name: "crepes.fr"}, "127.0.0.1:9", "crepes.fr"}, {nil, "127.0.0.1:9", "127.0.0.1"}, {nil, "[::1]:9", "::1"}, {nil, "odd", "odd"},
	} {
		s := trace.Step{Event: trace.Event{Node: "x", Side: trace.Server, Dir: trace.Client, Remote: c.remote, Peer: c.peer}}
		if from, to := ends(s); from != c.want || to != "x" {
			t.Errorf("%s is %q, speaking to %q; want %q", c.remote, from, to, c.want)
		}
	}
}

// The less room there is, the fewer lanes; every row fills them exactly.
func TestLanes(t *testing.T) {
	l := newLadder(lectureDetail(t), explain.New("en"), true)
	lanes := map[int]int{}
	for width0 := range 200 {
		ls, ok := lanesOf(l.hosts, width0, "servers", "DNS")
		if !ok {
			lanes[0] = width0
			continue
		}
		lanes[len(ls.heads)]++
		for i := range l.rungs {
			row := ls.row(&l.rungs[i], painter{}, "a long text that says everything", "short")
			if got, want := width(row), len(ls.heads)*ls.wide; got != want {
				t.Fatalf("a row of %d cells in lanes of %d:\n%s", got, want, row)
			}
		}
		if width(ls.head()) != len(ls.heads)*ls.wide {
			t.Errorf("heads %q", ls.head())
		}
	}
	if lanes[4] == 0 || lanes[5] == 0 || lanes[0] != 4*laneLeast-1 {
		t.Errorf("lanes %v", lanes)
	}
}

func TestRow(t *testing.T) {
	ls := lanes{heads: []string{"alice", "crepes.fr"}, at: map[string]int{"alice": 0, "a.edu": 0, "crepes.fr": 1}, wide: 16}
	line := func(dir trace.Dir, secure bool, from, to string) *rung {
		return &rung{from: from, to: to, step: trace.Step{Event: trace.Event{Kind: trace.Line, Proto: trace.SMTP, Dir: dir, Secure: secure}}}
	}
	for _, tt := range []struct {
		r    *rung
		want string
	}{
		{line('C', false, "alice", "crepes.fr"), "        │─HELO─────────▶│       "},
		{line('S', false, "crepes.fr", "alice"), "        │◀╌HELO╌╌╌╌╌╌╌╌╌│       "},
		{line('C', true, "alice", "crepes.fr"), "        │═HELO═════════▶│       "},
		{line('S', true, "crepes.fr", "alice"), "        │◀╍HELO╍╍╍╍╍╍╍╍╍│       "},
		{line('C', false, "alice", "a.edu"), "        │C: HELO @a.edu │       "},
		{line('S', false, "a.edu", "alice"), "        │S: HELO @a.edu │       "},
		{line('*', false, "alice", "alice"), "        │* HELO         │       "},
		{line('*', false, "crepes.fr", "crepes.fr"), "        │         * HELO│       "},
	} {
		got := ls.row(tt.r, painter{}, "HELO crepes.fr from far", "HELO")
		if tt.r.own() {
			got = ls.row(tt.r, painter{}, "HELO")
		}
		if got != tt.want {
			t.Errorf("drawn\n%q, want\n%q", got, tt.want)
		}
	}
}

func TestShort(t *testing.T) {
	count := func(key string, n int) string { return key }
	for _, tt := range []struct {
		e    trace.Event
		want string
	}{
		{trace.Event{Kind: trace.Line, Proto: trace.SMTP, Dir: 'C', Text: "MAIL FROM:<a@b>"}, "MAIL FROM"},
		{trace.Event{Kind: trace.Line, Proto: trace.SMTP, Dir: 'C', Text: "EHLO [1:2]"}, "EHLO [1"},
		{trace.Event{Kind: trace.Line, Proto: trace.SMTP, Dir: 'C', Text: "EHLO a"}, "EHLO"},
		{trace.Event{Kind: trace.Line, Proto: trace.SMTP, Dir: 'S', Text: "250 ok"}, "250"},
		{trace.Event{Kind: trace.Line, Proto: trace.SMTP, Dir: 'S', Text: "2"}, "2"},
		{trace.Event{Kind: trace.Line, Proto: trace.IMAP, Dir: 'C', Text: "a LOGIN bob ***"}, "a LOGIN"},
		{trace.Event{Kind: trace.Line, Proto: trace.IMAP, Dir: 'S', Text: "* 2 EXISTS"}, "2 EXISTS"},
		{trace.Event{Kind: trace.Line, Proto: trace.IMAP, Dir: 'S', Text: "a OK done"}, "a OK"},
		{trace.Event{Kind: trace.Line, Proto: trace.IMAP, Dir: 'S', Text: ""}, ""},
		{trace.Event{Kind: trace.Line, Proto: trace.HTTP, Dir: 'C', Text: "GET /"}, "GET /"},
		{trace.Event{Kind: trace.Data, Proto: trace.SMTP, Dir: 'C', Size: 5}, "top.short.text"},
		{trace.Event{Kind: trace.Datagram, Proto: trace.DNS, Dir: 'C', Text: "Q edu. NS"}, "NS?"},
		{trace.Event{Kind: trace.Datagram, Proto: trace.DNS, Dir: 'S', Text: "A x.edu. MX → edu. NS a.edu."}, "NS edu."},
		{trace.Event{Kind: trace.Datagram, Proto: trace.DNS, Dir: 'S', Text: "A x.edu. A 1.2.3.4"}, "A 1.2.3.4"},
		{trace.Event{Kind: trace.Datagram, Proto: trace.DNS, Dir: 'S', Text: "odd\x1b[2J"}, `odd\x1b[2J`},
	} {
		r := rung{from: "a", to: "b", step: trace.Step{Event: tt.e}}
		if got := r.short(count); got != tt.want {
			t.Errorf("%q is %q in short, want %q", tt.e.Text, got, tt.want)
		}
	}
}

// Whatever is in a trace can be drawn, in exactly the room that there is.
func FuzzLadder(f *testing.F) {
	f.Add("crepes.fr", "127.0.0.1:25", "MAIL FROM:<สมชาย@โรงเรียน.ไทย>", "line", byte('C'), byte('S'), 80)
	f.Add("", "", "250-\x1b[2J", "line", byte('S'), byte('S'), 30)
	f.Add("a.edu", "[::1]:53", "A x. MX → y. NS", "datagram", byte('S'), byte('C'), 120)
	f.Fuzz(func(t *testing.T, node, remote, text, kind string, dir, side byte, wide int) {
		e := trace.Event{Node: node, Conn: 1, Local: "10.0.0.1:25", Remote: remote, Proto: trace.SMTP, Kind: trace.Kind(kind), Dir: trace.Dir(dir), Side: trace.Dir(side), Text: text}
		more := e
		more.Proto, more.Dir = trace.IMAP, trace.Client
		d := &trace.Detail{Steps: []trace.Step{{Event: e}, {Event: more, Hop: 9}, {Event: e, Hop: 1}},
			Hosts: []trace.Host{{Name: node}, {Name: remote, Role: trace.UserAgent, Addrs: []string{"10.0.0.1"}}}, Route: []trace.Hop{{Kind: trace.HopSubmission}}}
		l := newLadder(d, explain.New("en"), true)
		ls, ok := lanesOf(l.hosts, wide&255, "servers", "DNS")
		count := func(key string, n int) string { return key }
		for i := range l.rungs {
			r := &l.rungs[i]
			if !ok {
				continue
			}
			row := ls.row(r, painter{}, r.full(count), r.short(count))
			if width(row) != len(ls.heads)*ls.wide || strings.ContainsFunc(row, unsafe) {
				t.Errorf("%d cells in lanes of %d: %q", width(row), len(ls.heads)*ls.wide, row)
			}
		}
	})
}

func TestHex(t *testing.T) {
	r := rung{from: "a", to: "b", step: trace.Step{Event: trace.Event{Kind: trace.Line, Text: "ดี"}}}
	want := "e0 b8 94 e0 ....\nb8 b5 0d 0a ...."
	if got := strings.Join(hexLines(r.bytes(), 4), "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	r.to = "a"
	if r.bytes() != nil {
		t.Error("a decision has bytes")
	}
}
