package wiretest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"glassmail/wire"
)

// Interceptor is a wire.Interceptor that keeps the lines that it is asked about; what
// it decides is for the test. The zero value lets everything pass, and nothing has
// waited at it.
type Interceptor struct {
	Decide func(ctx context.Context, p wire.Line) wire.Verdict
	Stood  func(a, b string) time.Duration // for how long the connection from a to b has waited; nil is what Stand says

	idle  atomic.Bool
	mu    sync.Mutex
	seen  []wire.Line
	stood time.Duration
	step  time.Duration
}

// Intercept keeps the line.
func (g *Interceptor) Intercept(ctx context.Context, p wire.Line) wire.Verdict {
	g.mu.Lock()
	g.seen = append(g.seen, p)
	g.mu.Unlock()
	if g.Decide == nil {
		return wire.Verdict{}
	}
	return g.Decide(ctx, p)
}

// Idle is what SetIdle said last, at first false.
func (g *Interceptor) Idle() bool { return g.idle.Load() }

// SetIdle says whether lines pass without being shown.
func (g *Interceptor) SetIdle(is bool) { g.idle.Store(is) }

// Paused is for how long a connection has waited.
func (g *Interceptor) Paused(a, b string) time.Duration {
	if g.Stood != nil {
		return g.Stood(a, b)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stood += g.step
	return g.stood
}

// Stand says for how long every connection has waited.
func (g *Interceptor) Stand(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stood = d
}

// Grow lets that grow by a step whenever somebody asks, and tells how much it is.
func (g *Interceptor) Grow(step time.Duration) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.step = step
	return g.stood
}

// Seen are the lines so far.
func (g *Interceptor) Seen() []wire.Line {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.seen)
}

// Lines are the same in short: who said what, to or in answer to which command.
func (g *Interceptor) Lines() []string {
	var out []string
	for _, p := range g.Seen() {
		what := p.Text
		if p.Data {
			what = fmt.Sprintf("%q, %d bytes", p.Text, p.Size)
		}
		out = append(out, string(rune(p.Dir))+" "+p.Command+": "+what)
	}
	return out
}

// StopAt is an interceptor at which the first line that begins with text waits, until
// its connection ends or the test lets it go.
func StopAt(text string) (g *Interceptor, waits <-chan struct{}, release func()) {
	began, gone := make(chan struct{}), make(chan struct{})
	var once sync.Once
	g = &Interceptor{Decide: func(ctx context.Context, p wire.Line) wire.Verdict {
		if strings.HasPrefix(p.Text, text) {
			once.Do(func() {
				p.Waits()
				close(began)
				select {
				case <-ctx.Done():
				case <-gone:
				}
			})
		}
		return wire.Verdict{}
	}}
	return g, began, func() { close(gone) }
}
