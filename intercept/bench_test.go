package intercept_test

import (
	"testing"
	"time"

	"glassmail/intercept"
	"glassmail/trace"
	"glassmail/wire"
	"glassmail/wire/wiretest"
)

// BenchmarkTurn is a command and its reply at a connection that keeps a transcript, as
// servers do: without an interceptor, with an interceptor at which nothing waits, and with one that
// looks for another line.
func BenchmarkTurn(b *testing.B) {
	turn := func(b *testing.B, g wire.Interceptor) {
		log := trace.NewLog(1000, time.Now).Open("crepes.fr", trace.SMTP, "192.0.2.25:25", "198.51.100.7:4711")
		f := wire.NewConn(&wiretest.Endless{Line: "MAIL FROM:<alice@crepes.fr>\r\n"}, wire.Timeouts{Write: patience}, log)
		f.Intercept(g)
		ok := []byte("250 2.1.0 Ok\r\n")
		b.ReportAllocs()
		for b.Loop() {
			line, err := f.ReadLine(patience, true, 1000)
			if err != nil {
				b.Fatal(err)
			}
			if g := f.Interception(); g != nil && g.Command("MAIL", string(line), false).Action != wire.Pass {
				b.Fatal("not passed")
			}
			log.Line(trace.Client, string(line))
			if g := f.Interception(); g != nil && g.Reply(string(ok)).Action != wire.Pass {
				b.Fatal("not passed")
			}
			log.Line(trace.Server, string(ok))
			if err := f.Send(ok); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("none", func(b *testing.B) { turn(b, nil) })
	idle := intercept.New(intercept.Options{Clock: wire.System{}})
	b.Run("idle", func(b *testing.B) { turn(b, idle) })
	looking := intercept.New(intercept.Options{Clock: wire.System{}})
	if _, err := looking.AddBreakpoint(intercept.Breakpoint{Where: intercept.Where{Command: "QUIT"}}); err != nil {
		b.Fatal(err)
	}
	b.Run("looking", func(b *testing.B) { turn(b, looking) })
}
