package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"glassmail/cmd/glassmail/cli"
	"glassmail/cmd/glassmail/tools"
	"glassmail/config"
	"glassmail/dns"
	"glassmail/intercept"
	"glassmail/lab"
	"glassmail/queue"
	"glassmail/server"
	"glassmail/trace"
	"glassmail/wire"
)

// serveTrace is how many events a node remembers.
const serveTrace = 5000

// collectAt is how much garbage may gather before it is collected, in percent of
// what is alive. That is little in a mail server, so that the usual 100 would
// collect a hundred times a second under load. GOGC overrides it.
const collectAt = 200

// serveFlags are the flags of serve, as they were given.
type serveFlags struct {
	file     string
	domains  []string
	data     string
	name     string
	wording  string
	log      string
	resolve  string
	mxPort   int
	listen   map[string]*[]string
	users    []string
	ready    string
	plain    []string
	private  bool
	allow    []string
	password string // file
	token    string
	hold     bool
}

func serveCommand() *cobra.Command {
	var s serveFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run one mail server",
		Long: `Run one mail server. Everything listens on this machine's loopback addresses
unless an address says otherwise. Flags override the environment, in which [listen] smtp
is GLASSMAIL_LISTEN_SMTP, and that the configuration file, which is glassmail.toml if
there is one. Ctrl-C or SIGTERM stops within ten seconds: clients
are told, what is under way is finished or goes back to the queue.`,
		Example: `  glassmail serve --domain hamburger.edu --user bob --smtp 127.0.0.1:2525 --submission 127.0.0.1:2587 --submissions "" --imap 127.0.0.1:2543 --imaps ""
  glassmail serve --config /etc/glassmail.toml`,
		Args: cobra.NoArgs,
	}
	f := cmd.Flags()
	f.StringVar(&s.file, "config", "", "configuration `FILE` (default glassmail.toml, if it is there)")
	f.StringArrayVar(&s.domains, "domain", nil, "a `DOMAIN` whose mail is delivered here; may be repeated")
	f.StringVar(&s.data, "data", "", "folder of mail, queue and accounts, `DIR` (default ./glassmail-data)")
	f.StringVar(&s.name, "name", "", "`NAME` that the node gives itself (default: the first domain)")
	f.StringVar(&s.wording, "wording", "", "`WORDS` of the SMTP replies: plain or lecture (default plain)")
	f.StringVar(&s.log, "log", "", "mail log on stderr as `FORMAT`: text, json or off (default text)")
	f.StringVar(&s.resolve, "resolver", "", "name server to ask, `IP:PORT`, instead of the system's")
	f.IntVar(&s.mxPort, "mx-port", 0, "`PORT` at which other servers take mail (default 25)")
	f.BoolVar(&s.private, "relay-private", false, "bring mail to servers in private networks, too, such as 192.168.0.0/16")
	f.StringArrayVar(&s.allow, "relay-allow", nil, "bring mail to servers in this `NETWORK` whatever it is, as 127.0.0.0/8 for this machine; may be repeated")
	f.StringArrayVar(&s.users, "user", nil, "account `NAME` or NAME@DOMAIN, created when it is missing, with the password that --password-file names (the same for all that are missing) or you type; NAME:PASSWORD is for trials: all users of the machine see it; may be repeated")
	tools.PasswordFlag(cmd, &s.password)
	f.StringVar(&s.ready, "ready", "", "write addresses to this `FILE`, as JSON, once everything accepts connections")
	f.StringVar(&s.token, "web-token-file", "", "`FILE` with the operator's token of the web pages, made when missing (default web-token in the data folder)")
	f.BoolVar(&s.hold, "hold", false, "let the operator hold, edit and drop lines at the web page; for lessons, never for real mail")
	f.StringArrayVar(&s.plain, "plain-login", nil, "take passwords without TLS from this `NETWORK`, too, as 192.0.2.0/24; from this machine they always are; may be repeated")
	s.listen = map[string]*[]string{}
	usual := config.Default()
	for _, one := range usual.Listen.All() {
		s.listen[one.Key] = f.StringArray(one.Key, nil, "`ADDRESS:PORT` of "+one.Key+`; "" switches it off; may be repeated (default `+one.Addrs[0]+")")
	}
	cmd.RunE = func(c *cobra.Command, _ []string) error {
		conf, err := s.config(c)
		if err != nil {
			return cli.Wrong("%w", err)
		}
		users, err := s.accounts(conf)
		if err != nil {
			return err
		}
		if s.hold && len(conf.Listen.Web) == 0 {
			return cli.Wrong("--hold needs the web page, which is switched off: nobody could let a line go")
		}
		return serve(c, conf, users, s)
	}
	return cmd
}

