package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"glassmail/atomicfile"
	"glassmail/cmd/glassmail/cli"
	"glassmail/config"
	"glassmail/intercept"
	"glassmail/server"
	"glassmail/trace"
	"glassmail/web"
	"glassmail/web/api"
	"glassmail/wire"
)

// journeyBudget is how many bytes of journeys a node remembers.
const journeyBudget = 16 << 20

// page is the node's web server with its listeners; without any it does nothing.
type page struct {
	web       *web.Server
	journeys  *trace.Journeys
	listeners []net.Listener
	tokenFile string
	token     string // the operator's
	data      string // the data folder
	fresh     bool   // the token was made at this start
	ownToken  bool   // the file is ours, in the data folder
	secure    bool
	holds     bool // lines can be held
}

// watched is what the pages show.
type watched struct {
	node        *server.Node
	log         *trace.Log
	interceptor *intercept.Interceptor // nil: lines cannot be held
}

// newPage is a page that is not open.
func newPage(conf config.Config, holds bool) *page {
	p := &page{tokenFile: conf.Web.TokenFile, ownToken: conf.Web.TokenFile == "", secure: conf.Web.TLS, holds: holds, data: conf.Data}
	if p.ownToken {
		p.tokenFile = filepath.Join(conf.Data, "web-token")
	}
	return p
}

// open listens, and makes the web server if there is a listener. Failures while it
// runs are written to log.
func (p *page) open(ctx context.Context, conf config.Config, w watched, log *slog.Logger) error {
	if len(conf.Listen.Web) == 0 {
		return nil
	}
	err := p.listen(ctx, conf, w, log)
	if err != nil {
		p.close()
	}
	return err
}

func (p *page) listen(ctx context.Context, conf config.Config, w watched, log *slog.Logger) error {
	_, err := os.Stat(p.tokenFile)
	p.fresh = errors.Is(err, fs.ErrNotExist)
	p.token, err = readToken(p.tokenFile, p.ownToken, log)
	if err != nil {
		return fmt.Errorf("the operator's token of the web pages: %w", err)
	}
	local := true
	for _, addr := range conf.Listen.Web {
		l, err := wire.OS{}.Listen(ctx, addr)
		if err != nil {
			return wire.ListenError("the web page", addr, "--web", err)
		}
		if p.secure {
			l = w.node.ListenTLS(l)
		}
		p.listeners = append(p.listeners, l)
		local = local && config.IsLoopback(addr)
	}
	office := server.NewWebBackend(w.node)
	p.journeys = trace.NewJourneys(w.log, journeyBudget)
	p.web, err = web.New(web.Options{
		API: api.Options{
			Trace: w.log, Journeys: p.journeys, Hold: w.interceptor, Nodes: server.Describe(nil, w.node), Wording: conf.Wording, Version: version(),
			Mail: office, Queue: office, Users: office, Services: office, MaxMessage: office.MaxMessage(),
			Uploads: filepath.Join(conf.Data, "uploads"),
		},
		Health: w.node.Health, Connections: w.node.WebConnections(), Accounts: office, Token: p.token, Local: local, Secure: p.secure,
		Proxies: config.Prefixes(conf.Web.TrustedProxies), FailedLogins: conf.Limits.FailedLogins,
		Log: log,
	})
	if err == nil {
		w.node.StopWith(p.web.Shutdown)
	}
	return err
}

// Lengths of an operator's token, in characters.
const (
	shortestToken = 16
	longestToken  = 256
)

// readToken returns the token in a file, and makes the file if there is none or if
// it is empty. Only its owner can read it. A token that cannot be one, as half a
// file is, is replaced where the file is our own, and an error where the operator
// named it.
func readToken(file string, own bool, log *slog.Logger) (string, error) {
	b, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	token := strings.Trim(string(b), "\x00 \t\r\n") // zeros are what a power cut leaves
	switch {
	case err != nil:
	case token == "":
		log.Warn("the operator's token was empty: a new one was made", "file", file)
	case goodToken(token):
		return token, nil
	case !own:
		return "", fmt.Errorf("%s holds no token: one has %d to %d characters of ASCII on one line; delete the file, and a new one is made",
			file, shortestToken, longestToken)
	default:
		log.Warn("the operator's token was broken: a new one was made", "file", file)
	}
	token = rand.Text()
	return token, atomicfile.Write(file, []byte(token+"\n"), atomicfile.Private)
}

// goodToken reports whether s can be sent as a bearer token and is too long to be
// guessed.
func goodToken(s string) bool {
	for _, c := range []byte(s) {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return len(s) >= shortestToken && len(s) <= longestToken
}

func (p *page) serve(ctx context.Context, wg *sync.WaitGroup) {
	if p.web == nil {
		return
	}
	wg.Go(func() { p.journeys.Run(ctx) })
	for _, l := range p.listeners {
		wg.Go(func() { p.web.Serve(l) })
	}
}

func (p *page) close() {
	for _, l := range p.listeners {
		l.Close()
	}
	if p.web != nil {
		p.web.Close()
	}
}

// link is the address of the pages at a listener.
func (p *page) link(l net.Listener) string { return p.scheme() + l.Addr().String() }

func (p *page) scheme() string {
	if p.secure {
		return "https://"
	}
	return "http://"
}

// announce tells the operator the way in. A link that lets somebody in is written to
// a terminal, and at the very first start; into a log that others may read only that
// once, for it is good for a while.
func (p *page) announce(out io.Writer) {
	if p.web == nil {
		return
	}
	fmt.Fprintf(out, "The operator's token of the web pages is in %s.\n", p.tokenFile)
	if p.fresh || cli.OnTerminal(out) {
		fmt.Fprintf(out, "Log in as the operator, once, within a quarter of an hour:\n  %s\n", p.loginLink())
	}
	fmt.Fprintln(out, "Another such link: glassmail login --data", p.data)
}
