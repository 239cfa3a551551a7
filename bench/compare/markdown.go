package main

import (
	"fmt"
	"os"
	"strings"
)

// The lines between which a file holds the tables.
const (
	measuredBegin = "<!-- measured: written by bench/compare -->\n"
	measuredEnd   = "<!-- measured: end -->\n"
)

// markdown is the part of docs/performance.md that is measured.
func (r *report) markdown() string {
	var b strings.Builder
	m := r.Machine
	fmt.Fprintf(&b, "Measured on %s: %d processors, %s, %s, %s", r.day(), m.Processors, m.System, m.FileSystem, m.Go)
	if m.Postfix != "" {
		fmt.Fprintf(&b, ", Postfix %s", m.Postfix)
	}
	fmt.Fprintf(&b, "; medians of rounds: %d, of %g s each", r.Rounds, r.Seconds)
	if r.Stopped != "" {
		fmt.Fprintf(&b, "; stopped before the end: %s", r.Stopped)
	}
	b.WriteString(".\n")
	for _, t := range r.tables() {
		b.WriteString("\n")
		row(&b, t.head)
		row(&b, make([]string, len(t.head)))
		for _, cells := range t.rows {
			row(&b, cells)
		}
	}
	return b.String()
}

// row writes one line of a table; empty cells are the line below a head.
func row(b *strings.Builder, cells []string) {
	b.WriteByte('|')
	for _, c := range cells {
		if c == "" {
			b.WriteString("---|")
			continue
		}
		b.WriteString(" " + c + " |")
	}
	b.WriteByte('\n')
}

// updateFile replaces what stands between the marks.
func (r *report) updateFile(name string) error {
	old, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	text, err := replaceMeasured(string(old), r.markdown())
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return os.WriteFile(name, []byte(text), 0o644)
}

func replaceMeasured(text, part string) (string, error) {
	before, rest, ok := strings.Cut(text, measuredBegin)
	_, after, end := strings.Cut(rest, measuredEnd)
	if !ok || !end {
		return "", fmt.Errorf("there is no part between %q and %q", strings.TrimSpace(measuredBegin), strings.TrimSpace(measuredEnd))
	}
	return before + measuredBegin + part + measuredEnd + after, nil
}
