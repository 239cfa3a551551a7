package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// flushes is what strace saw of one subject.
type flushes struct {
	Subject string `json:"subject"`
	// Before250 is whether a message was written to a file and that file flushed
	// before the client was told 250.
	Before250 bool        `json:"before_250"`
	Evidence  []string    `json:"evidence"` // the calls, in order
	Rates     []flushRate `json:"rates"`
}

// flushRate is counted while messages are sent, until they are delivered.
type flushRate struct {
	Connections int `json:"connections"`
	Messages    int `json:"messages"`
	Flushes     int `json:"flushes"`
}

func (f flushRate) perMessage() float64 { return quotient(float64(f.Flushes), float64(f.Messages)) }

// Calls of the system that strace shows: those that flush, and those that write
// to files and connections.
const (
	flushCalls = "fsync,fdatasync,syncfs,sync"
	writeCalls = "write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg"
)

// straced is the command that shows calls of a server and all its processes in a
// file, with the time, and with the names of files in place of their numbers.
func straced(file, calls string) []string {
	return []string{"strace", "-f", "--seccomp-bpf", "-qq", "-ttt", "-y", "-a", "1", "-s", "4096", "-o", file, "-e", "trace=" + calls}
}

// flushes looks at each server that keeps messages, in instances of their own:
// strace slows a server.
func (c *comparison) flushes(ctx context.Context) ([]flushes, error) {
	if !c.o.flushes || c.o.inProcess {
		return nil, nil
	}
	if _, err := exec.LookPath("strace"); err != nil {
		fmt.Fprintln(c.progress, "strace is missing (Debian: apt-get install strace): flushes are not looked at")
		return nil, nil
	}
	var out []flushes
	for _, name := range c.o.subjects {
		if name == nullName {
			continue
		}
		fmt.Fprintf(c.progress, "looking at the flushes of %s\n", name)
		f := flushes{Subject: name}
		err := c.oneMessage(ctx, &f)
		if err == nil {
			err = c.flushRates(ctx, &f)
		}
		if err != nil {
			return out, fmt.Errorf("%s under strace: %w (--flushes=false leaves it out)", name, err)
		}
		out = append(out, f)
	}
	return out, nil
}

// underStrace starts a subject, lets use have it, stops it, and returns the calls
// that strace saw.
func (c *comparison) underStrace(ctx context.Context, name, calls string, use func(*subject) error) (seen []call, data string, err error) {
	folder := fmt.Sprintf("%s-strace-%d", name, strings.Count(calls, ","))
	file := filepath.Join(c.dir, folder+".log")
	s, err := starters()[name](ctx, c.place(folder, straced(file, calls)...))
	if err != nil {
		return nil, "", err
	}
	if err := errors.Join(use(s), s.stop()); err != nil {
		return nil, "", err
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, "", err
	}
	defer f.Close()
	seen, err = parseStrace(f)
	return seen, s.data, errors.Join(err, os.RemoveAll(filepath.Join(c.dir, folder)))
}

// oneMessage sends one and looks at what happened before its 250.
func (c *comparison) oneMessage(ctx context.Context, f *flushes) error {
	one := load{connections: 1, size: 1000, perConn: 1, messages: 1, duration: deliveryTime}
	calls, data, err := c.underStrace(ctx, f.Subject, flushCalls+","+writeCalls, func(s *subject) error {
		_, err := measure(ctx, s, scenario{Tool: "go"}, one)
		return err
	})
	if err != nil {
		return err
	}
	f.Before250, f.Evidence = flushedBefore250(calls, firstLine(), data+string(filepath.Separator))
	return nil
}

// flushTime is how long a load lasts whose flushes are counted, and quietTime how
// long after its deliveries the server may still tidy up what belongs to it.
const (
	flushTime = 500 * time.Millisecond
	quietTime = 300 * time.Millisecond
)

// flushRates counts the flushes under the loads of the goals.
func (c *comparison) flushRates(ctx context.Context, f *flushes) error {
	type window struct{ from, to time.Time }
	var windows []window
	calls, _, err := c.underStrace(ctx, f.Subject, flushCalls, func(s *subject) error {
		for _, sc := range c.o.plan() {
			if !sc.Goal {
				continue
			}
			l := sc.load(flushTime)
			l.messages = c.o.messages
			w := window{from: time.Now()}
			r, err := measure(ctx, s, sc, l)
			if err != nil {
				return err
			}
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-time.After(quietTime):
			}
			w.to = time.Now()
			windows = append(windows, w)
			f.Rates = append(f.Rates, flushRate{Connections: sc.Connections, Messages: r.Messages})
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, w := range windows {
		for _, k := range calls {
			if k.flushes() && !k.at.Before(w.from) && k.at.Before(w.to) {
				f.Rates[i].Flushes++
			}
		}
	}
	return nil
}

// flushTable shows the flushes of all subjects.
func (r *report) flushTable() table {
	t := table{head: []string{"server", "flushed before 250", "flushes per message at connections", "what strace saw of one message"}}
	for _, f := range r.Flushes {
		var rates []string
		for _, rate := range f.Rates {
			rates = append(rates, fmt.Sprintf("%d: %s", rate.Connections, decimals(rate.perMessage(), 3)))
		}
		if len(rates) == 0 {
			rates = []string{dash}
		}
		t.rows = append(t.rows, []string{f.Subject, yesNo(f.Before250), strings.Join(rates, ", "), strings.Join(f.Evidence, "; ")})
	}
	return t
}
