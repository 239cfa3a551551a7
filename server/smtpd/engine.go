package smtpd

import (
	"context"
	"fmt"
	"net"
	"sync"

	"github.com/emersion/go-smtp"

	"glassmail/mail"
	"glassmail/trace"
)

// What the engine is told. It learns that a command came, never what it says: its
// own parsers are lenient where they must not be.
const (
	engineName  = "x"
	engineHelo  = "HELO x\r\n"
	engineEhlo  = "EHLO x\r\n"
	engineMail  = "MAIL FROM:<x@x>\r\n"
	engineRcpt  = "RCPT TO:<x@x>\r\n"
	engineData  = "DATA\r\n"
	engineEnd   = ".\r\n" // of an empty message, to the engine
	engineReset = "RSET\r\n"
	engineQuit  = "QUIT\r\n"
	engineAuth  = "AUTH "
)

// rewrite is what becomes of a reply of the engine.
type rewrite struct {
	code     int
	enhanced mail.Enhanced
	text     string // a wording
	more     bool   // lines follow
}

// rewrites maps each line the engine can write in a good session to what the
// client sees. A test runs the engine alone and holds it to these lines; lines
// that are not here are refusals, which the session has worded.
func rewrites(w Wording) map[string]rewrite {
	return map[string]rewrite{
		"220 x ESMTP Service Ready":                          {code: 220, text: w.Greeting},
		"250 2.0.0 Hello x":                                  {code: 250, text: w.Helo},
		"250-Hello x":                                        {code: 250, text: w.Ehlo, more: true},
		"250 2.0.0 Roger, accepting mail from <x@x>":         {code: 250, enhanced: mail.Enhanced{2, 1, 0}, text: w.Sender},
		"250 2.0.0 I'll make sure <x@x> gets this":           {code: 250, enhanced: mail.Enhanced{2, 1, 5}, text: w.Recipient},
		"354 Go ahead. End your data with <CR><LF>.<CR><LF>": {code: 354, text: w.Data},
		"250 2.0.0 OK: queued":                               {code: 250, enhanced: mail.Enhanced{2, 0, 0}, text: w.Accepted},
		"250 2.0.0 Session reset":                            {code: 250, enhanced: mail.Enhanced{2, 0, 0}, text: w.Reset},
		"221 2.0.0 Bye":                                      {code: 221, enhanced: mail.Enhanced{2, 0, 0}, text: w.Bye},
		"235 2.0.0 Authentication succeeded":                 {code: 235, enhanced: mail.Enhanced{2, 7, 0}, text: w.Authenticated}, // RFC 4954 §6
		"501 5.0.0 Negotiation cancelled":                    {code: 501, enhanced: mail.Enhanced{5, 7, 0}, text: "Authentication cancelled"},
		"454 4.7.0 Invalid base64 data":                      {code: 501, enhanced: mail.Enhanced{5, 5, 2}, text: "That is not base64"}, // RFC 4954 §4
		"421 4.0.0 Internal server error":                    {code: 421, enhanced: mail.Enhanced{4, 3, 0}, text: "{host} local trouble, closing connection"},
	}
}

// engine runs one smtp.Server on connections it is handed.
type engine struct {
	server *smtp.Server
	in     chan *stage
	done   chan struct{}
	close  func()
	once   sync.Once // of stop
	wg     sync.WaitGroup
}

// newEngine makes the engine of plain text connections or, if secure, that of
// connections inside TLS. The two differ in what EHLO lists.
func (s *Server) newEngine(secure bool) *engine {
	e := &engine{in: make(chan *stage), done: make(chan struct{})}
	e.close = sync.OnceFunc(func() { close(e.done) })
	lib := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &session{c.Conn().(*stage).conn}, nil
	}))
	lib.Domain = engineName
	lib.MaxLineLength = 0 // conn has its own limits
	lib.MaxRecipients = s.opts.MaxRecipients
	lib.EnableSMTPUTF8, lib.EnableDSN = true, true
	lib.AllowInsecureAuth = secure || !s.opts.AuthRequiresTLS
	if !secure {
		lib.TLSConfig = s.opts.TLS // so that STARTTLS is listed; conn answers it
	}
	lib.ErrorLog = faults{s.opts.Trace, s.opts.Name}
	e.server = lib
	return e
}

// start begins to serve.
func (e *engine) start() {
	e.wg.Add(1)
	go func() {
		defer e.wg.Done()
		e.server.Serve(e) // ends when e is closed
	}()
}

// run lets the engine lead c until it lets go of it.
func (e *engine) run(c *conn) {
	st := &stage{conn: c, left: make(chan struct{})}
	c.stage = st
	select {
	case e.in <- st:
		<-st.left
	case <-e.done:
	}
}

// stop waits for all goroutines of the engine. Its connections have ended before.
// smtp.Server.Shutdown panics when it is called twice at once.
func (e *engine) stop() {
	e.once.Do(func() {
		e.server.Shutdown(context.Background())
		e.close()
		e.wg.Wait()
	})
}

// Accept hands the engine its next connection.
func (e *engine) Accept() (net.Conn, error) {
	select {
	case st := <-e.in:
		return st, nil
	case <-e.done:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (e *engine) Close() error {
	e.close()
	return nil
}

// Addr is nowhere.
func (e *engine) Addr() net.Addr { return nowhere{} }

type nowhere struct{}

func (nowhere) Network() string { return "engine" }
func (nowhere) String() string  { return "engine" }

// faults puts what the engine complains about (panics) into the trace.
type faults struct {
	log  *trace.Log
	node string
}

// Printf notes a complaint.
func (f faults) Printf(format string, v ...any) { f.note(fmt.Sprintf(format, v...)) }

// Println notes a complaint.
func (f faults) Println(v ...any) { f.note(fmt.Sprint(v...)) }

func (f faults) note(text string) {
	f.log.Add(trace.Event{Node: f.node, Proto: trace.SMTP, Kind: trace.Note, Dir: trace.Self, Text: text})
}
