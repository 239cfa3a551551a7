package main

import (
	"context"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"time"
)

// load is what is sent in one run.
type load struct {
	connections int
	size        int           // bytes of a message, header and all
	pipelined   bool          // MAIL, RCPT and DATA in one write (RFC 2920)
	perConn     int           // messages after which a connection is closed and made anew
	duration    time.Duration // no message begins later
	messages    int           // nor are there more; 0 means no limit
	rate        int           // messages a second at most, over all connections; 0 means no limit
}

// outcome is what came of it.
type outcome struct {
	accepted int
	took     time.Duration   // to the last 250
	cpu      time.Duration   // of the load generator; 0 where it is not known
	reply    []time.Duration // from the write of a text to its 250
	whole    []time.Duration // from MAIL, or from connecting where each message has a connection, to the 250
}

// longestAnswer bounds the wait for a server in one run beyond its duration.
const longestAnswer = 30 * time.Second

// more reports whether the message with that number, from 1, is to be sent, and waits
// until it is time.
func (l load) more(ctx context.Context, number int64, begin, end time.Time) bool {
	if l.messages > 0 && number > int64(l.messages) {
		return false
	}
	if l.rate > 0 {
		due := begin.Add(time.Duration(number-1) * time.Second / time.Duration(l.rate))
		if due.After(end) {
			return false
		}
		select {
		case <-time.After(time.Until(due)):
		case <-ctx.Done():
		}
	}
	return time.Now().Before(end)
}

// send puts the load on the server at addr. It ends at the first error, which is
// also a reply other than the expected one: a run in which something was refused
// measures nothing.
func send(ctx context.Context, addr string, l load) (outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, l.duration+longestAnswer)
	defer cancel()
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var (
		begin   = time.Now()
		cpu     = ownCPU()
		end     = begin.Add(l.duration)
		begun   atomic.Int64
		more    = func() bool { return l.more(ctx, begun.Add(1), begin, end) }
		senders = make([]sender, l.connections)
		wg      sync.WaitGroup
	)
	text := newText(l.size)
	for i := range senders {
		s := &senders[i]
		*s = sender{addr: addr, load: l, more: more, text: text.of(i)}
		wg.Go(func() {
			pprof.Do(ctx, pprof.Labels("side", "load"), func(ctx context.Context) {
				if err := s.run(ctx); err != nil {
					fail(err)
				}
			})
		})
	}
	wg.Wait()
	o := outcome{took: time.Since(begin), cpu: ownCPU() - cpu}
	for i := range senders {
		o.reply = append(o.reply, senders[i].reply...)
		o.whole = append(o.whole, senders[i].whole...)
	}
	o.accepted = len(o.reply)
	return o, context.Cause(ctx)
}
