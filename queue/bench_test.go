package queue_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"glassmail/mail"
	"glassmail/queue"
	"glassmail/wire"
)

// BenchmarkRelay sends messages of 4 KiB to a peer on loopback, with a store that
// costs nothing. One operation is one message.
func BenchmarkRelay(b *testing.B) {
	text := "Subject: x\r\n\r\n" + strings.Repeat(strings.Repeat("x", 62)+"\r\n", 64)
	for _, conns := range []int{1, 4} {
		b.Run(fmt.Sprint(conns, " connections"), func(b *testing.B) {
			s := newStage(b)
			s.world.clock, s.store.clock, s.log = wire.System{}, wire.System{}, nil
			s.opts.Trace, s.opts.PerDest, s.opts.Retry = nil, conns, queue.RetrySchedule{}
			s.at("192.0.2.1", newPeer(b, nil, "8BITMIME", "SIZE"))
			s.run()
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			b.ResetTimer()
			for sent := 0; sent < b.N; { // the fake store is a slice: keep it short
				n := min(b.N-sent, 200)
				for i := range n {
					s.store.add(fmt.Sprint("m", i), text, alice, mail.Options{}, to(bob)...)
				}
				s.settled(n)
				sent += n
			}
		})
	}
}

// FuzzConversation has a peer say anything: the attempt always comes to an end,
// and nothing but a 250 to the final dot counts as delivered.
func FuzzConversation(f *testing.F) {
	for _, s := range []string{
		"220 hi\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 taken\r\n221 bye\r\n",
		"220 hi\r\n250-x\r\n250 SIZE 1\r\n", "220 hi\r\n500 what\r\n250 ok\r\n550 no\r\n",
		"220-hi\r\n220 hi\r\n250-x\r\n250-LIMITS RCPTMAX=1\r\n250 DSN\r\n250 ok\r\n452 x\r\n", "554\r\n", "\x00\xff",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		st := newStage(t)
		st.names.mx["hamburger.edu"] = mxs("mail.hamburger.edu")
		p := newPeer(t, map[string][]string{"greeting": {s}})
		p.babble = true
		st.at("192.0.2.1", p)
		res := st.attempt(mail.Options{}, to(bob, carol)...)
		for _, r := range res {
			if r.Status == queue.Delivered && (r.Reply.Code != 250 || r.Host == "") {
				t.Errorf("%+v counts as delivered", r)
			}
			if r.Status == queue.Deferred && r.Retry.Sub(start) < time.Second {
				t.Errorf("the next attempt is at %s", r.Retry)
			}
		}
	})
}
