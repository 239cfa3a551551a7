package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"sync"

	"glassmail/config"
	"glassmail/dns"
	"glassmail/intercept"
	"glassmail/lab/book"
	"glassmail/server"
	"glassmail/trace"
	"glassmail/web"
	"glassmail/wire"
)

// Offsets of the lab's ports on 127.0.0.1 from Options.PortBase. The first node
// has them as they are, the second one more.
const (
	offsetSMTP       = 25
	offsetIMAP       = 43
	offsetDNS        = 53
	offsetSubmission = 87
)

// DefaultPortBase makes the ports readable: 2525 is port 25.
const DefaultPortBase = 2500

// traceSize is how many events the lab remembers.
const traceSize = 20_000

// keepText is how much of each message text the lab remembers, in bytes.
const keepText = 4 << 10

// journeyBudget is how many bytes of journeys the lab remembers.
const journeyBudget = 64 << 20

// Options are what can be chosen about a lab.
type Options struct {
	Dir      string     // folder of its state
	Wording  string     // "lecture" or "plain"
	Web      string     // address of the web page; "" switches it off
	PortBase int        // see DefaultPortBase; 0 takes free ports, for tests
	Control  string     // file by which commands reach the names; "" lets none in
	Clock    wire.Clock // nil is a wire.LabClock, which can jump
	Version  string     // of the program, for the pages
	Language string     // of the pages, unless a reader chooses; "" is the browser's
}

// person is a user of the lecture, with a password equal to the name.
type person struct{ domain, name string }

func demoUsers() []person { return []person{{"crepes.fr", "alice"}, {"hamburger.edu", "bob"}} }

// Lab is the lecture's internet at work.
type Lab struct {
	Internet *Internet
	Names    *Names
	Nodes    []*server.Node
	Trace    *trace.Log
	Journeys *trace.Journeys
	Hold     *intercept.Interceptor // where lines can be held
	Ready    Ready                  // valid once Run has called ready

	o      Options
	doors  addresses
	office *server.WebBackend
	stubs  []*dns.Stub // of the mail servers
	lesson sync.Mutex  // held by one repetition at a time
	web    *web.Server
	webL   net.Listener
}

// Ready is what --ready writes: where everything listens.
type Ready struct {
	Web   string               `json:"web,omitempty"`
	DNS   string               `json:"dns,omitempty"`
	Nodes map[string]NodeDoors `json:"nodes"`
}

// NodeDoors are the addresses of one node on this machine.
type NodeDoors struct {
	SMTP        string            `json:"smtp,omitempty"`
	Submission  string            `json:"submission,omitempty"`
	Submissions string            `json:"submissions,omitempty"`
	IMAP        string            `json:"imap,omitempty"`
	IMAPS       string            `json:"imaps,omitempty"`
	Users       map[string]string `json:"users,omitempty"`
}

// addresses hands out the lab's addresses on this machine.
type addresses struct{ base int }

