package smtpd

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"glassmail/mail"
	"glassmail/trace"
	"glassmail/wire"
)

// Options of a Server. Name and Backend are needed; everything else has a default.
type Options struct {
	Name        string           // the server's own domain name
	Backend     Backend          //
	Clock       wire.Clock       // for the times in envelopes; default wire.System
	Trace       *trace.Log       // nil is fine
	Interceptor wire.Interceptor // where lines can be held; nil is none
	TLS         *tls.Config      // nil: no STARTTLS
	Wording     Wording          // default Plain

	MaxSize       int64 // bytes of a message as it is stored; default 50 MiB
	MaxRecipients int   // of one message; default 100, the least that RFC 5321 §4.5.3.1.8 allows

	// Submission makes this a submission server (RFC 6409): AUTH is offered, and
	// MAIL needs it.
	Submission bool
	// Implicit begins TLS with the first byte (RFC 8314 §3.3). It needs TLS.
	Implicit bool
	// PlainLogin is from where AUTH is taken without TLS (RFC 4954 §4).
	PlainLogin wire.PlainLogin
	// Lenient lets a client on a loopback address that ends its DATA command in a
	// bare LF end the lines of its message so, and the message with LF . LF. What
	// was done is noted in the trace. It is meant for nc in the lab.
	Lenient bool
	// Local tells whether users of this node write from an address: in the trace, who
	// sends from one is a user agent. nil: nobody does.
	Local func(from mail.Address) bool
	// TraceText is the number of lines of each message's text that the trace
	// shows; of the rest it tells the size.
	TraceText int

	Limits Limits
}

// Limits bound what a client can take. 0 means the default.
type Limits struct {
	Connections int           // at one time; default 1000
	PerAddr     int           // connections at one time from one IP address; default 50
	Command     time.Duration // waiting for a command; default 5 minutes (RFC 5321 §4.5.3.2.7)
	Text        time.Duration // waiting for more of a message; default 5 minutes
	Write       time.Duration // waiting for the client to take replies; default 5 minutes
	Handshake   time.Duration // TLS; default 30 seconds
	Errors      int           // commands in error in one connection; default 1000
	Logins      int           // failed logins in one connection; default 5
	Grace       time.Duration // from the end of Serve's context to the cut; default 8 seconds
}

func (l *Limits) fill() {
	l.Connections = cmp.Or(l.Connections, 1000)
	l.PerAddr = cmp.Or(l.PerAddr, 50)
	l.Command = cmp.Or(l.Command, 5*time.Minute)
	l.Text = cmp.Or(l.Text, 5*time.Minute)
	l.Write = cmp.Or(l.Write, 5*time.Minute)
	l.Handshake = cmp.Or(l.Handshake, 30*time.Second)
	l.Errors = cmp.Or(l.Errors, 1000)
	l.Logins = cmp.Or(l.Logins, 5)
	l.Grace = cmp.Or(l.Grace, 8*time.Second)
}

// Server is one SMTP service of a node, in one role: a node that serves several
// ports with different rules has one Server for each. It may listen in several
// places.
type Server struct {
	opts     Options
	commands map[string]command
	base     context.Context // of all calls to the Backend
	cut      func()          // ends it

	open wire.Serving
}

// New wires a server; it does nothing before Serve.
func New(o Options) (*Server, error) {
	switch {
	case o.Name == "" || o.Backend == nil:
		return nil, errors.New("smtp server: a name and a backend are needed")
	case o.Implicit && o.TLS == nil:
		return nil, errors.New("smtp server: implicit TLS needs a certificate")
	}
	if o.Clock == nil {
		o.Clock = wire.System{}
	}
	if o.Wording == (Wording{}) {
		o.Wording = Plain()
	}
	o.MaxSize = cmp.Or(o.MaxSize, 50<<20)
	o.MaxRecipients = cmp.Or(o.MaxRecipients, 100)
	o.Limits.fill()
	s := &Server{opts: o, commands: commands()}
	s.open.Conns.Clock = wire.Deadlines(o.Clock) // a lab that jumps makes nobody quiet
	s.base, s.cut = context.WithCancel(context.Background())
	return s, nil
}

