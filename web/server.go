// Package web is the window of a node or a lab: pages rendered here, the modules
// and styles they load, and the calls of web/api behind them.
//
// Who may do what is decided here, before any call is reached. In a lab on loopback
// addresses everybody on this machine may look and change; anywhere else an operator
// presents a token, to look and to change, and a reader of mail logs in with the
// account's password. Pages load nothing from elsewhere, and nothing else
// can load, frame or call them.
package web

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/net/netutil"

	"glassmail/auth"
	"glassmail/catalogue"
	"glassmail/web/api"
)

// Accounts checks the passwords of readers of mail.
type Accounts interface {
	// Login returns the account's canonical address. ok is false for a wrong name
	// or password; an error is a failure of ours.
	Login(ctx context.Context, peer netip.Addr, account, password string) (address string, ok bool, err error)
	// CredentialVersion is another after each change of the account's password, by whomever it
	// was made, and "" when there is no such account. It takes the names that Login
	// takes and is asked with every request, so it has to be quick.
	CredentialVersion(ctx context.Context, account string) (string, error)
}

// Options are what a Server shows, to whom.
type Options struct {
	API api.Options
	// Connections is how many connections each listener takes; 0 means 512.
	Connections int
	Health      func() []api.Part // how the parts of the node are; nil: it has none that can fail
	// Token is what an operator presents: as a bearer token, as ?token= of a
	// reading call, or at the login page. "" lets nobody in.
	Token string
	// Local says that every listener is a loopback address: then the server answers
	// programs of this machine under the names of this machine only, and Lab has a
	// meaning.
	Local bool
	// Lab lets every program of this machine look and change without a login, if
	// Local. For labs only.
	Lab bool
	// Proxies are the networks of the proxies that are believed when they say for
	// whom they hand a request on.
	Proxies []netip.Prefix
	// FailedLogins are how many wrong tokens of one address there may be in
	// mailbox.FailureWindow; 0 is mailbox.FailuresOfPair. Passwords are counted by
	// Accounts.
	FailedLogins int
	Accounts     Accounts         // nil: nobody can log in as a reader of mail
	Secure       bool             // the listeners speak TLS
	Language     string           // of pages whose reader has chosen none; "" is the browser's
	Now          func() time.Time // nil is the system's clock
	Log          *slog.Logger     // of failures of ours; nil drops them
}

// Server answers HTTP requests.
type Server struct {
	o        Options
	api      *api.API
	http     http.Server
	ended    context.Context // of event streams
	stop     context.CancelFunc
	conns    connections
	assets   *assets
	pages    *pages
	sessions *sessions
	links    *onces
	guesses  *auth.Attempts // of the operator's token
	recheck  time.Duration  // between looks at whether a stream may go on

	proxyMu sync.Mutex
	proxies map[netip.Addr]bool // not trusted, and noted
}

// Bounds of a Server.
const (
	maxConnections = 512             // at one time, each listener
	patience       = time.Minute     // for reading a request, working for it, and writing the answer
	lastWords      = 5 * time.Second // more, to tell that it took too long
	recheckTime    = 5 * time.Second
)

// New makes a server.
func New(o Options) (*Server, error) {
	o.Connections = cmp.Or(o.Connections, maxConnections)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{o: o, api: api.New(o.API), sessions: newSessions(o.Now), links: newOnces(o.Now), guesses: auth.NewAttempts(o.Now, o.FailedLogins), recheck: recheckTime,
		proxies: map[netip.Addr]bool{}, conns: connections{open: map[net.Conn]http.ConnState{}}}
	if o.API.Uploads != "" {
		if err := api.ClearUploads(o.API.Uploads); err != nil {
			return nil, err
		}
	}
	texts, err := catalogue.New()
	if err != nil {
		return nil, err
	}
	if s.assets, err = newAssets(texts.Languages(), texts.JSON); err != nil {
		return nil, err
	}
	names := make([]string, len(o.API.Nodes))
	for i, n := range o.API.Nodes {
		names[i] = n.Name
	}
	if s.pages, err = newPages(texts, s.assets, names, o); err != nil {
		return nil, err
	}
	s.ended, s.stop = context.WithCancel(context.Background())
	s.http = http.Server{
		Handler:           headers(s.place(s.mux())),
		ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug), ConnState: s.conns.changed,
	}
	return s, nil
}

// Routes lists the calls of the API with those of logging in.
func (s *Server) Routes() []api.Route {
	return append(s.loginRoutes(), s.api.Routes()...)
}

func (s *Server) mux() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", s.alive)
	mux.HandleFunc("GET /readyz", s.ready)
	metrics := s.api.Metrics()
	mux.HandleFunc(metrics.Method+" "+metrics.Path, s.call(metrics))
	for _, r := range s.Routes() {
		mux.HandleFunc(r.Method+" "+api.Prefix+r.Path, s.call(r))
	}
	mux.HandleFunc(api.Prefix+"/", s.call(api.Route{Handle: func(c *api.Call) error {
		return &api.Error{Status: http.StatusNotFound, Text: "there is no such call; see " + api.Prefix + "/openapi.json"}
	}}))
	mux.Handle("GET /static/", s.assets)
	for _, p := range s.pages.shown {
		path := p.path
		if path == "/" {
			path = "/{$}"
		}
		mux.HandleFunc("GET "+path, s.page(p))
	}
	mux.HandleFunc("GET /login", s.showLogin)
	mux.HandleFunc("POST /login", s.postLogin)
	return mux
}

// Handler answers requests, for servers that are not Serve's.
func (s *Server) Handler() http.Handler { return s.http.Handler }

// Serve answers on l until Shutdown or Close; then it returns nil.
func (s *Server) Serve(l net.Listener) error {
	l = newFairListener(netutil.LimitListener(l, s.o.Connections), s.o.Proxies, s.o.Connections/2)
	if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// headers keeps pages from loading, or being framed or read by, anything else, and
// requests from taking for ever.
// Frames of our own show messages; they set a stricter policy themselves.
func headers(next http.Handler) http.Handler {
	const policy = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data: blob:; connect-src 'self'; " +
		"frame-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
		h.Set("Cache-Control", "no-store")
		limit(w, patience)
		next.ServeHTTP(w, r)
	})
}

// limit bounds how long a client may take to send the rest of its request and to
// take the answer.
func limit(w http.ResponseWriter, d time.Duration) {
	out := http.NewResponseController(w)
	out.SetReadDeadline(time.Now().Add(d))
	out.SetWriteDeadline(time.Now().Add(d))
}
