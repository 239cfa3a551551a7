package mail

import (
	"errors"
	"fmt"
	netmail "net/mail"
	"net/netip"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestReply(t *testing.T) {
	r := NewReply(550, Enhanced{5, 1, 1}, "no %s", "bob")
	if r.Error() != "550 5.1.1 no bob" || r.Temporary() {
		t.Errorf("%s, temporary: %v", r, r.Temporary())
	}
	if got := NewReply(220, Enhanced{}, "hi").Error(); got != "220 hi" {
		t.Errorf("without an enhanced code: %s", got)
	}
	if got := AsReply(fmt.Errorf("wrapped: %w", r)); got != r {
		t.Errorf("the reply in a chain is %s", got)
	}
	if got := AsReply(errors.New("secret path /var")); got.Error() != "451 4.3.0 Local trouble, please try again later" || !got.Temporary() {
		t.Errorf("another error shows as %s", got)
	}
}

// TestReceived: whatever a client calls itself, the line is one header field with
// short lines, and its date parses.
func TestReceived(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Received{
			Helo: rapid.StringMatching(`[ -~]{0,60}`).Draw(t, "helo"), By: "hamburger.edu", ID: "m1",
			Protocol: Peer{ESMTP: rapid.Bool().Draw(t, "esmtp"), TLS: rapid.SampledFrom([]string{"", "TLS 1.3"}).Draw(t, "tls")}.Protocol(rapid.Bool().Draw(t, "utf8")),
			TLS:      rapid.SampledFrom([]string{"", "TLS 1.3, X"}).Draw(t, "tls"),
			Addr:     rapid.SampledFrom([]netip.Addr{{}, netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("fe80::1%eth0"), netip.MustParseAddr("::ffff:192.0.2.1")}).Draw(t, "addr"),
			For:      rapid.SampledFrom([]Address{{}, {"bob", "hamburger.edu"}}).Draw(t, "for"),
			Time:     time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "time"), 0).UTC(),
		}
		s := r.String()
		m, err := netmail.ReadMessage(strings.NewReader(s + "\r\n"))
		if err != nil || len(m.Header) != 1 || !strings.HasSuffix(s, "\r\n") {
			t.Fatalf("%q: %v", s, err)
		}
		v := m.Header.Get("Received")
		date, err := netmail.ParseDate(v[strings.LastIndex(v, ";")+1:])
		if err != nil || !date.Equal(r.Time) {
			t.Fatalf("the date in %q is %s, %v", v, date, err)
		}
		for line := range strings.SplitSeq(s, "\r\n") {
			if len(line) > 998 {
				t.Fatalf("a line of %d bytes", len(line))
			}
		}
	})
}

func TestReceivedText(t *testing.T) {
	r := Received{
		Helo: "crepes.fr", Addr: netip.MustParseAddr("192.0.2.1"), By: "hamburger.edu", Protocol: "ESMTPS",
		TLS: "TLS 1.3", ID: "m1", For: Address{"bob", "hamburger.edu"}, Time: day,
	}
	want := "Received: from crepes.fr ([192.0.2.1])\r\n\tby hamburger.edu with ESMTPS\r\n\t(TLS 1.3) id m1\r\n\tfor <bob@hamburger.edu>; Mon, 2 Mar 2026 09:00:00 +0000\r\n"
	if got := r.String(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestProtocol(t *testing.T) {
	for want, p := range map[string]Peer{
		"SMTP": {}, "ESMTP": {ESMTP: true}, "ESMTPS": {ESMTP: true, TLS: "x"},
		"ESMTPSA": {ESMTP: true, TLS: "x", User: Address{"a", "b"}}, "ESMTPA": {ESMTP: true, User: Address{"a", "b"}},
	} {
		if got := p.Protocol(false); got != want {
			t.Errorf("%+v is %s, want %s", p, got, want)
		}
	}
	if got := (Peer{ESMTP: true, TLS: "x"}).Protocol(true); got != "UTF8SMTPS" {
		t.Errorf("with SMTPUTF8: %s", got)
	}
}
