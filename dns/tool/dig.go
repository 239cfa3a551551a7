// Package tool is the programs dig and nslookup as functions: their arguments, what
// they ask, and their output in the form that users of those programs know.
package tool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"glassmail/dns"
	"glassmail/dns/dissect"
	"glassmail/wire"
)

// Dig asks one server and prints its reply in the form of the program dig. It
// returns an error when no server replied; a reply that says "no" is none.
func Dig(ctx context.Context, host wire.Host, w io.Writer, env Environment, o DigOptions) error {
	d := &digger{host: host, w: w, env: env, o: o}
	if o.Trace {
		return d.trace(ctx)
	}
	servers, err := env.servers(o.Server, o.Port)
	if err != nil {
		return fmt.Errorf("dig: %w", err)
	}
	m := d.query()
	var last error
	for range max(o.Tries, 1) {
		for _, s := range servers {
			r, err := d.ask(ctx, s, m)
			if err == nil {
				return d.print(s, m, r)
			}
			last = err
			if !o.Short && !o.JSON {
				fmt.Fprintf(w, ";; communications error to %s: %v\n", hash(s), errors.Unwrap(err))
			}
		}
		if ctx.Err() != nil {
			break
		}
	}
	return fmt.Errorf("dig: no servers could be reached: %w", last)
}

// servers is where to ask: what the user named, or the environment's.
func (e Environment) servers(name string, port uint16) ([]netip.AddrPort, error) {
	withPort := func(a netip.Addr, def uint16) netip.AddrPort {
		if port != 0 {
			def = port
		}
		return netip.AddrPortFrom(a, def)
	}
	if name == "" {
		if len(e.Servers) == 0 {
			return nil, errors.New("no name server is known: name one with @ADDRESS, for instance @127.0.0.1")
		}
		var out []netip.AddrPort
		for _, s := range e.Servers {
			out = append(out, withPort(s.Addr(), s.Port()))
		}
		return out, nil
	}
	if a, err := netip.ParseAddr(name); err == nil {
		return []netip.AddrPort{withPort(a, 53)}, nil
	}
	if ap, err := netip.ParseAddrPort(name); err == nil { // 127.0.0.1:2553
		return []netip.AddrPort{withPort(ap.Addr(), ap.Port())}, nil
	}
	if e.Lookup == nil {
		return nil, fmt.Errorf("the server %q is a name and cannot be looked up here: write its address", name)
	}
	addrs, err := e.Lookup(name)
	if err != nil || len(addrs) == 0 {
		return nil, fmt.Errorf("the server %q has no address (%w): write its address", name, err)
	}
	var out []netip.AddrPort
	for _, a := range addrs {
		out = append(out, withPort(a, 53))
	}
	return out, nil
}

type digger struct {
	host wire.Host
	w    io.Writer
	env  Environment
	o    DigOptions
}

func (d *digger) query() *dns.Message {
	q := dns.Query{Name: d.o.Name, Type: d.o.Type, RecursionDesired: !d.o.NoRecurse, AuthenticData: true, CheckingDisabled: d.o.CD, DNSSEC: d.o.DNSSEC, Size: d.o.Size, ID: dns.RandomID()}
	if d.o.NoEDNS {
		q.Size, q.DNSSEC = 0, false
	}
	return dns.NewMessage(q)
}

func (d *digger) ask(ctx context.Context, s netip.AddrPort, m *dns.Message) (*dns.Reply, error) {
	timeout := d.o.Timeout
	if timeout == 0 {
		timeout = 5 * time.Second
	}
	c := dns.Client{Host: d.host, Timeout: timeout, TCP: d.o.TCP || d.o.Type == dns.TypeAXFR}
	if d.o.Type == dns.TypeAXFR {
		return c.Transfer(ctx, s, m)
	}
	return c.Ask(ctx, s, m)
}

func (d *digger) print(s netip.AddrPort, q *dns.Message, r *dns.Reply) error {
	var text string
	switch {
	case d.o.JSON:
		b, err := json.MarshalIndent(replyJSON(s, r), "", "  ")
		if err != nil {
			return err
		}
		text = string(b) + "\n"
	case d.o.Short:
		text = shortText(r.Message)
	default:
		text = fmt.Sprintf("\n; <<>> glassmail dig <<>> %s %s\n", d.o.Name, d.o.Type) +
			messageText(r.Message) + footer(d.host.Clock().Now(), s, r)
	}
	if d.o.Bytes {
		text += bytesText(q, r, d.env.Meaning)
	}
	_, err := io.WriteString(d.w, text)
	return err
}

func bytesText(q *dns.Message, r *dns.Reply, meaning func(dissect.Field) string) string {
	out, err := q.Pack()
	if err != nil {
		return err.Error()
	}
	text := func(b []byte) string { return dissect.Dissect(b).Translate(meaning).Text(b) }
	return fmt.Sprintf("\n;; QUERY, %d bytes\n%s\n;; REPLY, %d bytes\n%s", len(out), text(out), len(r.Raw), text(r.Raw))
}

func shortText(m *dns.Message) string {
	var b strings.Builder
	for _, r := range m.Answer() {
		b.WriteString(r.Data() + "\n")
	}
	return b.String()
}

// hash is an address as dig writes it: ADDRESS#PORT.
func hash(s netip.AddrPort) string { return fmt.Sprintf("%s#%d", s.Addr(), s.Port()) }