// Serve serves the clients of inner until Shutdown, or until ctx ends, which is a
// Shutdown with Limits.Grace. It returns nil when that is done, else the error
// of the listener. It may run for several listeners at once.
func (s *Server) Serve(ctx context.Context, inner net.Listener) error {
	l := wire.NewListener(inner, wire.Deadlines(s.opts.Clock), wire.Limits{
		Total: s.opts.Limits.Connections, PerAddr: s.opts.Limits.PerAddr, Conns: &s.open.Conns,
	}, s.tooMany)
	stop := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.Background(), s.opts.Limits.Grace)
		defer cancel()
		s.Shutdown(grace)
	})
	defer stop()
	if err := s.open.Serve(l, s.handle); err != nil {
		return fmt.Errorf("smtp server on %s: %w", inner.Addr(), err)
	}
	<-s.base.Done()
	return nil
}

// Shutdown stops accepting, tells each client 421 between two of its commands (a
// message under way is finished), and waits. When ctx ends it cuts the
// connections that are left; see wire.Listener for what it gives up.
func (s *Server) Shutdown(ctx context.Context) wire.Ended {
	defer s.cut()
	defer context.AfterFunc(ctx, s.cut)()
	return s.open.Shutdown(ctx)
}

// Listening tells how each listener is that is served.
func (s *Server) Listening() []wire.Listening { return s.open.Listening() }

// Clients are the connections that are open.
func (s *Server) Clients() []wire.Client { return s.open.Conns.Clients() }

// Cut ends a connection because the operator wishes it: with 421 between two
// commands, see wire.Conns.
func (s *Server) Cut(conn uint64) bool { return s.open.Conns.Cut(conn) }

// CutAccount ends all connections of a user in the same way.
func (s *Server) CutAccount(account string) { s.open.Conns.CutAccount(account) }

// parting is why a connection is asked to end between two commands.
func (s *Server) parting() (*mail.Reply, string) {
	if s.open.Stopping() {
		return mail.NewReply(421, mail.Enhanced{4, 3, 2}, "%s is going down, closing connection", s.opts.Name), "the server is stopping"
	}
	return mail.NewReply(421, mail.Enhanced{4, 3, 2}, "%s closes this connection at the operator's wish", s.opts.Name), "the operator cut the connection"
}

// refuse tells a client that there are too many (RFC 5321 §3.8, RFC 7504).
func (s *Server) refuse(c net.Conn) {
	if s.opts.Implicit {
		return
	}
	io.WriteString(c, "421 "+s.opts.Name+" too many connections, try again later\r\n")
}

// handle leads one client from greeting to farewell.
func (s *Server) handle(nc net.Conn) {
	ctx, cancel := context.WithCancel(s.base)
	defer cancel()
	log := s.opts.Trace.Open(s.opts.Name, trace.SMTP, nc.LocalAddr().String(), nc.RemoteAddr().String())
	conn := wire.NewConn(nc, wire.Timeouts{Write: s.opts.Limits.Write, Handshake: s.opts.Limits.Handshake}, log)
	conn.Intercept(s.opts.Interceptor)
	defer s.open.Conns.Leave(conn)
	if !s.open.Enter(conn, nc, s.opts.Clock.Now()) {
		s.refuse(nc)
		log.Close("the server is stopping")
		return
	}
	c := &serverConn{srv: s, conn: conn, log: log, ctx: ctx, giveUp: cancel, peer: mail.Peer{
		Addr: wire.AddrPort(nc.RemoteAddr()), Submission: s.opts.Submission, Service: s.service(),
		Conn: log.ID(), Time: s.opts.Clock.Now(),
	}, plainLogin: s.opts.PlainLogin.Allows(wire.AddrPort(nc.LocalAddr()).Addr(), wire.RemoteIP(nc))}
	c.begin()
	c.lingering()
	conn.Close()
	log.Close(cmp.Or(c.why, "the client left"))
}
