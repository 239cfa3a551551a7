// Command first compares how many messages a second glassmail and Postfix accept
// on this machine, side by side in one run, with smtp-source as the load.
//
// Both get the same messages over the same loopback interface and write to the
// same file system. Postfix runs as an instance of its own: configuration, queue
// and mailboxes are in a temporary folder, and the system's instance is not
// touched. Its virtual(8) delivers into a Maildir, which it flushes. Neither
// server has a filter. The order is A B A B, so that a machine that becomes
// slower meanwhile is slower for both.
//
// A 250 of glassmail says that the message is in the mailbox; one of Postfix that
// it is in the queue. So two figures are given: accepted, which ends with the
// last 250, and delivered, which ends when all messages are in the mailbox.
//
// It needs Linux, the Debian package postfix, and root, without which Postfix
// does not start:
//
//	go run ./bench/first
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// options are the flags.
type options struct {
	glassmail string // program; "" builds it
	dir       string // where the temporary folder is made
	sessions  []int
	size      int // bytes of a message
	rounds    int
	seconds   float64 // for each run, roughly
	keep      bool    // connections for many messages
	json      string  // file
}

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "first: %v\n", err)
		os.Exit(1)
	}
}

func parseFlags(args []string) (options, error) {
	var o options
	var sessions string
	f := flag.NewFlagSet("first", flag.ContinueOnError)
	f.StringVar(&o.glassmail, "glassmail", "", "program to measure (default: built from this source)")
	f.StringVar(&o.dir, "dir", "", "folder on the file system to measure (default: the system's for temporary files)")
	f.StringVar(&sessions, "sessions", "1,10,100", "numbers of simultaneous sessions")
	f.IntVar(&o.size, "size", 4096, "bytes of a message")
	f.IntVar(&o.rounds, "rounds", 2, "how often both servers have their turn")
	f.Float64Var(&o.seconds, "seconds", 3, "how long a run is to take")
	f.BoolVar(&o.keep, "keep", false, "keep each connection for many messages, instead of one for each message")
	f.StringVar(&o.json, "json", "", "write the runs to this file, as JSON (default: after the table)")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if o.rounds < 1 || o.seconds <= 0 || o.size < 1 {
		return o, errors.New("-rounds, -seconds and -size must be above zero")
	}
	for s := range strings.SplitSeq(sessions, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return o, fmt.Errorf("-sessions %s: write numbers with commas, as in 1,10,100", sessions)
		}
		o.sessions = append(o.sessions, n)
	}
	return o, nil
}

func run(args []string, out io.Writer) (err error) {
	o, err := parseFlags(args)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	dir, err := os.MkdirTemp(o.dir, "glassmail-first-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // Postfix works in it as several users
		return err
	}
	servers, err := startAll(ctx, o, dir)
	defer func() {
		for _, s := range servers {
			err = errors.Join(err, s.stop())
		}
	}()
	if err != nil {
		return err
	}
	runs, err := compare(ctx, o, servers)
	if err != nil {
		return err
	}
	table(out, o, runs)
	return report(out, o, runs)
}

// startAll returns those that were started, also with an error.
func startAll(ctx context.Context, o options, dir string) ([]server, error) {
	g, err := startGlassmail(ctx, o.glassmail, filepath.Join(dir, "glassmail"))
	if err != nil {
		return nil, err
	}
	p, err := startPostfix(ctx, filepath.Join(dir, "postfix"), o.sessions)
	if err != nil {
		return []server{g}, err
	}
	return []server{g, p}, nil
}

// compare lets the servers take turns.
func compare(ctx context.Context, o options, servers []server) ([]result, error) {
	var runs []result
	for _, sessions := range o.sessions {
		counts := map[string]int{}
		for _, s := range servers {
			// A short run tells how many messages fill the time, and warms up.
			r, err := measure(ctx, s, load{sessions: sessions, messages: 100 + 2*sessions, size: o.size, keep: o.keep})
			if err != nil {
				return runs, err
			}
			counts[s.name()] = min(max(int(r.Accepted*o.seconds), 100+2*sessions), 50000)
		}
		for round := range o.rounds {
			for _, s := range servers {
				r, err := measure(ctx, s, load{sessions: sessions, messages: counts[s.name()], size: o.size, keep: o.keep})
				if err != nil {
					return runs, err
				}
				r.Round = round + 1
				runs = append(runs, r)
			}
		}
	}
	return runs, nil
}

// table prints the mean of the rounds, and the ratios.
func table(out io.Writer, o options, runs []result) {
	fmt.Fprintf(out, "Messages a second; %d bytes each, %s\n", o.size,
		map[bool]string{false: "one connection for each", true: "connections kept"}[o.keep])
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "sessions\tglassmail accepts\tPostfix accepts\tratio\tglassmail delivers\tPostfix delivers\tratio\t")
	for _, n := range o.sessions {
		ga, gd := mean(runs, "glassmail", n)
		pa, pd := mean(runs, "postfix", n)
		fmt.Fprintf(w, "%d\t%.0f\t%.0f\t%.2f\t%.0f\t%.0f\t%.2f\t\n", n, ga, pa, ga/pa, gd, pd, gd/pd)
	}
	w.Flush()
}

func mean(runs []result, server string, sessions int) (accepted, delivered float64) {
	n := 0.0
	for _, r := range runs {
		if r.Server == server && r.Sessions == sessions {
			accepted += r.Accepted
			delivered += r.Delivered
			n++
		}
	}
	return accepted / n, delivered / n
}

func report(out io.Writer, o options, runs []result) error {
	b, err := json.MarshalIndent(struct {
		Time string   `json:"time"`
		Size int      `json:"size"`
		Keep bool     `json:"keep"`
		Runs []result `json:"runs"`
	}{time.Now().UTC().Format(time.RFC3339), o.size, o.keep, runs}, "", " ")
	if err != nil {
		return err
	}
	b = append(b, '\n')
	if o.json != "" {
		return os.WriteFile(o.json, b, 0o644)
	}
	_, err = out.Write(b)
	return err
}
