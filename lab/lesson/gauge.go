package lesson

import (
	"context"
	"sync"
	"time"

	"glassmail/dns"
	"glassmail/wire"
)

// Gauge stands before the handler of a server, counts queries, and can make the
// server as weak as a lesson wants: queries above the limit are lost, as in the
// full buffers of a server that has too much to do.
type Gauge struct {
	next  dns.Quick
	clock wire.Clock

	mu    sync.Mutex
	limit float64 // queries a second; 0 is no limit
	left  float64 // that can be taken now
	at    time.Time
	read  GaugeReading
}

// GaugeReading is what a Gauge counted.
type GaugeReading struct {
	Seen int `json:"seen"` // queries that arrived
	Lost int `json:"lost"` // of these above the limit
}

func (a GaugeReading) plus(b GaugeReading) GaugeReading {
	return GaugeReading{a.Seen + b.Seen, a.Lost + b.Lost}
}

func (a GaugeReading) minus(b GaugeReading) GaugeReading {
	return GaugeReading{a.Seen - b.Seen, a.Lost - b.Lost}
}

// NewGauge counts what reaches next.
func NewGauge(next dns.Quick, clock wire.Clock) *Gauge { return &Gauge{next: next, clock: clock} }

// Limit is how many queries a second the server bears from now on, with bursts of
// a tenth of a second's worth; 0 is no limit.
func (g *Gauge) Limit(perSecond int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.limit, g.left, g.at = float64(perSecond), float64(perSecond)/10, g.clock.Now()
}

// Read is the counts so far.
func (g *Gauge) Read() GaugeReading {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.read
}

// bears counts a query and reports whether it is served.
func (g *Gauge) bears() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.read.Seen++
	if g.limit == 0 {
		return true
	}
	now := g.clock.Now()
	g.left = min(g.left+g.limit*now.Sub(g.at).Seconds(), max(1, g.limit/10))
	g.at = now
	if g.left < 1 {
		g.read.Lost++
		return false
	}
	g.left--
	return true
}

// Answer asks the handler behind, unless the query is lost.
func (g *Gauge) Answer(ctx context.Context, r *dns.Request) *dns.Message {
	if !g.bears() {
		return nil
	}
	return g.next.Answer(ctx, r)
}

// AnswerNow is Answer for what needs no waiting. A query for which the handler
// must wait is counted by the Answer that follows.
func (g *Gauge) AnswerNow(r *dns.Request) (*dns.Message, bool) {
	m, ok := g.next.AnswerNow(r)
	if !ok {
		return nil, false
	}
	if !g.bears() {
		return nil, true
	}
	return m, true
}
