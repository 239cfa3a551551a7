package server

import (
	"os"
	"strings"
	"testing"
	"time"

	"glassmail/auth"
	"glassmail/maillog"
	"glassmail/store/memory"
	"glassmail/trace"
	"glassmail/wire"
)

// BenchmarkAcceptLogged accepts messages for a mailbox without a log and with one, from
// an envelope to the answer, without network and disk: two lines for each message.
func BenchmarkAcceptLogged(b *testing.B) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer null.Close()
	for _, format := range []maillog.Format{maillog.Off, maillog.Text, maillog.JSON} {
		b.Run(string(format), func(b *testing.B) {
			sink := maillog.NewSink(null, format)
			defer sink.Close()
			events := trace.NewLog(5000, time.Now)
			if format != maillog.Off {
				events.Observe(maillog.New(sink.Handler(), time.Now()).Observe)
			}
			s := memory.New(time.Now)
			defer s.Close()
			if err := NewAdmin(s, time.Now).AddAccount(b.Context(), "bob@hamburger.edu", "secret", 0); err != nil {
				b.Fatal(err)
			}
			p := &backend{name: "hamburger.edu", store: s, clock: wire.System{}, trace: events,
				dir: &directory{domains: []string{"hamburger.edu"}, accounts: s}, verify: &auth.Verifier{}}
			env := envelope(b, "alice@crepes.fr", "bob@hamburger.edu")
			env.Peer.Service = trace.ServiceSMTP
			text := "Message-ID: <1@crepes.fr>\r\nSubject: x\r\n\r\n" + strings.Repeat("0123456789\r\n", 100)
			b.ReportAllocs()
			for b.Loop() {
				env.ID = NewID()
				if _, err := p.Accept(b.Context(), env, strings.NewReader(text)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