// messageText is the header and the sections.
func messageText(m *dns.Message) string {
	var b strings.Builder
	h := m.Header()
	fmt.Fprintf(&b, ";; Got answer:\n;; ->>HEADER<<- opcode: %s, status: %s, id: %d\n", h.Opcode, h.Code, h.ID)
	fmt.Fprintf(&b, ";; flags:%s; QUERY: %d, ANSWER: %d, AUTHORITY: %d, ADDITIONAL: %d\n", flags(h), h.Questions, h.Answers, h.Authorities, h.Additionals)
	if h.RecursionDesired && !h.RecursionAvailable && h.Response {
		b.WriteString(";; WARNING: recursion requested but not available\n")
	}
	if size, version, do, ok := m.EDNS(); ok {
		flags := ""
		if do {
			flags = " do"
		}
		fmt.Fprintf(&b, "\n;; OPT PSEUDOSECTION:\n; EDNS: version: %d, flags:%s; udp: %d\n", version, flags, size)
		b.WriteString(extendedErrors(m))
	}
	if q, ok := m.Question(); ok {
		fmt.Fprintf(&b, ";; QUESTION SECTION:\n%s\n", columns(";"+q.Name, "", dns.ClassText(q.Class), q.Type.String(), ""))
	}
	for _, s := range []struct {
		name string
		recs []dns.Record
	}{{"ANSWER", m.Answer()}, {"AUTHORITY", m.Authority()}, {"ADDITIONAL", m.Additional()}} {
		if len(s.recs) > 0 {
			fmt.Fprintf(&b, "\n;; %s SECTION:\n", s.name)
			for _, r := range s.recs {
				b.WriteString(recordColumns(r) + "\n")
			}
		}
	}
	return b.String()
}

// extendedErrors prints why a server failed, if it said so (RFC 8914).
func extendedErrors(m *dns.Message) string {
	var b strings.Builder
	for _, e := range m.ExtendedErrors() {
		fmt.Fprintf(&b, "; EDE: %d (%s): (%s)\n", e.Code, e.Meaning, e.Text)
	}
	return b.String()
}

func flags(h dns.Header) string {
	s := ""
	for _, f := range []struct {
		on   bool
		name string
	}{{h.Response, "qr"}, {h.Authoritative, "aa"}, {h.Truncated, "tc"}, {h.RecursionDesired, "rd"}, {h.RecursionAvailable, "ra"}, {h.AuthenticData, "ad"}, {h.CheckingDisabled, "cd"}} {
		if f.on {
			s += " " + f.name
		}
	}
	return s
}

func recordColumns(r dns.Record) string {
	return columns(r.Name(), fmt.Sprint(r.TTL()), r.Class(), r.Type().String(), r.Data())
}

// columns lays a record out as dig does, by tabs to the columns 24, 32 and 40.
func columns(name, ttl, class, typ, data string) string {
	s := tabTo(name, 24)
	s = tabTo(s+ttl, 32)
	return strings.TrimRight(s+class+"\t"+typ+"\t"+data, "\t")
}

// tabTo adds tabs until the text reaches the column, one at least.
func tabTo(s string, column int) string {
	width := 0
	for _, r := range s {
		if r == '\t' {
			width += 8 - width%8
		} else {
			width++
		}
	}
	s += "\t"
	for width += 8 - width%8; width < column; width += 8 {
		s += "\t"
	}
	return s
}

func footer(now time.Time, s netip.AddrPort, r *dns.Reply) string {
	over := "UDP"
	if r.TCP {
		over = "TCP"
	}
	return fmt.Sprintf("\n;; Query time: %d msec\n;; SERVER: %s(%s) (%s)\n;; WHEN: %s\n;; MSG SIZE  rcvd: %d\n\n",
		r.Took.Milliseconds(), hash(s), s.Addr(), over, now.Format("Mon Jan 02 15:04:05 MST 2006"), r.Size)
}

// jsonReply is the form of +json.
type jsonReply struct {
	Server    string       `json:"server"`
	Transport string       `json:"transport"`
	Took      float64      `json:"took_ms"`
	Size      int          `json:"size"`
	ID        uint16       `json:"id"`
	Status    string       `json:"status"`
	Flags     []string     `json:"flags"`
	Name      string       `json:"name"`
	Type      string       `json:"type"`
	Answer    []jsonRecord `json:"answer"`
	Authority []jsonRecord `json:"authority"`
	Extra     []jsonRecord `json:"additional"`
}

type jsonRecord struct {
	Name  string `json:"name"`
	TTL   uint32 `json:"ttl"`
	Class string `json:"class"`
	Type  string `json:"type"`
	Data  string `json:"data"`
}

func replyJSON(s netip.AddrPort, r *dns.Reply) jsonReply {
	h := r.Header()
	j := jsonReply{Server: s.String(), Transport: "udp", Took: float64(r.Took.Microseconds()) / 1000, Size: r.Size, ID: h.ID, Status: h.Code.String(), Flags: strings.Fields(flags(h)),
		Answer: jsonRecords(r.Answer()), Authority: jsonRecords(r.Authority()), Extra: jsonRecords(r.Additional())}
	if r.TCP {
		j.Transport = "tcp"
	}
	if q, ok := r.Question(); ok {
		j.Name, j.Type = q.Name, q.Type.String()
	}
	return j
}

func jsonRecords(recs []dns.Record) []jsonRecord {
	out := make([]jsonRecord, 0, len(recs))
	for _, r := range recs {
		out = append(out, jsonRecord{r.Name(), r.TTL(), r.Class(), r.Type().String(), r.Data()})
	}
	return out
}
