package main

import (
	"context"
	"fmt"
	"os/exec"
	"time"
)

// subject is a server that runs and is measured.
type subject struct {
	name string
	addr string // of its SMTP
	web  string // of its pages, if it has some
	data string // folder of all it writes; "" when it keeps nothing
	// delivered is how many messages are in bob's mailbox; nil when none are kept.
	delivered func(context.Context) (int, error)
	group     *group // its processes
	// frames is the longest time between two frames of an open page since it was
	// called last; nil without pages.
	frames func(context.Context) (time.Duration, error)
	stop   func() error
}

// The names of the subjects.
const (
	glassmailName = "glassmail"
	postfixName   = "postfix"
	nullName      = "null"
	watchedName   = "watched" // glassmail with three pages open
)

// place is where and how a subject is started.
type place struct {
	dir         string   // a folder of its own; it does not exist yet
	program     string   // glassmail's
	connections int      // most that come at one time
	web         bool     // with pages
	under       []string // a command under which the server runs, as strace
}

// starters names what can be measured.
func starters() map[string]func(context.Context, place) (*subject, error) {
	return map[string]func(context.Context, place) (*subject, error){
		glassmailName: startGlassmail,
		postfixName:   startPostfix,
		nullName:      startNull,
		watchedName:   startWatched,
	}
}

// child is a process that was started, with someone who waits for it.
type child struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // of Wait, once done is closed
}

func startChild(cmd *exec.Cmd) (*child, error) {
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &child{cmd: cmd, done: make(chan struct{})}
	go func() {
		defer close(c.done)
		c.err = cmd.Wait()
	}()
	return c, nil
}

// end waits for a child that was asked to end, and kills it when it does not.
func (c *child) end(name string) error {
	select {
	case <-c.done:
		return nil
	case <-time.After(20 * time.Second):
		c.cmd.Process.Kill()
		<-c.done
		return fmt.Errorf("%s had to be killed", name)
	}
}

// until polls a condition.
func until(ctx context.Context, every time.Duration, done func() (bool, error)) error {
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(every):
		}
	}
}
