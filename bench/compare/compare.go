package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"
)

// comparison is the work of one call.
type comparison struct {
	o        options
	dir      string
	program  string
	progress io.Writer
	subjects []*subject
	warm     int // most connections that the subjects had
}

// start starts all subjects; stop is to be called also after an error.
func (c *comparison) start(ctx context.Context) error {
	for _, name := range c.o.subjects {
		start := starters()[name]
		if name == glassmailName && c.o.inProcess {
			start = startInProcess
		}
		s, err := start(ctx, c.place(name))
		if err != nil {
			return err
		}
		c.subjects = append(c.subjects, s)
	}
	return nil
}

func (c *comparison) place(folder string, under ...string) place {
	most := 0
	for _, s := range c.o.plan() {
		most = max(most, s.Connections)
	}
	return place{dir: filepath.Join(c.dir, folder), program: c.program, connections: most, under: under}
}

func (c *comparison) stop() error {
	var err error
	for _, s := range c.subjects {
		err = errors.Join(err, s.stop())
	}
	c.subjects = nil
	return err
}

// runs measures: for each load, round after round, subject after subject, so
// that a machine that becomes slower meanwhile is slower for all. When ctx ends,
// it returns the runs it has, without an error.
func (c *comparison) runs(ctx context.Context) ([]run, error) {
	var runs []run
	for _, sc := range c.o.plan() {
		loads, err := c.warmUp(ctx, sc)
		for round := 1; err == nil && round <= c.o.rounds; round++ {
			for i, s := range c.subjects {
				var r run
				if r, err = measure(ctx, s, sc, loads[i]); err != nil {
					break
				}
				r.Round = round
				fmt.Fprintf(c.progress, "%-44s round %d  %-9s %7.0f/s  %s\n", sc, round, s.name, r.Accepted,
					spreadText([]run{r}, func(r run) spread { return r.Reply }))
				runs = append(runs, r)
			}
		}
		if ctx.Err() != nil {
			fmt.Fprintf(c.progress, "stopped: %v\n", context.Cause(ctx))
			return runs, nil
		}
		if err != nil {
			return runs, fmt.Errorf("%s: %w", sc, err)
		}
	}
	return runs, nil
}

// How long each subject gets a load before it is measured: longer when there are
// more connections than before. Postfix makes its processes one after the other,
// some thirty a second.
const (
	warmUpTime = 300 * time.Millisecond
	warmUpEach = 35 * time.Millisecond // for each connection
)

// warmUp lets each subject make its processes and files, and finds how many
// messages fill the duration: smtp-source wants to know before.
func (c *comparison) warmUp(ctx context.Context, sc scenario) ([]load, error) {
	duration := warmUpTime
	if sc.Connections > c.warm {
		duration += time.Duration(sc.Connections) * warmUpEach
		c.warm = sc.Connections
	}
	loads := make([]load, len(c.subjects))
	for i, s := range c.subjects {
		l := sc.load(duration)
		l.messages = c.o.messages
		r, err := measure(ctx, s, sc.by("go"), l)
		if err != nil {
			return nil, err
		}
		loads[i] = sc.load(c.o.duration)
		loads[i].messages = c.o.messages
		if sc.Tool == smtpSource && loads[i].messages == 0 {
			loads[i].messages = max(int(r.Accepted*c.o.duration.Seconds()), 2*sc.Connections)
		}
	}
	return loads, nil
}

func (s scenario) by(tool string) scenario {
	s.Tool = tool
	return s
}

// of are the runs of one subject under one load.
func of(runs []run, subject string, sc scenario) []run {
	return slices.DeleteFunc(slices.Clone(runs), func(r run) bool { return r.Subject != subject || r.Scenario != sc })
}
