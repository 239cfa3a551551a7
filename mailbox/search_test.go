package mailbox

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"glassmail/mail"
	"glassmail/message"
)

// shelf is a Source of messages by their name.
type shelf struct {
	texts  map[mail.ContentID]string
	bodies int // how many were opened
	open   int
	fault  error
}

type shelved struct {
	*strings.Reader
	s *shelf
}

func (b shelved) Close() error { b.s.open--; return nil }

func (s *shelf) Body(_ context.Context, id mail.ContentID) (mail.Message, error) {
	text, ok := s.texts[id]
	if !ok {
		return nil, ErrNotFound
	}
	s.bodies++
	s.open++
	return shelved{strings.NewReader(text), s}, s.fault
}

func (s *shelf) Record(_ context.Context, id mail.ContentID) ([]byte, error) {
	text, ok := s.texts[id]
	if !ok {
		return nil, ErrNotFound
	}
	r, err := message.Scan(strings.NewReader(text), int64(len(text)))
	if err != nil {
		return nil, err
	}
	return r.Marshal(), nil
}

func day(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}

const searched = `From: =?utf-8?q?Alice_Cr=C3=AApe?= <alice@crepes.fr>
To: bob@hamburger.edu
Subject: Do you =?utf-8?q?like?= =?utf-8?q?_KETCHUP=3F?=
Date: Tue, 2 Jan 2024 23:30:00 -0800
Content-Type: multipart/mixed; boundary=b

hidden preamble
--b
Content-Transfer-Encoding: quoted-printable
Content-Type: text/plain; charset=iso-8859-1

How about pi=
ckles? Cr=EApes  and
	mustard.
--b
Content-Transfer-Encoding: base64
Content-Type: text/html

PGI+b25pb25zPC9iPg==
--b
Content-Type: image/png

picture
--b
Content-Type: message/rfc822

Subject: inner subject

inner body
--b--
`

func TestMatch(t *testing.T) {
	state := Message{
		UID: 7, ModSeq: 5, Flags: Seen | Flagged, Keywords: []string{"$Junk"}, Size: 1000,
		Date: time.Date(2024, 1, 3, 1, 0, 0, 0, time.FixedZone("", 9*3600)), Body: "m",
	}
	body := func(s string) Criteria { return Criteria{Body: []string{s}} }
	text := func(s string) Criteria { return Criteria{Text: []string{s}} }
	header := func(name, s string) Criteria { return Criteria{Header: []HeaderCriterion{{name, s}}} }
	yes, no := Criteria{}, Criteria{With: Draft}
	for i, tt := range []struct {
		c    Criteria
		want bool
	}{
		{yes, true}, {no, false},
		{Criteria{UIDs: func(u UID) bool { return u == 7 }}, true}, {Criteria{UIDs: func(u UID) bool { return u == 8 }}, false},
		{Criteria{With: Seen | Flagged, Without: Draft}, true}, {Criteria{With: Seen | Draft}, false}, {Criteria{Without: Seen}, false},
		{Criteria{WithKeywords: []string{"$junk"}}, true}, {Criteria{WithKeywords: []string{"x"}}, false},
		{Criteria{WithoutKeywords: []string{"x"}}, true}, {Criteria{WithoutKeywords: []string{"$JUNK"}}, false},
		{Criteria{Larger: 999, Smaller: 1001}, true}, {Criteria{Larger: 1000}, false}, {Criteria{Smaller: 1000}, false},
		{Criteria{ChangedSince: 5}, true}, {Criteria{ChangedSince: 6}, false},
		{Criteria{Since: day("2024-01-03"), Before: day("2024-01-04")}, true}, // as it stands in its own zone
		{Criteria{Since: day("2024-01-04")}, false}, {Criteria{Before: day("2024-01-03")}, false},
		{Criteria{SentSince: day("2024-01-02"), SentBefore: day("2024-01-03")}, true},
		{Criteria{SentSince: day("2024-01-03")}, false}, {Criteria{SentBefore: day("2024-01-02")}, false},
		{header("subject", "like ketchup"), true}, {header("SUBJECT", "inner"), false}, {header("from", "crêpe"), true},
		{header("from", "CRE\u0302PE"), true}, {header("to", ""), true}, {header("cc", ""), false},
		{body("pickles"), true}, {body("PICKLES? crêpes AND mustard."), true}, {body("ketchup"), false}, {body("<B>onions"), true},
		{body("picture"), false}, {body("hidden"), false}, {body("inner subject"), true}, {body("inner body"), true}, {body(""), true},
		{text("ketchup?"), true}, {text("mustard"), true}, {text("crepes.fr"), true}, {text("tomato"), false},
		{Criteria{Body: []string{"pickles", "onions"}, Text: []string{"alice", "inner"}}, true}, {Criteria{Body: []string{"pickles", "alice"}}, false},
		{Criteria{Not: []Criteria{body("tomato"), no}}, true}, {Criteria{Not: []Criteria{no, body("pickles")}}, false},
		{Criteria{Or: [][2]Criteria{{no, body("pickles")}, {yes, no}}}, true}, {Criteria{Or: [][2]Criteria{{yes, yes}, {no, no}}}, false},
	} {
		s := &shelf{texts: map[mail.ContentID]string{"m": strings.ReplaceAll(searched, "\n", "\r\n")}}
		got, err := NewMatcher(tt.c).Match(context.Background(), s, state)
		if got != tt.want || err != nil {
			t.Errorf("%d: %+v: got %v, %v", i, tt.c, got, err)
		}
		if s.open != 0 || s.bodies > 1 {
			t.Errorf("%d: %d bodies were opened, %d are", i, s.bodies, s.open)
		}
	}
}

