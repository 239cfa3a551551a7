package queue

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"sync"
	"time"

	"glassmail/trace"
	"glassmail/wire"
)

// Options are what a Runner works with. Fields without a default are required.
type Options struct {
	Name        string           // this node's host name: EHLO, reports, trace
	Names       []string         // other host names of this node that MX records may have
	Store       Store            //
	Resolver    Resolver         //
	Host        wire.Host        //
	Trace       *trace.Log       // may be nil
	Interceptor wire.Interceptor // where lines can be held; may be nil

	Port      uint16      // of mail hosts; 25
	Reach     *wire.Reach // to which of their addresses; nil: to all, as in a lab
	TLS       TLSPolicy   // Opportunistic
	TLSConfig *tls.Config // roots and versions; nil: the system's roots
	Retry     RetrySchedule
	Timeouts  Timeouts

	Workers       int           // connections in all; 32
	PerDest       int           // connections to one destination; 4
	MaxRecipients int           // in one transaction; 100
	MaxMessages   int           // over one connection; 100
	Idle          time.Duration // a connection is kept without a message; 3 seconds
	Lease         time.Duration // longest attempt; 30 minutes
	Grace         time.Duration // for what is under way when Run is stopped; 7 seconds

	Shuffle func(n int, swap func(i, j int)) // mixes hosts of equal preference; math/rand
}

func (o Options) withDefaults() (Options, error) {
	if o.Name == "" || o.Store == nil || o.Resolver == nil || o.Host == nil {
		return o, errors.New("queue: Name, Store, Resolver and Host are required")
	}
	o.Names = append([]string{o.Name}, o.Names...)
	if o.Port == 0 {
		o.Port = 25
	}
	o.Retry = o.Retry.withDefaults()
	o.Timeouts = o.Timeouts.withDefaults()
	setDefault(&o.Workers, 32)
	setDefault(&o.PerDest, 4)
	setDefault(&o.MaxRecipients, 100)
	setDefault(&o.MaxMessages, 100)
	setDefault(&o.Idle, 3*time.Second)
	setDefault(&o.Lease, 30*time.Minute)
	setDefault(&o.Grace, 7*time.Second)
	if o.Shuffle == nil {
		o.Shuffle = shuffle
	}
	return o, nil
}

// Limits of what is leased ahead of the workers.
const (
	leaseBatch  = 16 // jobs in one Lease
	destBacklog = 16 // jobs that wait for one destination
)

// Runner sends what is due. It holds a bounded number of workers, each of which
// takes one job after the other, and prefers jobs for the destination that it
// has a connection to. Jobs that were leased and have no worker yet wait in a
// bounded backlog; there is no goroutine per message.
type Runner struct {
	o    Options
	idle idle
	wg   sync.WaitGroup // workers, and connections that say QUIT

	mu      sync.Mutex
	dests   map[string]*destination
	waiting int           // jobs in all backlogs
	workers int           // running
	changed chan struct{} // capacity 1: there may be room for more jobs
	trouble error         // of the last Lease
}

// Working reports why nothing new is sent at this time; nil if all is well.
func (r *Runner) Working() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.trouble
}

func (r *Runner) setTrouble(err error) {
	r.mu.Lock()
	r.trouble = err
	r.mu.Unlock()
}

// destination is what is known of a destination that has something to do.
type destination struct {
	backlog []Job
	workers int
}

// New checks the options.
func New(o Options) (*Runner, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Runner{o: o, dests: map[string]*destination{}, changed: make(chan struct{}, 1)}, nil
}

// Run sends until ctx ends. Then it begins nothing more, lets what is under way
// go on for Options.Grace, breaks the rest off, gives jobs back that were leased
// and not begun, and returns when all its goroutines have ended. It may be
// called once.
func (r *Runner) Run(ctx context.Context) error {
	hard, breakOff := context.WithCancel(context.WithoutCancel(ctx))
	defer breakOff()
	last, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()

	crew := &dispatcher{Runner: r, soft: ctx.Done(), hard: hard, last: last}
	crew.dispatch(ctx)

	done := make(chan struct{})
	go func() {
		defer close(done)
		crew.putBack()
		crew.dismiss(r.idle.all())
		r.wg.Wait()
	}()
	if !r.await(done, r.o.Grace) {
		breakOff()
		if !r.await(done, lastWords) {
			giveUp()
		}
	}
	<-done
	crew.dismiss(r.idle.all())
	r.wg.Wait()
	return nil
}

// lastWords is the time for recording results after the grace.
const lastWords = 2 * time.Second

// await waits for done, at most d, and reports whether it came.
func (r *Runner) await(done <-chan struct{}, d time.Duration) bool {
	late, stop := r.o.Host.Clock().After(d)
	defer stop()
	select {
	case <-done:
		return true
	case <-late:
		return false
	}
}

// Pauses after a Lease that failed.
const (
	leaseFirst = time.Second
	leaseCap   = time.Minute
)

