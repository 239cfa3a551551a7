package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"

	"glassmail/config"
	"glassmail/control"
	"glassmail/dns"
	"glassmail/dns/dissect"
	"glassmail/lab/lesson"
	"glassmail/server"
	"glassmail/web"
	"glassmail/web/api"
	"glassmail/wire"
)

func (l *Lab) openWeb(ctx context.Context) error {
	if l.o.Web == "" {
		return nil
	}
	if !config.IsLoopback(l.o.Web) {
		return fmt.Errorf("--web %s: the lab's page is for this machine only; choose an address such as 127.0.0.1:8025", l.o.Web)
	}
	if l.doors.has(l.o.Web) {
		return fmt.Errorf("--web %s is one of the lab's own ports; choose another, or another --port-base", l.o.Web)
	}
	ln, err := wire.OS{}.Listen(ctx, l.o.Web)
	if err != nil {
		return wire.ListenError("the web page", l.o.Web, "--web", err)
	}
	l.webL = ln
	l.web, err = web.New(l.webOptions())
	return err
}

func (l *Lab) webOptions() web.Options {
	users := map[string]map[string]string{}
	for _, p := range demoUsers() {
		users[p.domain] = map[string]string{p.name: p.name}
	}
	office := l.office
	o := api.Options{
		Trace: l.Trace, Journeys: l.Journeys, Nodes: server.Describe(users, l.Nodes...), Lab: true,
		Wording: l.o.Wording, Version: l.o.Version, Now: l.o.Clock.Now,
		Mail: office, Queue: office, Users: office, Services: office, MaxMessage: office.MaxMessage(), Uploads: filepath.Join(l.o.Dir, "uploads"),
		Hold: l.Hold, Names: namesPage{l.Names}, WhatIf: l,
	}
	if c, ok := l.o.Clock.(*wire.LabClock); ok {
		o.Clock = c
	}
	return web.Options{API: o, Health: l.health, Accounts: office, Local: true, Lab: true, Language: l.o.Language}
}

// health is that of all nodes.
func (l *Lab) health() (all []api.Part) {
	for _, n := range l.Nodes {
		for i, p := range n.Health() {
			if i > 0 {
				p.Name = n.Name() + " " + p.Name
			}
			all = append(all, p)
		}
	}
	return all
}

// namesPage answers what the pages ask of the name system: all that commands can
// ask, and more.
type namesPage struct{ *Names }

// Ask answers one question.
func (n namesPage) Ask(ctx context.Context, what string, request json.RawMessage) (any, error) {
	calls := n.table()
	calls["tree"] = control.Func(func(context.Context, struct{}) (any, error) { return n.tree(), nil })
	calls["faults"] = control.Func(func(context.Context, struct{}) (any, error) {
		return map[string]any{"choices": lesson.Faults(), "broken": n.Hierarchy.Broken()}, nil
	})
	calls["query"] = control.Func(func(ctx context.Context, q queryRequest) (any, error) { return n.query(ctx, q) })
	calls["check"] = control.Func(func(_ context.Context, r checkRequest) (any, error) { return n.check(r) })
	call, ok := calls[what]
	if !ok {
		return nil, fmt.Errorf("nothing is known about %q", what)
	}
	return call(ctx, request, func(done, total int64) {})
}

// treeServer is one name server with the zones it answers for.
type treeServer struct {
	Name  string   `json:"name"`
	Addr  string   `json:"addr"`
	Zones []string `json:"zones"` // none: it searches for others
	Local bool     `json:"local"`
}

// tree lists the servers, root first, with the local name server at the end.
func (n *Names) tree() []treeServer {
	out := []treeServer{}
	for _, p := range n.Hierarchy.Servers {
		one := treeServer{Name: p.Name, Addr: p.Addr.String(), Zones: []string{}}
		for _, z := range n.Hierarchy.Zones() {
			if p.Authority.Zone(z.Origin()) != nil {
				one.Zones = append(one.Zones, z.Origin())
			}
		}
		out = append(out, one)
	}
	slices.SortStableFunc(out, func(a, b treeServer) int { return depth(a.Zones) - depth(b.Zones) })
	return append(out, treeServer{Name: n.Hierarchy.Local.Name, Addr: n.local.Addr().String(), Zones: []string{}, Local: true})
}