func (d addresses) at(offset int) string {
	port := 0
	if d.base != 0 {
		port = d.base + offset
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

// has reports whether addr is one of the lab's own.
func (d addresses) has(addr string) bool {
	for _, offset := range []int{offsetSMTP, offsetSMTP + 1, offsetIMAP, offsetIMAP + 1, offsetDNS, offsetSubmission, offsetSubmission + 1} {
		if d.base != 0 && addr == d.at(offset) {
			return true
		}
	}
	return false
}

// New builds a lab and opens all its doors for mail. Nothing is served before Run.
func New(ctx context.Context, o Options) (*Lab, error) {
	if o.PortBase != 0 && (o.PortBase < 1000 || o.PortBase > 65000) {
		return nil, fmt.Errorf("--port-base %d: it may be 1000 to 65000", o.PortBase)
	}
	if o.Clock == nil {
		o.Clock = wire.NewLabClock()
	}
	l := &Lab{o: o, doors: addresses{o.PortBase}, Trace: trace.NewLog(traceSize, o.Clock.Now)}
	l.Trace.KeepText(keepText)
	l.Journeys = trace.NewJourneys(l.Trace, journeyBudget)
	l.Hold = intercept.New(intercept.Options{Clock: wire.System{}, Journey: l.Journeys.ID})
	if err := l.open(ctx); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

func (l *Lab) open(ctx context.Context) (err error) {
	if l.Internet, err = NewInternet(l.o.Clock); err != nil {
		return err
	}
	l.Names, err = NewNames(NamesOptions{
		Internet: l.Internet, Trace: l.Trace, Doors: []string{l.doors.at(offsetDNS)}, AllDoors: true, Control: l.o.Control,
	})
	if err != nil {
		return err
	}
	authority, err := wire.OpenAuthority(filepath.Join(l.o.Dir, "tls"), l.o.Clock.Now())
	if err != nil {
		return err
	}
	for i, p := range demoUsers() {
		if err := l.addNode(ctx, i, p, authority); err != nil {
			return err
		}
	}
	l.office = server.NewWebBackend(l.Nodes...)
	return l.openWeb(ctx)
}

// addNode starts a mail server on the host that the domain's MX record names.
func (l *Lab) addNode(ctx context.Context, i int, p person, authority *wire.Authority) error {
	mailHost := "mail." + p.domain
	addrs := l.Names.Hierarchy.Addrs(mailHost)
	host, err := l.Internet.Host(mailHost, addrs...)
	if err != nil {
		return err
	}
	stub, err := l.Names.Stub(host, p.domain, l.Trace)
	if err != nil {
		return err
	}
	l.stubs = append(l.stubs, stub)
	inside := func(port string) string { return net.JoinHostPort(addrs[0].String(), port) }
	c := config.Default()
	c.Domains, c.Data, c.Wording = []string{p.domain}, filepath.Join(l.o.Dir, p.domain), l.o.Wording
	c.Listen = config.Listen{
		SMTP:       []string{l.doors.at(offsetSMTP + i), inside("25")},
		Submission: []string{l.doors.at(offsetSubmission + i), inside("587")},
		IMAP:       []string{l.doors.at(offsetIMAP + i), inside("143")},
	}
	node, err := server.New(ctx, server.Options{
		Config: c, Host: host, Resolver: stub, Trace: l.Trace, Interceptor: l.Hold, Authority: authority, Lab: true,
		Users: map[string]string{p.name + "@" + p.domain: p.name},
	})
	if err != nil {
		return l.explain(err)
	}
	l.Nodes = append(l.Nodes, node)
	return nil
}

// explain points to the lab's own flag when a port is taken.
func (l *Lab) explain(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "listen" {
		return fmt.Errorf("the lab needs ports %d to %d of 127.0.0.1 (another lab may be running: choose other ports with --port-base %d): %w",
			l.o.PortBase+offsetSMTP, l.o.PortBase+offsetSubmission+1, l.o.PortBase+1000, err)
	}
	return err
}

// Run serves until ctx ends, and calls ready once everything accepts
// connections. It returns nil after an orderly end.
func (l *Lab) Run(ctx context.Context, ready func()) error {
	defer l.close()
	l.Ready = l.describe()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	start := func(run func() error) {
		wg.Go(func() {
			if err := run(); err != nil {
				cancel(l.explain(err))
			}
		})
	}
	named := make(chan struct{})
	start(func() error { return l.Names.Run(ctx, func() { close(named) }) })
	for _, n := range l.Nodes {
		if l.web != nil {
			n.StopWith(l.web.Shutdown) // its requests use the stores of all
		}
		start(func() error { return n.Run(ctx) })
	}
	start(func() error { l.Journeys.Run(ctx); return nil })
	if l.web != nil {
		start(func() error { return l.web.Serve(l.webL) })
	}
	select {
	case <-named:
		l.Ready.DNS = l.Names.Doors()[0].String()
		ready()
	case <-ctx.Done():
	}
	<-ctx.Done()
	l.Hold.Close()
	wg.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

func (l *Lab) describe() Ready {
	r := Ready{Nodes: map[string]NodeDoors{}}
	if l.webL != nil {
		r.Web = "http://" + l.webL.Addr().String()
	}
	for i, p := range demoUsers() {
		n := l.Nodes[i]
		r.Nodes[p.domain] = NodeDoors{
			SMTP: n.Addrs("smtp")[0], Submission: n.Addrs("submission")[0], IMAP: n.Addrs("imap")[0],
			Users: map[string]string{p.name: p.name},
		}
	}
	return r
}

// Book is the lab's address book: names and ports of the lab, and where they are
// on this machine; valid once ready.
func (l *Lab) Book(pid int) book.Book {
	b := book.Book{PID: pid, Hosts: l.Names.Book(), Control: l.o.Control}
	for domain, d := range l.Ready.Nodes {
		for _, host := range []string{"mail." + domain, domain} {
			b.Hosts[host+":25"] = d.SMTP
			b.Hosts[host+":587"] = d.Submission
			b.Hosts[host+":143"] = d.IMAP
		}
	}
	b.Hosts["dns:53"] = l.Ready.DNS
	if l.webL != nil {
		b.Hosts["web:80"] = l.webL.Addr().String()
	}
	return b
}

func (l *Lab) close() {
	l.Hold.Close()
	for _, n := range l.Nodes {
		n.Close()
	}
	if l.webL != nil {
		l.webL.Close()
	}
	if l.Internet != nil {
		l.Internet.Close()
	}
}
