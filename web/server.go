// Package web is the window of a node: a page that shows the dialogue as it
// happens, the stream of events behind it, and the health checks.
//
// It is read-only. On a loopback address everybody on this machine may look; on
// any other address a token is required. Pages load nothing from elsewhere.
package web

import (
	"context"
	"crypto/subtle"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/netutil"

	"glassmail/trace"
)

//go:embed static
var static embed.FS

// Options are what a Server shows.
type Options struct {
	Trace *trace.Log
	Nodes []string    // names, for the title
	Ready func() bool // whether the node takes mail; nil means always
	// Token that a reader must present, as ?token= or as a bearer token; "" asks
	// for none, which is right on loopback only.
	Token string
}

// Server answers HTTP requests.
type Server struct {
	o       Options
	http    http.Server
	stop    context.CancelFunc // ends event streams
	streams chan struct{}      // holds one entry for each stream under way
}

// Bounds of a Server.
const (
	maxStreams     = 32  // event streams at one time; more are told 503
	maxConnections = 256 // connections at one time, each listener
)

// New makes a server.
func New(o Options) *Server {
	s := &Server{o: o, streams: make(chan struct{}, maxStreams)}
	streams, stop := context.WithCancel(context.Background())
	s.stop = stop
	files, _ := fs.Sub(static, "static") // cannot fail: the name is valid
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", s.ready)
	mux.HandleFunc("GET /api/v1/events", s.guard(func(w http.ResponseWriter, r *http.Request) { s.events(streams, w, r) }))
	mux.HandleFunc("GET /api/v1/node", s.guard(s.node))
	mux.HandleFunc("GET /", s.guard(http.FileServerFS(files).ServeHTTP))
	s.http = http.Server{
		Handler:           headers(mux),
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 16 << 10,
	}
	return s
}

// Serve answers on l until Close; then it returns nil.
func (s *Server) Serve(l net.Listener) error {
	l = netutil.LimitListener(l, maxConnections)
	if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Close ends all streams and requests.
func (s *Server) Close() error {
	s.stop()
	return s.http.Close()
}

func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	if s.o.Ready != nil && !s.o.Ready() {
		http.Error(w, "not ready", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ready")
}

// headers keeps pages from loading, or being framed by, anything else.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// guard lets readers in who hold the token, or, without one, who asked for this
// machine by a name that no other site can have: so a page from elsewhere cannot
// look in by letting its own name point to 127.0.0.1.
func (s *Server) guard(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case s.o.Token == "" && !isLocalName(r.Host):
			http.Error(w, "open this page as http://127.0.0.1 or http://localhost", http.StatusForbidden)
		case s.o.Token != "" && !s.hasToken(r):
			http.Error(w, "the token is missing or wrong: append ?token=… as the node printed it at its start", http.StatusUnauthorized)
		case !sameOrigin(r):
			http.Error(w, "requests from other sites are refused", http.StatusForbidden)
		default:
			if s.o.Token != "" { // for what the page loads and for its stream
				http.SetCookie(w, &http.Cookie{Name: "token", Value: s.o.Token, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
			}
			next(w, r)
		}
	}
}

func (s *Server) hasToken(r *http.Request) bool {
	given := r.URL.Query().Get("token")
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		given = bearer
	}
	if c, err := r.Cookie("token"); err == nil && given == "" {
		given = c.Value
	}
	return subtle.ConstantTimeCompare([]byte(given), []byte(s.o.Token)) == 1
}

func sameOrigin(r *http.Request) bool {
	o := r.Header.Get("Origin")
	return o == "" || o == "http://"+r.Host || o == "https://"+r.Host
}

func isLocalName(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
