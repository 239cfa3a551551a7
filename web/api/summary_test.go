package api

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"glassmail/mail"
	"glassmail/message"
)

// stored is a message in memory.
type stored struct{ *strings.Reader }

func (stored) Close() error { return nil }

// openedText is a message as a store gives it: its record comes out of one string.
func openedText(t *testing.T, text string) *opened {
	t.Helper()
	rec, err := message.Scan(strings.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	if rec, err = message.UnmarshalRecord(rec.Marshal()); err != nil {
		t.Fatal(err)
	}
	var m mail.Message = stored{strings.NewReader(text)}
	return &opened{text: m, rec: rec}
}

// long are messages whose header has as much as one may have, of one thing each.
func long() map[string]string {
	const size = 600_000
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	return map[string]string{
		"subject":          "Subject: " + fill("x") + "\r\n\r\n",
		"encoded subject":  "Subject: " + fill("=?utf-8?q?=E0=B8=81?= ") + "\r\n\r\n",
		"addresses":        "From: " + fill("a@b, ") + "x@y\r\nTo: " + fill("a@b, ") + "x@y\r\n\r\n",
		"name":             "From: \"" + fill("n") + "\" <a@b>\r\n\r\n",
		"names":            "From: " + fill("\""+strings.Repeat("n", 20_000)+"\" <a@b>, ") + "x@y\r\n\r\n",
		"address":          "From: <" + fill("l") + "@b>\r\n\r\n",
		"message id":       "Message-ID: <" + fill("i") + "@b>\r\n\r\n",
		"references":       "References: " + fill("<"+strings.Repeat("r", 900)+"@b> ") + "\r\n\r\n",
		"many references":  "References: " + fill("<r@b> <s@b> ") + "\r\n\r\n",
		"a long record":    "Subject: x\r\nMessage-ID: <i@b>\r\nFrom: n <a@b>\r\nCc: " + fill("a@b, ") + "x@y\r\n\r\n",
		"text":             "\r\n" + fill("\x00 ") + "\r\n",
		"Thai":             "Subject: " + fill("ก") + "\r\n\r\n" + fill("ก"),
		"broken":           "Subject: " + fill("\xff") + "\r\n\r\n" + fill("\xff"),
		"folded":           "Subject: " + fill("\r\n x") + "\r\n\r\n",
		"header of parts":  "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + fill("--b\r\nContent-Disposition: attachment; filename=x\r\n\r\n"),
		"pieces of a name": "Content-Type: text/plain" + fill(";name*98=x;name*0=x") + "\r\n\r\n",
	}
}

// maxListedBytes is what all bounds of a list come to: what one message takes of an
// answer, in bytes of JSON, which writes a byte as six at most.
const maxListedBytes = 6*(maxListedText+2*maxListedAddresses*(maxListedText+maxListedName+40)+4*160) + 1000

// However long its header is, a message takes a bounded part of a list, and of what
// is remembered of lists.
func TestListedIsBounded(t *testing.T) {
	for name, text := range long() {
		one, err := summarize(openedText(t, text))
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(one)
		if err != nil || len(b) > maxListedBytes {
			t.Errorf("%s: %d bytes of JSON, %v", name, len(b), err)
		}
		for _, s := range slices.Concat([]string{one.Subject, one.Preview}, one.references) {
			if !utf8.ValidString(s) {
				t.Errorf("%s: %.50q is no UTF-8", name, s)
			}
		}
		if len(one.references) > maxListedReferences {
			t.Errorf("%s: %d references", name, len(one.references))
		}
	}
}

// What is remembered is bounded in bytes, and holds on to nothing else of a message.
func TestSummariesAreBounded(t *testing.T) {
	s := newSummaries()
	for name, text := range long() {
		one, err := summarize(openedText(t, text))
		if err != nil {
			t.Fatal(err)
		}
		for n := range 1000 {
			s.keep(summaryKey{name, mail.ContentID(fmt.Sprint(n))}, one)
		}
	}
	held := 0
	for e := s.order.Front(); e != nil; e = e.Next() {
		one := e.Value.(remembered)
		held += one.summary.cost()
	}
	if held != s.held || held > maxSummaryBytes || len(s.all) != s.order.Len() {
		t.Errorf("%d bytes held, %d counted; %d and %d summaries", held, s.held, len(s.all), s.order.Len())
	}

	text := long()["a long record"]
	all := make([]summary, 50)
	before := heap()
	for i := range all {
		var err error
		if all[i], err = summarize(openedText(t, text)); err != nil {
			t.Fatal(err)
		}
	}
	if grown := int64(heap()) - int64(before); grown > 2<<20 {
		t.Errorf("50 summaries hold on to %d bytes", grown)
	}
	if all[0].messageID != "<i@b>" {
		t.Errorf("the message id is %q", all[0].messageID)
	}
	runtime.KeepAlive(all)
}

// heap is how many bytes are in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

var _ io.ReaderAt = stored{}
