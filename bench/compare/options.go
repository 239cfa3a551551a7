package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// options are the flags.
type options struct {
	program  string // glassmail; "" builds it
	dir      string // where the temporary folder is made
	subjects []string
	rounds   int
	duration time.Duration // of the load of one run
	messages int           // most of one run; 0 means no limit
	limit    time.Duration // of the comparison
	quick    bool
	only     scenario // when connections are given, the only one
	flushes  bool

	inProcess              bool
	cpuProfile, memProfile string

	json, update string // files
	markdown     bool
}

const usageText = `compare: glassmail, Postfix and a server that keeps nothing, in turn, on this machine

usage: go run ./bench/compare [flags]

`

// parseFlags reads the command line. Usage goes to w.
func parseFlags(args []string, w io.Writer) (options, error) {
	var o options
	var subjects string
	f := flag.NewFlagSet("compare", flag.ContinueOnError)
	f.SetOutput(w)
	f.Usage = func() {
		io.WriteString(w, usageText)
		f.PrintDefaults()
	}
	f.StringVar(&o.program, "glassmail", "", "`program` to measure (default: built from this source)")
	f.StringVar(&o.dir, "dir", "/var/tmp", "`folder` on the disk to measure; what is written there is removed at the end")
	f.StringVar(&subjects, "subjects", "glassmail,postfix,null", "servers to measure, in this order: glassmail, watched (with three pages open in Chromium), postfix, null")
	f.IntVar(&o.rounds, "rounds", 3, "how often each server has its turn")
	f.DurationVar(&o.duration, "duration", 2*time.Second, "of the load of one run")
	f.IntVar(&o.messages, "messages", 0, "most messages of one run (default: as many as fit into its duration)")
	f.DurationVar(&o.limit, "limit", 5*time.Minute, "of everything; what was measured until then is printed")
	f.BoolVar(&o.quick, "quick", false, "below a minute: one round of the three loads for which there are goals")
	f.IntVar(&o.only.Connections, "connections", 0, "measure only one load, with this many connections, and with -size, -pipelined, -kept, -tool")
	f.IntVar(&o.only.Size, "size", 4096, "bytes of a message")
	f.BoolVar(&o.only.Pipelined, "pipelined", true, "write MAIL, RCPT and DATA together")
	f.BoolVar(&o.only.Kept, "kept", true, "send many messages over each connection")
	f.IntVar(&o.only.Rate, "rate", 0, "messages a second at most, over all connections (default: as many as are accepted)")
	f.StringVar(&o.only.Tool, "tool", "go", "load generator: go or smtp-source")
	f.BoolVar(&o.flushes, "flushes", true, "look at the servers' flushes with strace")
	f.BoolVar(&o.inProcess, "in-process", false, "run glassmail inside this program, to profile it")
	f.StringVar(&o.cpuProfile, "cpuprofile", "", "write a profile of processor time to this `file` (with -in-process); pprof -tagignore side=load leaves out the load")
	f.StringVar(&o.memProfile, "memprofile", "", "write a profile of allocations to this `file` (with -in-process)")
	f.StringVar(&o.json, "json", "", "write all runs to this `file`")
	f.BoolVar(&o.markdown, "markdown", false, "print the tables as in docs/performance.md")
	f.StringVar(&o.update, "update", "", "replace the tables in this `file`, as docs/performance.md")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.subjects = strings.Split(subjects, ",")
	if o.quick {
		o.rounds, o.duration = 1, min(o.duration, time.Second)
	}
	return o, o.check(f.Args())
}

func (o options) check(rest []string) error {
	known := starters()
	switch {
	case len(rest) > 0:
		return fmt.Errorf("%s: only flags are expected", rest[0])
	case o.rounds < 1 || o.duration <= 0 || o.limit <= 0 || o.only.Size < 1 || o.only.Rate < 0 || o.messages < 0 || o.only.Connections < 0:
		return errors.New("-rounds, -duration, -limit, -size and the like must be above zero")
	case o.only.Tool != "go" && o.only.Tool != smtpSource:
		return fmt.Errorf("-tool %s: go or smtp-source", o.only.Tool)
	case !o.inProcess && (o.cpuProfile != "" || o.memProfile != ""):
		return errors.New("-cpuprofile and -memprofile need -in-process")
	}
	for i, s := range o.subjects {
		if known[s] == nil || slices.Contains(o.subjects[:i], s) {
			return fmt.Errorf("-subjects: %q is not glassmail, watched, postfix or null, or stands there twice", s)
		}
	}
	return nil
}

// plan is what the subjects get.
func (o options) plan() []scenario {
	if o.only.Connections > 0 {
		return []scenario{o.only}
	}
	return scenarios(o.quick)
}
