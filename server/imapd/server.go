package imapd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"glassmail/mail"
	"glassmail/mailbox"
	"glassmail/trace"
	"glassmail/wire"
)

// Backend is what the server needs of the node. Methods are safe for concurrent
// use and obey their context.
type Backend interface {
	mailbox.Store
	// Login checks a password and returns the account, in the form in which it
	// names a user in the methods of Store. A refusal is a *mail.Reply of 5xx or
	// mailbox.ErrNotFound; any other error says that it could not be checked now.
	Login(ctx context.Context, user, password string, peer mail.Peer) (account string, err error)
	// Append stores a message in a folder of the account and returns when readers
	// can see it. size is what the client announced, in bytes; text can be longer,
	// by a CR for each line that came without. text ends with io.EOF after the
	// whole message; any other error of text means that nothing may be stored.
	// Errors: those of mailbox, *mail.Reply.
	Append(ctx context.Context, d mailbox.Delivery, size int64, text io.Reader) (mailbox.Appended, error)
}

// Options say what a Server is. Zero durations and counts stand for the defaults.
type Options struct {
	Name        string // the server's host name, in the greeting
	Host        wire.Host
	Backend     Backend
	Trace       *trace.Log       // nil is fine
	Interceptor wire.Interceptor // where lines can be held; nil is none
	TLS         *tls.Config      // nil: neither STARTTLS nor ServeTLS

	// PlainLogin is from where passwords are taken without TLS (RFC 9051 §11.1 forbids
	// it outside a protected network).
	PlainLogin wire.PlainLogin

	WatchTime   time.Duration // after which the client of a command is watched; default half a second
	Limits      wire.Limits   // of each listener
	AppendLimit uint32        // bytes of one APPEND (RFC 7889); default 50 MiB
	LoginTime   time.Duration // from connection to login, whole; default 2 min
	IdleTime    time.Duration // without a byte after login; default 31 min, RFC 9051 §5.4
	WriteTime   time.Duration // for the client to take what is sent; default 2 min
	Handshake   time.Duration // for TLS; default 30 s
	Failures    int           // refused logins before BYE; default 4
	Delay       time.Duration // after the first refused login, then doubling; default 1 s
}

func (o *Options) fill() {
	fill(&o.AppendLimit, 50<<20)
	fill(&o.LoginTime, 2*time.Minute)
	fill(&o.IdleTime, 31*time.Minute)
	fill(&o.WriteTime, 2*time.Minute)
	fill(&o.Handshake, 30*time.Second)
	fill(&o.Failures, 4)
	fill(&o.Delay, time.Second)
}

func fill[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// Server serves IMAP on any number of listeners.
type Server struct {
	o    Options
	base context.Context // of all sessions; ends when they are cut
	cut  context.CancelFunc
	quit context.Context // ends when Shutdown begins
	stop context.CancelFunc
	open wire.Serving
}

// New wires a server. Shutdown ends it.
func New(o Options) (*Server, error) {
	if o.Name == "" || o.Host == nil || o.Backend == nil {
		return nil, errors.New("imap server: name, host and backend are needed")
	}
	o.fill()
	s := &Server{o: o}
	s.open.Conns.Clock = wire.Deadlines(o.Host.Clock()) // a lab that jumps makes nobody quiet
	s.quit, s.stop = context.WithCancel(context.Background())
	s.base, s.cut = context.WithCancel(context.Background())
	return s, nil
}

// Serve accepts connections in plain text until ctx ends, Shutdown is called
// (nil) or the listener fails. Connections then go on: see Shutdown.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error { return s.serve(ctx, ln, false) }

// ServeTLS is Serve for connections that begin with TLS (RFC 8314 §3.2).
func (s *Server) ServeTLS(ctx context.Context, ln net.Listener) error {
	if s.o.TLS == nil {
		ln.Close()
		return errors.New("imap server: no certificate for TLS")
	}
	return s.serve(ctx, ln, true)
}

func (s *Server) serve(ctx context.Context, ln net.Listener, secure bool) error {
	limits := s.o.Limits
	limits.Conns = &s.open.Conns
	l := wire.NewListener(ln, wire.Deadlines(s.o.Host.Clock()), limits, func(c net.Conn) {
		s.tellTooMany(c)
		if !secure {
			io.WriteString(c, "* "+tooMany+"\r\n")
		}
	})
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	return s.open.Serve(l, func(c net.Conn) { s.handle(c, secure) })
}

// Shutdown stops accepting, says BYE to each client at its next command boundary
// or in IDLE, and waits. When ctx ends the rest is cut; see wire.Listener for what
// it gives up. A Server serves only until Shutdown.
func (s *Server) Shutdown(ctx context.Context) wire.Ended {
	s.stop()
	defer s.cut()
	defer context.AfterFunc(ctx, s.cut)()
	return s.open.Shutdown(ctx)
}

// Listening tells how each listener is that is served.
func (s *Server) Listening() []wire.Listening { return s.open.Listening() }

// Clients are the connections that are open.
func (s *Server) Clients() []wire.Client { return s.open.Conns.Clients() }

// Cut ends a connection because the operator wishes it: with BYE between two
// commands or in IDLE, see wire.Conns.
func (s *Server) Cut(conn uint64) bool { return s.open.Conns.Cut(conn) }

// CutAccount ends all connections of a user in the same way.
func (s *Server) CutAccount(account string) { s.open.Conns.CutAccount(account) }

// parting is why a connection is asked to end between two commands.
func (s *Server) parting() string {
	if s.open.Stopping() {
		return "The server is stopping"
	}
	return "The operator cut the connection"
}

// handle serves one connection to its end.
func (s *Server) handle(raw net.Conn, secure bool) {
	log := s.o.Trace.Open(s.o.Name, trace.IMAP, raw.LocalAddr().String(), raw.RemoteAddr().String())
	w := wire.NewConn(raw, wire.Timeouts{Write: s.o.WriteTime, Handshake: s.o.Handshake, Watch: s.o.WatchTime}, log)
	w.Intercept(s.o.Interceptor)
	why := "closed"
	defer func() {
		w.Close()
		log.Close(why)
	}()
	if !s.open.Enter(w, raw, s.o.Host.Clock().Now()) {
		w.Stop()
	}
	defer s.open.Conns.Leave(w)
	if secure {
		if err := w.Handshake(s.o.TLS); err != nil {
			why = "TLS handshake failed: " + err.Error()
			return
		}
	}
	ctx, cancel := context.WithCancel(s.base)
	login := newLoginLimit(s, w, raw)
	defer login.end()
	defer cancel()
	defer func() {
		if v := recover(); v != nil { // one client's fault is not all the others'
			log.Note(fmt.Sprintf("panic: %v", v))
		}
	}()
	f := &serverConn{conn: w, raw: raw, srv: s, ctx: ctx, giveUp: cancel, login: login, secure: secure,
		plainLogin: s.o.PlainLogin.Allows(wire.AddrPort(raw.LocalAddr()).Addr(), wire.RemoteIP(raw))}
	f.session = &session{srv: s, conn: f, ctx: ctx}
	f.serve()
	why = f.closed
}
