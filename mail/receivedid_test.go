package mail_test

import (
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"glassmail/mail"
)

func TestReceivedID(t *testing.T) {
	own := mail.Received{Helo: "crepes.fr", Addr: netip.MustParseAddr("192.0.2.1"), By: "hamburger.edu", Protocol: "ESMTPS",
		TLS: "TLS 1.3 id none", ID: "01k5m", For: mail.Address{Local: "bob", Domain: "hamburger.edu"}, Time: time.Unix(0, 0)}.String()
	for head, want := range map[string]string{
		own: "01k5m",
		"Return-Path: <a@b>\r\n" + own + "\r\ntext": "01k5m",
		own + "Received: from x id other; now\r\n":  "01k5m",
		"Subject: x\r\n\r\n" + own:                  "",
		"received: by x\r\n\tid 7;\r\n\tMon":        "7",
		"Received: from x (id 3) by y; now\r\n":     "",
		"Received:":                                 "",
		"Received: id":                              "",
		"":                                          "",
	} {
		if got := mail.ReceivedID([]byte(head)); got != want {
			t.Errorf("%q: id %q, want %q", head, got, want)
		}
	}
}

func FuzzReceivedID(f *testing.F) {
	f.Add([]byte("Received: from a (b (c) id d) by e id f; g\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if id := mail.ReceivedID(b); len(id) > len(b) {
			t.Fatalf("an id of %d bytes from %d", len(id), len(b))
		}
	})
}

// The work for a header of many folded lines is in proportion to its length.
func TestReceivedIDIsLinear(t *testing.T) {
	for _, line := range []string{"\n ", "\r\n\t", "\r\n x", "\n (", "\n id", " "} {
		head := []byte("Received: from x" + strings.Repeat(line, (256<<10)/len(line)))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		mail.ReceivedID(head)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > uint64(20*len(head)) {
			t.Errorf("%q: %d bytes are allocated for %d", line, n, len(head))
		}
	}
}