func TestMatchOpensNothingInVain(t *testing.T) {
	s := &shelf{texts: map[mail.ContentID]string{"m": searched}}
	for _, c := range []Criteria{{}, {With: Draft, Body: []string{"x"}}, {SentSince: day("2024-01-01")}} {
		if _, err := NewMatcher(c).Match(context.Background(), s, Message{Body: "m"}); err != nil || s.bodies != 0 {
			t.Errorf("%+v: %d bodies opened, %v", c, s.bodies, err)
		}
	}
}

func TestMatchErrors(t *testing.T) {
	m := NewMatcher(Criteria{Body: []string{"x"}})
	s := &shelf{}
	if ok, err := m.Match(context.Background(), s, Message{Body: "gone"}); ok || err != nil {
		t.Errorf("a message that is gone: %v, %v", ok, err)
	}
	s = &shelf{texts: map[mail.ContentID]string{"m": searched}, fault: io.ErrClosedPipe}
	if _, err := m.Match(context.Background(), s, Message{Body: "m"}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v", err)
	}
	s.fault = nil
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := m.Match(ctx, s, Message{Body: "m"}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestNeedle(t *testing.T) {
	for _, tt := range []struct {
		text, needle string
		want         bool
	}{
		{"Straße", "STRAßE", true}, {"ПРИВЕТ", "привет", true}, {"ﬁne", "FINE", true}, {"a\u00a0\r\n b", "a b", true},
		{"K", "\u212a", true}, {"ab", "a b", false}, {"x", "", true}, {"\xff\xfe", "\ufffd", true}, {"İ", "i\u0307", true},
	} {
		if got := newNeedle(tt.needle).in(tt.text); got != tt.want {
			t.Errorf("%q in %q: %v", tt.needle, tt.text, got)
		}
	}
}

// Decomposition is that of the standard, in pieces that need no ordering too.
func TestDecompose(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.StringMatching(`[éüñ€ﬁ한ᄒ\x{301}\x{323}ạ̈本½\x{fffd}]{0,6}`)).Draw(t, "text")
		var f folder
		if f.decompose([]byte(s)); string(f.decomposed) != norm.NFKD.String(s) {
			t.Fatalf("%+q: got %+q, want %+q", s, f.decomposed, norm.NFKD.String(s))
		}
	})
}

// A needle is found wherever it stands and wherever reads end.
func TestFinderStreams(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[aé\x{301}€ ]{1,6}`).Draw(t, "needle")
		before := strings.Repeat(rapid.SampledFrom([]string{"x", "é", "€", "e\u0301", " "}).Draw(t, "filler"), rapid.IntRange(findBuffer-40, findBuffer+10).Draw(t, "n")/rapid.IntRange(1, 3).Draw(t, "d"))
		f := newFinder([]needle{newNeedle(text)})
		r := io.Reader(strings.NewReader(before + "x" + text + "x"))
		if rapid.Bool().Draw(t, "halves") {
			r = iotest.HalfReader(r)
		}
		if err := f.search(r); err != nil || !f.done() {
			t.Fatalf("%q is not found behind %d bytes: %v", text, len(before), err)
		}
	})
}

func FuzzFinder(f *testing.F) {
	f.Add("some TEXT é\u0301", "text E")
	f.Fuzz(func(t *testing.T, text, what string) {
		n := newNeedle(what)
		fi := newFinder([]needle{n})
		if err := fi.search(iotest.OneByteReader(strings.NewReader(text))); err != nil {
			t.Fatal(err)
		}
		if asciiPrefix([]byte(text)) == len(text) && fi.done() != n.in(text) {
			t.Fatalf("%q in %q: %v in pieces", what, text, fi.done())
		}
	})
}

func BenchmarkMatchBody(b *testing.B) {
	for _, bb := range []struct{ name, text string }{
		{"small", "From: Alice <alice@crepes.fr>\r\nSubject: Lunch\r\n\r\n" + strings.Repeat("Do you like ketchup? How about pickles?\r\n", 120)},
		{"ascii", "A: b\r\n\r\n" + strings.Repeat("Do you like ketchup? How about pickles?\r\n", 25000)},
		{"french", "Content-Type: text/plain; charset=utf-8\r\n\r\n" + strings.Repeat("Aimez-vous les crêpes ? Ça dépend.\r\n", 25000)},
	} {
		s := &shelf{texts: map[mail.ContentID]string{"m": bb.text}}
		rec, _ := s.Record(context.Background(), "m")
		m := NewMatcher(Criteria{Body: []string{"tomato"}})
		b.Run(bb.name, func(b *testing.B) {
			b.SetBytes(int64(len(bb.text)))
			b.ReportAllocs()
			for b.Loop() {
				m.Match(context.Background(), &recorded{s, rec}, Message{Body: "m"})
			}
		})
	}
}

type recorded struct {
	*shelf
	rec []byte
}

func (r *recorded) Record(context.Context, mail.ContentID) ([]byte, error) { return r.rec, nil }