// config is the file with the flags over it, checked.
func (s *serveFlags) config(c *cobra.Command) (config.Config, error) {
	conf, err := cli.LoadConfig(s.file)
	if err != nil {
		return conf, err
	}
	override(&conf.Data, s.data)
	override(&conf.Name, s.name)
	override(&conf.Wording, s.wording)
	override(&conf.Log, s.log)
	override(&conf.Relay.Resolver, s.resolve)
	override(&conf.Web.TokenFile, s.token)
	if len(s.domains) > 0 {
		conf.Domains = s.domains
	}
	if c.Flags().Changed("mx-port") {
		conf.Relay.Port = s.mxPort
	}
	if c.Flags().Changed("relay-private") {
		conf.Relay.Private = s.private
	}
	if err := networks(c, "plain-login", s.plain, &conf.TLS.PlainLogin); err != nil {
		return conf, err
	}
	if err := networks(c, "relay-allow", s.allow, &conf.Relay.Allow); err != nil {
		return conf, err
	}
	for key, target := range listenFields(&conf.Listen) {
		if c.Flags().Changed(key) {
			*target = nonEmpty(*s.listen[key])
		}
	}
	return conf, conf.Validate()
}

// networks puts what a flag names, if it was given, in place of a key's.
func networks(c *cobra.Command, flag string, texts []string, target *[]config.Network) error {
	if !c.Flags().Changed(flag) {
		return nil
	}
	*target = make([]config.Network, len(texts))
	for i, text := range texts {
		if err := (*target)[i].UnmarshalText([]byte(text)); err != nil {
			return fmt.Errorf("--%s: %w", flag, err)
		}
	}
	return nil
}

func override(target *string, flag string) {
	if flag != "" {
		*target = flag
	}
}

func listenFields(l *config.Listen) map[string]*[]string {
	return map[string]*[]string{
		"smtp": &l.SMTP, "submission": &l.Submission, "submissions": &l.Submissions,
		"imap": &l.IMAP, "imaps": &l.IMAPS, "web": &l.Web,
	}
}

