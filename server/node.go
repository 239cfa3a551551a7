package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"glassmail/atomicfile"
	"glassmail/auth"
	"glassmail/config"
	"glassmail/control"
	"glassmail/mail"
	"glassmail/mailbox"
	"glassmail/queue"
	"glassmail/server/imapd"
	"glassmail/store/bolt"
	"glassmail/trace"
	"glassmail/wire"
)

// StopTime is how long a node that stops lets its clients finish.
const StopTime = 8 * time.Second

// lastResort is how much longer anything may take, before the store is closed all
// the same: glassmail promises to stop within ten seconds.
const lastResort = 1500 * time.Millisecond

// Options are what a node is made of.
type Options struct {
	Config      config.Config
	Host        wire.Host
	Resolver    queue.Resolver
	Trace       *trace.Log       // nil is fine
	Interceptor wire.Interceptor // where lines can be held; nil is none
	// Users are created when they are missing: address to password, "" for one that
	// Password is asked for.
	Users    map[string]string
	Password func(address string) (string, error)
	// Lab eases what only a lab may: passwords without TLS, sending without
	// login from an address of the node, bare LF from nc on this machine.
	Lab bool
	// Authority makes the node's certificate; nil opens data/tls.
	Authority *wire.Authority
	// Calls are answered to commands besides the node's own, see AskNode. None comes
	// before Run.
	Calls control.Table
	// Log hears what an operator should know; nil drops it.
	Log *slog.Logger

	fs bolt.FS // below the store; nil is the system's, tests put faults there
}

// Node is one mail server.
type Node struct {
	o        Options
	log      *slog.Logger
	name     string
	store    *bolt.Store
	backend  *backend
	queue    *queue.Runner
	imap     *imapd.Server
	control  *control.Server
	services []*service
	stops    []func(context.Context) wire.Ended // of the servers behind them
	webTLS   *tls.Config
	running  atomic.Bool
	health   health
	shares   shares
	listens  []netip.AddrPort // every listener of the mail services
}

// New opens the store and the listeners of a node. When it returns, clients can
// connect; they are served from Run on. A node that is not run is closed with
// Close.
func New(ctx context.Context, o Options) (*Node, error) {
	if err := o.Config.Validate(); err != nil {
		return nil, fmt.Errorf("configuration:\n%w", err)
	}
	n := &Node{o: o, name: o.Config.HostName(), log: o.Log}
	if n.log == nil {
		n.log = slog.New(slog.DiscardHandler)
	}
	if err := n.open(ctx); err != nil {
		n.Close()
		return nil, err
	}
	return n, nil
}

