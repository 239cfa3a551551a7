package bolt

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"glassmail/mail"
	"glassmail/mailbox"
	"glassmail/queue"
	"glassmail/store"
)

func TestBodyIDs(t *testing.T) {
	for _, n := range []uint64{0, 1, 15, 16, 255, 1<<28 - 1, 1 << 28, 1<<32 - 1, 1 << 32, 1<<64 - 1} {
		id := bodyID(n)
		if want := mail.ContentID(fmt.Sprintf("%08x", n)); id != want {
			t.Errorf("%d is %q, want %q", n, id, want)
		}
		if back, err := bodyNumber(id); err != nil || back != n {
			t.Errorf("%q is %d, %v", id, back, err)
		}
		key := waitingKey(n, 7)
		if k, ok := parseEntryID(entryID(n, 7)); !ok || !bytes.Equal(k, key) {
			t.Errorf("entry %s", entryID(n, 7))
		}
	}
	for _, bad := range []mail.ContentID{"", "1", "0000000A", "000000001", "-0000001", "+0000001", "0000_001"} {
		if _, err := bodyNumber(bad); err == nil {
			t.Errorf("%q is a number", bad)
		}
	}
}

// TestRows writes rows and reads them back.
func TestRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := messageRow{
			mailbox.Flags(rapid.Uint16().Draw(t, "flags")), rapid.Uint32().Draw(t, "size"), rapid.Uint64().Draw(t, "words"),
			mailbox.ModSeq(rapid.Uint64().Draw(t, "mod")), rapid.Int64().Draw(t, "date"), rapid.Uint64().Draw(t, "body"),
		}
		if got := parseMessage(m.bytes()); got != m {
			t.Fatalf("message %+v, want %+v", got, m)
		}
		n := rapid.SliceOfN(rapid.Uint32(), 12, 12).Draw(t, "numbers")
		b := contentRow{n[0], n[1], n[2], n[3], n[4], n[5], uint64(n[6])<<32 | uint64(n[7])}
		if got, ok := parseBody(b.bytes()); !ok || got != b {
			t.Fatalf("body %+v, want %+v", got, b)
		}
		f := folderRow{
			n[0], mailbox.UID(n[1]), n[2], n[3], n[4], n[5], mailbox.ModSeq(n[6]), mailbox.ModSeq(n[7]), int64(n[8]) << 20,
			rapid.String().Draw(t, "owner"), rapid.SliceOfN(rapid.String(), 1, 5).Draw(t, "keywords"),
		}
		if got, err := parseFolder(f.bytes()); err != nil || !reflect.DeepEqual(*got, f) {
			t.Fatalf("folder %+v, want %+v, %v", got, f, err)
		}
		us := rapid.SliceOfNDistinct(rapid.Uint32Range(1, 2000), 1, 300, rapid.ID[uint32]).Draw(t, "UIDs")
		slices.Sort(us)
		var uids []mailbox.UID
		for _, u := range us {
			uids = append(uids, mailbox.UID(u))
		}
		if got := runs(appendRuns(nil, uids), nil); !slices.Equal(got, uids) {
			t.Fatalf("UIDs %v, want %v", got, uids)
		}
	})
}

var anAddress = rapid.Custom(func(t *rapid.T) mail.Address {
	return mail.Address{Local: rapid.String().Draw(t, "local"), Domain: rapid.String().Draw(t, "domain")}
})

