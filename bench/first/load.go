package main

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"time"
)

// server is one of those that are compared.
type server interface {
	name() string
	addr() string // for SMTP
	// delivered is how many messages are in bob's mailbox.
	delivered(ctx context.Context) (int, error)
	stop() error
}

// load is what one run sends.
type load struct {
	sessions, messages, size int
	keep                     bool
}

// result is one run. Accepted and Delivered are messages a second.
type result struct {
	Server    string  `json:"server"`
	Sessions  int     `json:"sessions"`
	Round     int     `json:"round"`
	Messages  int     `json:"messages"`
	Accepted  float64 `json:"accepted"`
	Delivered float64 `json:"delivered"`
}

// longest bounds one run with its deliveries.
const longest = time.Minute

// measure runs smtp-source, and waits until everything is in the mailbox.
func measure(ctx context.Context, s server, l load) (result, error) {
	r := result{Server: s.name(), Sessions: l.sessions, Messages: l.messages}
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	before, err := s.delivered(ctx)
	if err != nil {
		return r, err
	}
	args := []string{
		"-s", strconv.Itoa(l.sessions), "-m", strconv.Itoa(l.messages), "-l", strconv.Itoa(l.size),
		"-M", "crepes.fr", "-f", "alice@crepes.fr", "-t", "bob@hamburger.edu",
	}
	if l.keep {
		args = append(args, "-d")
	}
	began := time.Now()
	if out, err := exec.CommandContext(ctx, "smtp-source", append(args, s.addr())...).CombinedOutput(); err != nil {
		return r, fmt.Errorf("smtp-source with %s: %w\n%s", s.name(), err, out)
	}
	r.Accepted = float64(l.messages) / time.Since(began).Seconds()
	for {
		n, err := s.delivered(ctx)
		if err != nil {
			return r, fmt.Errorf("deliveries of %s: %w", s.name(), err)
		}
		if n >= before+l.messages {
			r.Delivered = float64(l.messages) / time.Since(began).Seconds()
			return r, exactly(n, before+l.messages, s)
		}
		select {
		case <-ctx.Done():
			return r, fmt.Errorf("%s had delivered %d of %d messages when the time was over", s.name(), n-before, l.messages)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func exactly(got, want int, s server) error {
	if got != want {
		return fmt.Errorf("%s has %d messages, %d were sent", s.name(), got, want)
	}
	return nil
}