func (n *Node) open(ctx context.Context) error {
	for _, step := range []func(context.Context) error{n.openStore, n.openPost, n.addUsers, n.openQueue, n.openServices, n.openControl} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (n *Node) openStore(ctx context.Context) error {
	s, err := openStore(&n.o.Config, bolt.Options{Now: n.o.Host.Clock().Now, FS: n.o.fs})
	n.store, n.health.store = s, s
	return err
}

// OpenStore opens the store of a configuration: a node's, or that of a command
// while no node runs.
func OpenStore(c *config.Config, now func() time.Time) (*bolt.Store, error) {
	return openStore(c, bolt.Options{Now: now})
}

func openStore(c *config.Config, o bolt.Options) (*bolt.Store, error) {
	if err := atomicfile.MkdirAll(c.Data, 0o700); err != nil {
		return nil, explainOpen(c.Data, fmt.Errorf("data folder: %w", err))
	}
	if c.Store.Ack == "index" {
		o.Ack = bolt.Index
	}
	s, err := bolt.Open(c.Data, o)
	return s, explainOpen(c.Data, err)
}

func (n *Node) openPost(ctx context.Context) error {
	verify, err := auth.NewVerifier(runtime.NumCPU(), n.o.Host.Clock().Now)
	if err != nil {
		return err
	}
	dir := &directory{accounts: n.store}
	for _, d := range n.o.Config.Domains {
		dir.domains = append(dir.domains, mail.Address{Domain: d}.Route())
	}
	n.backend = &backend{
		name: n.name, dir: dir, store: n.store, verify: verify,
		trace: n.o.Trace, clock: n.o.Host.Clock(), open: n.o.Lab,
		anyFrom: n.o.Lab || n.o.Config.Submission.From == "any", // a lab shows how a From is forged
	}
	if !n.o.Lab { // a class may sit behind one address, and there is nothing to steal
		n.backend.guesses = auth.NewAttempts(n.o.Host.Clock().Now, n.o.Config.Limits.FailedLogins)
	}
	return nil
}

func (n *Node) addUsers(ctx context.Context) error {
	for address, password := range n.o.Users {
		if err := n.addUser(ctx, address, password); err != nil && !errors.Is(err, mailbox.ErrExists) {
			return fmt.Errorf("user %s: %w", address, err)
		}
	}
	return nil
}

func (n *Node) addUser(ctx context.Context, address, password string) error {
	if password == "" && n.o.Password != nil {
		_, err := n.backend.dir.account(ctx, address)
		if !errors.Is(err, mailbox.ErrNotFound) {
			return err // it is there, and nobody need be asked
		}
		if password, err = n.o.Password(address); err != nil {
			return err
		}
	}
	return n.Admin().AddAccount(ctx, address, password, 0)
}

// Admin works on the node's data.
func (n *Node) Admin() Admin {
	return &admin{store: n.store, now: n.o.Host.Clock().Now, dir: n.backend.dir, end: n.endSessions}
}

func (n *Node) openQueue(ctx context.Context) error {
	r := n.o.Config.Relay
	var conf *tls.Config
	if n.o.Authority != nil { // the lab's servers trust one another's certificates
		conf = &tls.Config{RootCAs: n.o.Authority.Pool(), MinVersion: tls.VersionTLS12}
	}
	var err error
	n.queue, err = queue.New(queue.Options{
		Name: n.name, Names: n.o.Config.Domains, Store: outgoing{Store: n.store, post: n.backend},
		Resolver: n.o.Resolver, Host: n.o.Host, Trace: n.o.Trace, Interceptor: n.o.Interceptor,
		Port: uint16(r.Port), Reach: n.reach(), TLS: tlsPolicy(r.TLS), TLSConfig: conf,
		Retry:   queue.RetrySchedule{First: time.Duration(r.FirstRetry), Cap: time.Duration(r.MaxRetry), Expire: time.Duration(r.Expire)},
		Workers: r.Workers, PerDest: r.PerDomain, Lease: leaseAt(n.o.Interceptor),
	})
	if err == nil {
		n.health.queue = n.queue.Working
	}
	return err
}

// reach is to which addresses the relay goes. In a lab, whose internet is in this
// process, it is all of them.
func (n *Node) reach() *wire.Reach {
	if n.o.Lab {
		return nil
	}
	r := n.o.Config.Relay
	return &wire.Reach{
		Private: r.Private, Networks: config.Prefixes(r.Allow),
		Own: func(to netip.AddrPort) bool { return wire.Listens(n.listens, to) },
	}
}

// leaseAt is how long an attempt may take; 0 is the queue's default. Where lines can
// be held it does not end by time, neither by waits at the interceptor nor by a jump of the
// clock: the message would be tried twice at once.
func leaseAt(g wire.Interceptor) time.Duration {
	if g == nil {
		return 0
	}
	return 100 * 365 * 24 * time.Hour
}

func tlsPolicy(word string) queue.TLSPolicy {
	return map[string]queue.TLSPolicy{"opportunistic": queue.Opportunistic, "require": queue.Always, "none": queue.Never}[word]
}

// openControl comes last: a command that finds the socket finds a whole node.
func (n *Node) openControl(ctx context.Context) (err error) {
	if err := control.Check(filepath.Join(n.o.Config.Data, controlFile)); err != nil {
		n.log.Warn("the file by which commands find the node was broken: it is made again", "error", err)
	}
	n.control, err = newControl(n.o.Config.Data, n.Admin(), n.o.Calls)
	return err
}

// Name is what the node calls itself.
func (n *Node) Name() string { return n.name }

// Running reports whether the node serves.
func (n *Node) Running() bool { return n.running.Load() }

// Addrs tells where a service listens, by its key in the configuration.
func (n *Node) Addrs(key string) []string {
	var out []string
	for _, s := range n.services {
		if s.key != key {
			continue
		}
		for _, l := range s.listeners {
			out = append(out, l.Addr().String())
		}
	}
	return out
}

// Run serves until ctx ends. Then it stops accepting, lets clients finish for
// StopTime, gives back to the queue what is under way, and closes the store. It
// returns nil after an orderly end.
func (n *Node) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	start := func(what string, run func() error) {
		wg.Go(func() {
			if err := run(); err != nil {
				cancel(fmt.Errorf("%s: %w", what, err))
			}
		})
	}
	for _, s := range n.services {
		for _, l := range s.listeners {
			start(s.key, func() error { return s.serve(ctx, l) })
		}
	}
	start("stop", func() error { return n.stopServices(ctx) })
	start("queue", func() error { return n.queue.Run(ctx) })
	start("store", func() error { return n.watchStore(ctx) })
	served, control := make(chan struct{}), n.control
	go func() {
		defer close(served)
		control.Run()
	}()
	n.running.Store(true)
	<-ctx.Done()
	n.running.Store(false)
	wg.Go(control.Close) // beside the clients: both take their time
	n.awaitStop(&wg)
	n.control = nil
	err := n.Close()
	<-served
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return err
}

// StopWith stops, beside the node's own services, another server that uses its store:
// the store stays open until stop has returned, at most StopTime and a second and a
// half. It tells how many connections were cut, and how many given up all the same.
// StopWith is for the time before Run.
func (n *Node) StopWith(stop func(context.Context) (cut, left int)) {
	n.stops = append(n.stops, func(ctx context.Context) (end wire.Ended) {
		end.Cut, end.Left = stop(ctx)
		return end
	})
}

// awaitStop waits for what runs, but not for ever.
func (n *Node) awaitStop(wg *sync.WaitGroup) {
	done := make(chan struct{})
	go func() {
		wg.Wait()
		close(done)
	}()
	late := time.NewTimer(StopTime + lastResort)
	defer late.Stop()
	select {
	case <-done:
	case <-late.C:
		n.log.Error("a part of the node did not end at the stop and is given up", "node", n.name)
	}
}

// Close gives back what New took. After Run it does nothing.
func (n *Node) Close() error {
	for _, s := range n.services {
		for _, l := range s.listeners {
			l.Close()
		}
	}
	n.services = nil
	if n.control != nil {
		n.control.Close()
		n.control = nil
	}
	if n.store == nil {
		return nil
	}
	err := n.store.Close()
	n.store = nil
	return err
}
