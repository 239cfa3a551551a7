package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"

	"glassmail/config"
	"glassmail/server/imapd"
	"glassmail/server/smtpd"
	"glassmail/trace"
	"glassmail/wire"
)

// service is one kind of listener with what it serves.
type service struct {
	key       string // as in config.Listen
	listeners []net.Listener
	serve     func(context.Context, net.Listener) error
	clients   clients
}

// clients are the connections of a service, by the number that the trace gave them.
type clients interface {
	Clients() []wire.Client
	Cut(conn uint64) bool // false: there is no such client
	CutAccount(account string)
}

// endSessions ends what somebody began with a password that holds no more.
func (n *Node) endSessions(account string) {
	for _, s := range n.services {
		s.clients.CutAccount(account)
	}
}

// openServices listens everywhere before anything is served.
func (n *Node) openServices(ctx context.Context) error {
	n.divideFiles()
	conf, err := n.tlsConfig()
	if err != nil {
		return err
	}
	n.webTLS = conf
	if err := n.mailServer(conf); err != nil {
		return err
	}
	for _, s := range n.o.Config.Listen.All() {
		if len(s.Addrs) == 0 || s.Key == "web" {
			continue
		}
		one := &service{key: s.Key}
		n.services = append(n.services, one)
		if err = n.fill(one, conf); err != nil {
			return fmt.Errorf("%s: %w", s.Key, err)
		}
		for _, addr := range s.Addrs {
			l, err := n.o.Host.Listen(ctx, addr)
			if err != nil {
				return wire.ListenError(n.name+" "+s.Key, addr, n.listenFlag(s.Key), err)
			}
			one.listeners = append(one.listeners, l)
			n.o.Trace.Listens(n.name, trace.MailServer, l.Addr().String())
			n.listens = append(n.listens, wire.AddrPort(l.Addr()))
		}
	}
	return nil
}

// listenFlag is the option that chooses where a service listens.
func (n *Node) listenFlag(key string) string {
	if n.o.Lab {
		return "--port-base"
	}
	return "--" + key
}

// fill makes what serves the listeners of a service.
func (n *Node) fill(one *service, conf *tls.Config) error {
	switch one.key {
	case "imap":
		one.serve, one.clients = n.imap.Serve, n.imap
		return nil
	case "imaps":
		one.serve, one.clients = n.imap.ServeTLS, n.imap
		return nil
	}
	wording := smtpd.Plain()
	if n.o.Config.Wording == "lecture" {
		wording = smtpd.Lecture()
	}
	l := n.o.Config.Limits
	submission := one.key != "smtp"
	s, err := smtpd.New(smtpd.Options{
		Name: n.name, Backend: n.backend, Clock: n.o.Host.Clock(), Trace: n.o.Trace, Interceptor: n.o.Interceptor, TLS: conf, Wording: wording,
		MaxSize: l.MessageSize, MaxRecipients: l.Recipients,
		Submission: submission, Implicit: one.key == "submissions",
		PlainLogin: n.plainLogin(), Lenient: n.o.Lab, Local: n.backend.dir.serves, TraceText: n.traceText(),
		Limits: smtpd.Limits{Connections: n.shares.mail, PerAddr: n.shares.perIP, Errors: n.mostErrors(), Grace: StopTime},
	})
	if err != nil {
		return err
	}
	one.serve, one.clients = s.Serve, s
	n.health.listeners = append(n.health.listeners, listening{one.key, s.Listening})
	n.stops = append(n.stops, s.Shutdown)
	return nil
}

// mostErrors is how many commands of an SMTP connection may fail. Who asks for one
// address after the other shall not come far; who learns to type may err.
func (n *Node) mostErrors() int {
	if n.o.Lab {
		return 1000
	}
	return 100
}

// plainLogin is from where passwords are taken without TLS.
func (n *Node) plainLogin() wire.PlainLogin {
	return wire.PlainLogin{Networks: config.Prefixes(n.o.Config.TLS.PlainLogin), All: n.o.Lab}
}

// mailServer makes the IMAP server, one for all its listeners.
func (n *Node) mailServer(conf *tls.Config) (err error) {
	l := n.o.Config.Limits
	n.imap, err = imapd.New(imapd.Options{
		Name: n.name, Host: n.o.Host, Backend: imapBackend{Store: n.store, backend: n.backend, now: n.o.Host.Clock().Now}, Trace: n.o.Trace, Interceptor: n.o.Interceptor, TLS: conf,
		PlainLogin: n.plainLogin(), AppendLimit: uint32(l.MessageSize),
		Limits: wire.Limits{Total: n.shares.mail, PerAddr: n.shares.perIP},
	})
	if err == nil {
		n.health.listeners = append(n.health.listeners, listening{"imap", n.imap.Listening})
		n.stops = append(n.stops, n.imap.Shutdown)
	}
	return err
}

// stopServices says goodbye to all clients once ctx ends, and waits for StopTime
// and a second more at most. What then still runs is told and left alone.
func (n *Node) stopServices(ctx context.Context) error {
	<-ctx.Done()
	grace, cancel := context.WithTimeout(context.Background(), StopTime)
	defer cancel()
	ends := make(chan wire.Ended, len(n.stops))
	for _, stop := range n.stops {
		go func() { ends <- stop(grace) }()
	}
	var all wire.Ended
	for range n.stops {
		all = all.Add(<-ends)
	}
	if all.Cut > 0 {
		n.log.Warn("clients were cut at the stop", "node", n.name, "connections", all.Cut, "after", StopTime)
	}
	if all.Left > 0 {
		n.log.Error("work for clients did not end at the stop and is given up", "node", n.name, "connections", all.Left)
	}
	return nil
}

// traceText is how many lines of each message the trace shows: in the lab, where
// everybody may look, enough to see it.
func (n *Node) traceText() int {
	if n.o.Lab {
		return 50
	}
	return 0
}