// TestAcceptanceCodec writes acceptances and reads them back.
func TestAcceptanceCodec(t *testing.T) {
	aTime := rapid.Custom(func(t *rapid.T) time.Time { return time.Unix(0, rapid.Int64().Draw(t, "time")|1) })
	rapid.Check(t, func(t *rapid.T) {
		a := store.Acceptance{
			ID: rapid.String().Draw(t, "ID"), From: anAddress.Draw(t, "from"), Time: aTime.Draw(t, "at"),
			Options: mail.Options{
				Body: mail.Body(rapid.String().Draw(t, "body")), UTF8: rapid.Bool().Draw(t, "utf8"),
				RequireTLS: rapid.Bool().Draw(t, "tls"), Return: rapid.String().Draw(t, "ret"),
				EnvID: rapid.String().Draw(t, "envid"), Size: rapid.Int64().Draw(t, "size"),
			},
		}
		for range rapid.IntRange(0, 3).Draw(t, "deposits") {
			a.Deposits = append(a.Deposits, mailbox.Delivery{
				User: rapid.String().Draw(t, "user"), Folder: mailbox.FolderID(rapid.Uint64().Draw(t, "folder")),
				Flags: mailbox.Flags(rapid.Uint16().Draw(t, "flags")), Keywords: rapid.SliceOfN(rapid.String(), 1, 3).Draw(t, "words"),
				Date: time.Unix(rapid.Int64().Draw(t, "date"), 0),
			})
		}
		for range rapid.IntRange(0, 3).Draw(t, "relays") {
			var r queue.Recipient
			r.Dest, r.Address, r.Due = rapid.String().Draw(t, "dest"), anAddress.Draw(t, "to"), aTime.Draw(t, "due")
			r.Notify, r.ORcpt = rapid.SliceOfN(rapid.String(), 1, 3).Draw(t, "notify"), rapid.String().Draw(t, "orcpt")
			a.Relay = append(a.Relay, r)
		}
		b := appendAcceptance(nil, &a)
		got, err := decodeAcceptance(b)
		if err != nil || !reflect.DeepEqual(*got, a) {
			t.Fatalf("read back %+v, want %+v, %v", got, a, err)
		}
		if _, err := decodeAcceptance(b[:len(b)-1]); err == nil {
			t.Fatal("a piece of an acceptance is read")
		}
	})
}

// FuzzAcceptance reads anything as an acceptance; what it accepts it writes alike.
func FuzzAcceptance(f *testing.F) {
	f.Add(appendAcceptance(nil, &store.Acceptance{ID: "x", Deposits: []mailbox.Delivery{{User: "u"}}, Relay: []queue.Recipient{{Dest: "d"}}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := decodeAcceptance(b)
		if err != nil {
			return
		}
		again, err := decodeAcceptance(appendAcceptance(nil, a))
		if err != nil || !reflect.DeepEqual(a, again) {
			t.Fatalf("%+v, then %+v, %v", a, again, err)
		}
	})
}

// FuzzFrames reads anything as a segment: it ends, and every frame it finds lies
// inside.
func FuzzFrames(f *testing.F) {
	var buf []byte
	for i := range 3 {
		h := head{kind: typeAccept, lsn: uint64(i + 1), textCRC: checksum([]byte("body")), textLen: 4}
		buf = appendFrame(buf, &h, []byte("record"), []byte("body"), func(b []byte) []byte { return append(b, "meta"...) })
	}
	f.Add(buf, uint16(5), byte(1))
	f.Add(buf, uint16(200), byte(7))
	f.Fuzz(func(t *testing.T, b []byte, at uint16, x byte) {
		b = append(make([]byte, segmentHead), b...)
		if int(at) < len(b) {
			b[at] ^= x
		}
		r := &frameReader{f: bytes.NewReader(b), size: int64(len(b)), off: segmentHead}
		for {
			before := r.off
			fr, err := r.next()
			if err != nil {
				break
			}
			if r.off <= before || r.off > int64(len(b)) || int64(len(fr.body)+len(fr.meta)+len(fr.record)) > r.off-before {
				t.Fatalf("a frame from %d to %d of %d", before, r.off, len(b))
			}
		}
		r.off = segmentHead
		for r.skip(0) {
			if _, err := r.next(); err != nil {
				t.Fatalf("a frame that was found cannot be read: %v", err)
			}
		}
	})
}

// TestNothingHeld makes sure that no transaction of the index is open while a
// caller has a message or a text in hand, or while it is asked for a destination.
func TestNothingHeld(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	if err := prepareWorkload(s); err != nil {
		t.Fatal(err)
	}
	variety(t, s, 10)
	if err := deliver(s, "last", 10, true); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	free := func(where string) {
		t.Helper()
		if n := s.db.Stats().OpenTxN; n != 0 {
			t.Errorf("%s: %d transactions are open", where, n)
		}
	}
	inbox, _ := s.Folder(ctx, bob, "INBOX")
	for m, err := range s.Messages(ctx, inbox.ID, mailbox.Range{}) {
		if err != nil {
			t.Fatal(err)
		}
		free("a message")
		b, err := s.Body(ctx, m.Body)
		if err != nil {
			t.Fatal(err)
		}
		free("a text")
		b.Close()
	}
	for range s.Entries(ctx, "") {
		free("an entry")
	}
	if _, _, err := s.Lease(ctx, time.Now(), 5, time.Hour, func(string) bool { free("skip"); return false }); err != nil {
		t.Fatal(err)
	}
}
