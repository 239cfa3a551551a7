package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"
)

// report is all that was found.
type report struct {
	Time    string    `json:"time"`
	Machine machine   `json:"machine"`
	Seconds float64   `json:"seconds"` // of each run
	Rounds  int       `json:"rounds"`
	Stopped string    `json:"stopped,omitempty"` // why before the end
	Flushes []flushes `json:"flushes"`
	Runs    []run     `json:"runs"`
}

// machine is on what.
type machine struct {
	System     string `json:"system"`
	Processors int    `json:"processors"`
	FileSystem string `json:"file_system"`
	Go         string `json:"go"`
	Postfix    string `json:"postfix,omitempty"`
}

func newReport(o options, dir string) *report {
	r := &report{Time: time.Now().UTC().Format(time.RFC3339), Seconds: o.duration.Seconds(), Rounds: o.rounds}
	r.Machine = machine{
		System: runtime.GOOS + "/" + runtime.GOARCH, Processors: runtime.NumCPU(),
		FileSystem: fileSystem(dir), Go: runtime.Version(),
	}
	if slices.Contains(o.subjects, postfixName) {
		r.Machine.Postfix = postfixVersion()
	}
	return r
}

// write puts the report where the flags say.
func (r *report) write(o options, out io.Writer) error {
	if o.json != "" {
		b, err := json.MarshalIndent(r, "", " ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(o.json, append(b, '\n'), 0o644); err != nil {
			return err
		}
	}
	if o.update != "" {
		if err := r.updateFile(o.update); err != nil {
			return err
		}
	}
	if o.markdown {
		_, err := io.WriteString(out, r.markdown())
		return err
	}
	return r.text(out)
}

// text prints the tables for a terminal.
func (r *report) text(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for i, t := range r.tables() {
		if i > 0 {
			fmt.Fprintln(w)
		}
		for _, row := range append([][]string{t.head}, t.rows...) {
			for _, cell := range row {
				fmt.Fprint(w, cell, "\t")
			}
			fmt.Fprintln(w)
		}
	}
	return w.Flush()
}

// day is the date of a report's time.
func (r *report) day() string {
	t, err := time.Parse(time.RFC3339, r.Time)
	if err != nil {
		return r.Time
	}
	return t.Format("2 January 2006")
}
