package api

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"

	"glassmail/trace"
)

// Metrics is GET /metrics: figures in the text format of Prometheus (version
// 0.0.4), for who may look. Prometheus sends the operator's token as its bearer
// token.
func (a *API) Metrics() Route {
	return Route{Method: "GET", Path: "/metrics", Role: Viewer, Handle: a.metrics}
}

func (a *API) metrics(c *Call) error {
	var out exposition
	a.countedEvents(&out)
	if err := a.depths(c, &out); err != nil {
		return err
	}
	a.process(&out)
	c.W.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, err := out.WriteTo(c.W)
	return sent(err)
}

// decision is the metric that counts a kind of event.
type decision struct {
	kind       trace.Kind
	name, help string
}

// decisions are what is counted of the trace besides connections.
func decisions() []decision {
	return []decision{
		{trace.Line, "lines", "Lines of dialogue, of both sides."},
		{trace.Datagram, "datagrams", "Datagrams of DNS, of both sides."},
		{trace.Accepted, "messages_accepted", "Messages for which the node took responsibility."},
		{trace.Refused, "refusals", "Connections, messages and recipients that were refused."},
		{trace.Attempt, "delivery_attempts", "Attempts to deliver to another server."},
		{trace.Delivered, "deliveries", "Messages given to the next server or to a mailbox."},
		{trace.Deferred, "deferrals", "Attempts that failed for now."},
		{trace.Failed, "recipients_failed", "Recipients that were given up."},
		{trace.Bounced, "bounces", "Delivery reports sent back."},
		{trace.Fetched, "messages_fetched", "Texts of messages given to readers."},
		{trace.LoggedIn, "logins", "Logins of users, and of the operator at the pages."},
		{trace.LoginFailed, "logins_failed", "Logins that were refused."},
		{trace.CacheHit, "dns_cache_hits", "Answers that came from the resolver's cache."},
	}
}

// countedEvents tells what the trace counted since the start.
func (a *API) countedEvents(out *exposition) {
	counts := a.o.Trace.Counts()
	keys := slices.SortedFunc(maps.Keys(counts), func(x, y trace.Count) int {
		return cmp.Or(cmp.Compare(x.Node, y.Node), cmp.Compare(x.Proto, y.Proto), cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Side, y.Side))
	})
	out.metric("connections_total", "counter", "Connections that were opened; side is what the node is on them.")
	open := map[trace.Count]float64{}
	for _, k := range keys {
		switch k.Kind {
		case trace.Open:
			out.sample(float64(counts[k]), "node", k.Node, "protocol", string(k.Proto), "side", sideName(k.Side))
			open[k] += float64(counts[k])
		case trace.Close:
			k.Kind = trace.Open
			open[k] -= float64(counts[trace.Count{Node: k.Node, Proto: k.Proto, Kind: trace.Close, Side: k.Side}])
		}
	}
	out.metric("connections_open", "gauge", "Connections that are open.")
	for _, k := range keys {
		if n, ok := open[k]; ok {
			out.sample(n, "node", k.Node, "protocol", string(k.Proto), "side", sideName(k.Side))
		}
	}
	for _, d := range decisions() {
		out.metric(d.name+"_total", "counter", d.help)
		for _, k := range keys {
			if k.Kind == d.kind {
				out.sample(float64(counts[k]), "node", k.Node, "protocol", string(k.Proto))
			}
		}
	}
}

func sideName(d trace.Dir) string {
	if d == trace.Client {
		return "client"
	}
	return "server"
}

// depths tells what the nodes hold at this time.
func (a *API) depths(c *Call, out *exposition) error {
	if a.o.Services == nil {
		return nil
	}
	all, err := a.o.Services.Depths(c.Context())
	if err != nil {
		return err
	}
	for _, g := range []struct {
		name, help string
		of         func(Depth) float64
	}{
		{"queue_recipients", "Recipients that wait for other servers.", func(d Depth) float64 { return float64(d.Waiting) }},
		{"queue_held", "Those of them that the operator holds.", func(d Depth) float64 { return float64(d.Held) }},
		{"queue_oldest_seconds", "Age of the eldest of them.", func(d Depth) float64 {
			if d.Oldest.IsZero() {
				return 0
			}
			return a.o.now().Sub(d.Oldest).Seconds()
		}},
		{"accounts", "Accounts.", func(d Depth) float64 { return float64(d.Accounts) }},
		{"mailbox_messages", "Messages in all mailboxes.", func(d Depth) float64 { return float64(d.Messages) }},
		{"mailbox_bytes", "Bytes of all mailboxes.", func(d Depth) float64 { return float64(d.Bytes) }},
	} {
		out.metric(g.name, "gauge", g.help)
		for _, d := range all {
			out.sample(g.of(d), "node", d.Node)
		}
	}
	return nil
}

// process tells of the program itself.
func (a *API) process(out *exposition) {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	out.metric("build_info", "gauge", "1, with the version of the program.")
	out.sample(1, "version", a.o.Version, "go", runtime.Version())
	out.metric("goroutines", "gauge", "Goroutines of the program.")
	out.sample(float64(runtime.NumGoroutine()))
	out.metric("memory_bytes", "gauge", "Memory taken from the system.")
	out.sample(float64(memory.Sys))
	out.metric("heap_bytes", "gauge", "Memory in use on the heap.")
	out.sample(float64(memory.HeapInuse))
	out.metric("web_streams", "gauge", "Event streams that pages and programs follow.")
	out.sample(float64(a.streams.underWay()))
}

// exposition writes metrics, each with its samples behind it.
type exposition struct {
	bytes.Buffer
	name string
}

// metric begins a metric of the given kind, counter or gauge.
func (e *exposition) metric(name, kind, help string) {
	e.name = "glassmail_" + name
	fmt.Fprintf(e, "# HELP %s %s\n# TYPE %s %s\n", e.name, help, e.name, kind)
}

// sample writes a value; labels are names and values in turn.
func (e *exposition) sample(value float64, labels ...string) {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
	e.WriteString(e.name)
	separator := "{"
	for i := 0; i < len(labels); i += 2 {
		e.WriteString(separator + labels[i] + `="` + escape.Replace(labels[i+1]) + `"`)
		separator = ","
	}
	if len(labels) > 0 {
		e.WriteString("}")
	}
	fmt.Fprintf(e, " %v\n", value)
}