func nonEmpty(in []string) []string {
	var out []string
	for _, s := range in {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}

// accounts reads the --user flags: address to password, "" where it is to be asked.
func (s *serveFlags) accounts(conf config.Config) (map[string]string, error) {
	out := map[string]string{}
	for _, u := range s.users {
		name, password, ok := strings.Cut(u, ":")
		if name == "" || ok && password == "" {
			return nil, cli.Wrong("--user %s: write NAME, whose password is asked for, or NAME:PASSWORD, which everybody on this machine can see", u)
		}
		if !strings.Contains(name, "@") {
			name += "@" + conf.Domains[0]
		}
		out[name] = password
	}
	return out, nil
}

func serve(c *cobra.Command, conf config.Config, users map[string]string, s serveFlags) error {
	host := wire.OS{}
	events := trace.NewLog(serveTrace, host.Clock().Now)
	log, closeLog := openLog(c.ErrOrStderr(), conf.Log, events, host.Clock().Now())
	defer closeLog()
	resolver, err := newResolver(host, conf, events)
	if err != nil {
		return err
	}
	password := func(address string) (string, error) { return tools.Password(c, address, s.password) }
	o := server.Options{Password: password, Config: conf, Host: host, Resolver: resolver, Trace: events, Users: users, Log: log}
	var interceptor *intercept.Interceptor
	if s.hold {
		interceptor = intercept.New(intercept.Options{Clock: host.Clock()})
		defer context.AfterFunc(c.Context(), interceptor.Close)() // the stop waits for no line
		defer interceptor.Close()
		o.Interceptor = interceptor // without an interceptor it stays nil: lines then pass nothing at all
	}
	page := newPage(conf, interceptor != nil)
	o.Calls = page.calls()
	node, err := server.New(c.Context(), o)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(c.Context())
	defer cancel()
	if err := page.open(ctx, conf, watched{node, events, interceptor}, log); err != nil {
		return errors.Join(err, node.Close())
	}
	if err := cli.WriteReady(s.ready, describe(node, page, conf.Domains[0], users)); err != nil {
		return errors.Join(err, node.Close())
	}
	announce(c, conf, node, page)
	debug.FreeOSMemory() // hashing the passwords took 19 MiB each
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
	var wg sync.WaitGroup
	page.serve(ctx, &wg)
	err = node.Run(ctx)
	cancel() // it may have ended by itself, as when its store has stopped
	page.close()
	wg.Wait()
	if err == nil {
		fmt.Fprintln(c.OutOrStdout(), node.Name()+" has stopped.")
	}
	return err
}

// newResolver asks the name server of the configuration, or the system's.
func newResolver(host wire.Host, conf config.Config, log *trace.Log) (queue.Resolver, error) {
	if conf.Relay.Resolver == "" {
		return net.DefaultResolver, nil
	}
	at, err := netip.ParseAddrPort(conf.Relay.Resolver)
	if err != nil {
		return nil, err
	}
	return dns.NewStub(dns.StubOptions{Host: host, Servers: []netip.AddrPort{at}, Trace: log, Node: conf.HostName()})
}

// describe is what --ready writes: the same form as the lab's, with one node.
// Users are named as --user did, by their names alone in the first domain.
func describe(n *server.Node, p *page, domain string, users map[string]string) lab.Ready {
	d := lab.NodeDoors{
		SMTP: first(n.Addrs("smtp")), Submission: first(n.Addrs("submission")), Submissions: first(n.Addrs("submissions")),
		IMAP: first(n.Addrs("imap")), IMAPS: first(n.Addrs("imaps")), Users: map[string]string{},
	}
	for address, password := range users {
		d.Users[strings.TrimSuffix(address, "@"+domain)] = password
	}
	r := lab.Ready{Nodes: map[string]lab.NodeDoors{n.Name(): d}}
	if len(p.listeners) > 0 {
		r.Web = p.link(p.listeners[0])
	}
	return r
}

func first(s []string) string {
	if len(s) == 0 {
		return ""
	}
	return s[0]
}

// inClear warns of logins that others on the network can read.
func inClear(conf config.Config, service string) string {
	if service != "web" || conf.Web.TLS {
		return ""
	}
	return " Without TLS what they log in with can be read on the way: set web.tls = true, or let only a proxy with TLS connect."
}

// announce tells where the node listens and who can reach it.
func announce(c *cobra.Command, conf config.Config, n *server.Node, p *page) {
	out := c.OutOrStdout()
	fmt.Fprintf(out, "%s is up, for %s; data in %s\n", n.Name(), strings.Join(conf.Domains, ", "), conf.Data)
	for _, s := range conf.Listen.All() {
		for _, a := range n.Addrs(s.Key) {
			fmt.Fprintf(out, "  %-12s %s\n", s.Key, a)
		}
	}
	for _, l := range p.listeners {
		fmt.Fprintf(out, "  %-12s %s\n", "web", p.link(l))
	}
	p.announce(out)
	if p.holds {
		fmt.Fprintln(out, "Lines can be held, edited and dropped at the web page (--hold): this is for lessons, not for real mail.")
	}
	if open := conf.Listen.Reachable(); len(open) == 0 {
		fmt.Fprintln(out, "Only this machine can connect.")
	} else {
		for _, s := range open {
			fmt.Fprintf(out, "Other machines can connect to %s at %s.%s\n", s.Key, strings.Join(s.Addrs, ", "), inClear(conf, s.Key))
		}
	}
	if accounts, err := n.Admin().Accounts(c.Context()); err == nil && len(accounts) == 0 {
		fmt.Fprintf(os.Stderr, "glassmail: there is no user yet: glassmail user add NAME@%s --data %s\n", conf.Domains[0], conf.Data)
	}
}