// recheck is when a Store is asked again that has due jobs and gave none.
const recheck = time.Second

// dispatcher is a Runner at work.
type dispatcher struct {
	*Runner
	soft <-chan struct{} // closed: begin nothing more
	hard context.Context // ends attempts
	last context.Context // ends the recording of results
}

// dispatch leases due jobs and hands them to workers until ctx ends.
func (c *dispatcher) dispatch(ctx context.Context) {
	pause := leaseFirst
	for ctx.Err() == nil {
		next, err := c.fill(ctx)
		c.setTrouble(err)
		now := c.o.Host.Clock().Now()
		switch {
		case err == nil:
			pause = leaseFirst
		case ctx.Err() != nil:
			return
		default:
			c.o.Trace.Add(trace.Event{Node: c.o.Name, Proto: trace.Queue, Kind: trace.Note, Dir: trace.Self, Text: printable("the queue cannot be read: " + err.Error())})
			next, pause = now.Add(pause), min(2*pause, leaseCap)
		}
		gone, expiry := c.idle.expired(now)
		c.dismiss(gone)
		c.sleep(ctx, earlier(next, expiry))
	}
}

// earlier is the earlier of two times of which zero means never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// sleep waits for next (zero: for ever), for news of the store, or for room.
func (c *dispatcher) sleep(ctx context.Context, next time.Time) {
	var ring <-chan time.Time
	if !next.IsZero() {
		var stop func()
		ring, stop = c.alarm(next)
		defer stop()
	}
	select {
	case <-ctx.Done():
	case <-ring:
	case <-c.o.Store.Wake():
	case <-c.changed:
	}
}

// alarm rings at t, also if the clock is moved forward while it is being set.
func (c *dispatcher) alarm(t time.Time) (<-chan time.Time, func()) {
	clock := c.o.Host.Clock()
	for {
		now := clock.Now()
		ring, stop := clock.After(t.Sub(now))
		if clock.Now().Sub(now) < time.Second {
			return ring, stop
		}
		stop()
	}
}

// fill leases jobs while there is room for them, and tells when to look again
// (zero: when the store wakes us, or a worker is done).
func (c *dispatcher) fill(ctx context.Context) (time.Time, error) {
	for c.room() {
		now := c.o.Host.Clock().Now()
		jobs, next, err := c.o.Store.Lease(ctx, now, leaseBatch, c.o.Lease, c.full)
		if err != nil {
			return time.Time{}, fmt.Errorf("lease jobs: %w", err)
		}
		c.take(jobs)
		if len(jobs) == 0 {
			if !next.IsZero() && !next.After(now) {
				next = now.Add(recheck) // all that is due waits for its destination
			}
			return next, nil
		}
	}
	return time.Time{}, nil
}

// room reports whether more jobs can be leased.
func (r *Runner) room() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.workers < r.o.Workers || r.waiting < r.o.Workers
}

// full reports whether a destination has enough to do.
func (r *Runner) full(dest string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := r.dests[dest]
	return d != nil && len(d.backlog) >= destBacklog
}

// take puts jobs into the backlog and starts workers for them.
func (c *dispatcher) take(jobs []Job) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, j := range jobs {
		d := c.dests[j.Dest]
		if d == nil {
			d = &destination{}
			c.dests[j.Dest] = d
		}
		d.backlog = append(d.backlog, j)
		c.waiting++
		if d.workers < c.o.PerDest && c.workers < c.o.Workers {
			d.workers++
			c.workers++
			c.wg.Go(func() { c.work(j.Dest) })
		}
	}
}

// next takes a job out of the backlog: of dest if it has one, else of another
// destination that can have a worker more. The worker counts for the job's
// destination from then on; without a job it is counted off.
func (c *dispatcher) next(dest string) (Job, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.dests[dest]
	if len(d.backlog) == 0 || c.stopping() {
		d.workers--
		if d.workers == 0 && len(d.backlog) == 0 {
			delete(c.dests, dest)
		}
		d = c.other()
		if d == nil {
			c.workers--
			c.signal()
			return Job{}, false
		}
		d.workers++
	}
	j := d.backlog[0]
	d.backlog[0] = Job{}
	d.backlog = d.backlog[1:]
	c.waiting--
	c.signal()
	return j, true
}

// other is a destination that waits for a worker, nil if there is none. It runs
// under the lock.
func (c *dispatcher) other() *destination {
	if c.waiting == 0 || c.stopping() {
		return nil
	}
	for _, d := range c.dests {
		if len(d.backlog) > 0 && d.workers < c.o.PerDest {
			return d
		}
	}
	return nil
}

func (c *dispatcher) stopping() bool {
	select {
	case <-c.soft:
		return true
	default:
		return false
	}
}

// signal lets the dispatcher look for more jobs.
func (r *Runner) signal() {
	select {
	case r.changed <- struct{}{}:
	default:
	}
}