// depth is how many labels a server's highest zone has.
func depth(zones []string) int {
	least := 128
	for _, z := range zones {
		least = min(least, len(strings.FieldsFunc(z, func(r rune) bool { return r == '.' })))
	}
	return least
}

// queryRequest is one message that is asked of one server.
type queryRequest struct {
	Name   string   `json:"name"`
	Type   dns.Type `json:"type"`
	Server string   `json:"server"` // name or address; "" is the local name server
	RD     *bool    `json:"rd"`     // recursion desired; nil is yes
	DNSSEC bool     `json:"dnssec"`
	TCP    bool     `json:"tcp"`
	Manner          // that of the walk whose message is asked for again
}

// queryReply is what came back.
type queryReply struct {
	Server     string             `json:"server"`
	Text       string             `json:"text"`
	Bytes      []byte             `json:"bytes"` // base64
	Dissection dissect.Dissection `json:"dissection"`
	Took       string             `json:"took"`
	TCP        bool               `json:"tcp"`
}

// query asks a server of the lab, and no other, from the local name server's host.
func (n *Names) query(ctx context.Context, q queryRequest) (queryReply, error) {
	name, err := dns.Name(q.Name)
	if err != nil {
		return queryReply{}, err
	}
	server, err := n.serverAddr(q.Server)
	if err != nil {
		return queryReply{}, err
	}
	m := dns.NewMessage(dns.Query{Name: name, Type: q.Type, RecursionDesired: q.RD == nil || *q.RD, DNSSEC: q.DNSSEC, Size: 1232, ID: uint16(rand.N(1 << 16))})
	if q.Manner != (Manner{}) {
		n.lesson.Lock()
		defer n.lesson.Unlock()
		_, undo, err := n.lent(q.Manner)
		if err != nil {
			return queryReply{}, err
		}
		defer undo()
	}
	client := dns.Client{Host: n.host, Trace: n.o.Trace, Node: n.host.name, TCP: q.TCP}
	reply, err := client.Ask(ctx, server, m)
	if err != nil {
		return queryReply{}, err
	}
	d := dissect.Dissect(reply.Raw)
	return queryReply{
		Server: server.Addr().String(), Text: d.Text(reply.Raw), Bytes: reply.Raw, Dissection: d, Took: reply.Took.String(), TCP: reply.TCP,
	}, nil
}

// serverAddr finds a server of the lab by its name or address.
func (n *Names) serverAddr(server string) (netip.AddrPort, error) {
	if server == "" {
		return n.local, nil
	}
	for _, s := range n.tree() {
		if strings.EqualFold(strings.TrimSuffix(s.Name, "."), strings.TrimSuffix(server, ".")) || s.Addr == server {
			return netip.ParseAddrPort(net.JoinHostPort(s.Addr, "53"))
		}
	}
	return netip.AddrPort{}, errors.New("there is no such name server in the lab; see /dns/tree")
}

// checkRequest is master text that shall be looked through.
type checkRequest struct {
	Zone string `json:"zone"`
	Text string `json:"text"`
}

// check looks through a zone without putting it to use.
func (n *Names) check(r checkRequest) (map[string]any, error) {
	origin, err := dns.Name(r.Zone)
	if err != nil {
		return nil, err
	}
	z, err := dns.ReadZone(strings.NewReader(r.Text), origin, "line")
	if err != nil {
		return map[string]any{"error": err.Error(), "findings": []string{}}, nil
	}
	findings := []string{}
	for _, f := range dns.Lint(z) {
		findings = append(findings, f.String())
	}
	return map[string]any{"findings": findings, "records": len(z.Unsigned()), "serial": z.Serial()}, nil
}
