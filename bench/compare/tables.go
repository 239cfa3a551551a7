package main

import (
	"fmt"
	"strings"
)

// table is one of the tables of a report.
type table struct {
	head []string
	rows [][]string
}

// tables are those that have rows.
func (r *report) tables() []table {
	var out []table
	for _, t := range []table{r.goalTable(), r.runTable(speedColumns()), r.runTable(costColumns()), r.frameTable(), r.flushTable()} {
		if len(t.rows) > 0 {
			out = append(out, t)
		}
	}
	return out
}

// column is one value of the runs of a subject under one load.
type column struct {
	head string
	cell func(r *report, name string, sc scenario, runs []run) string
}

// speedColumns are how fast messages were taken.
func speedColumns() []column {
	accepted, delivered := func(r run) float64 { return r.Accepted }, func(r run) float64 { return r.Delivered }
	return []column{
		{"accepted/s", middle(accepted, number)},
		{"× Postfix", besidePostfix(accepted)},
		{"delivered/s", middle(delivered, number)},
		{"× Postfix", besidePostfix(delivered)},
		{"250 p50 / p99", spreadCell(func(r run) spread { return r.Reply })},
		{"whole p50 / p99", spreadCell(func(r run) spread { return r.Whole })},
	}
}

// costColumns are what it took.
func costColumns() []column {
	cpu := func(r run) float64 { return r.CPU }
	seconds := func(v float64) string { return decimals(v, 3) }
	return []column{
		{"CPU s / 1,000", middle(cpu, seconds)},
		{"÷ Postfix", besidePostfix(cpu)},
		{"of the load", middle(func(r run) float64 { return r.LoadCPU }, seconds)},
		{"memory", middle(func(r run) float64 { return float64(r.Memory) }, bytesText)},
		{"disk / message", middle(func(r run) float64 { return r.Disk }, bytesText)},
	}
}

// runTable has a row for each subject under each load.
func (r *report) runTable(columns []column) table {
	t := table{head: []string{"connections × size", "server"}}
	for _, c := range columns {
		t.head = append(t.head, c.head)
	}
	for _, sc := range r.scenarios() {
		for _, name := range r.subjects(sc) {
			row := []string{sc.String(), name}
			for _, c := range columns {
				row = append(row, c.cell(r, name, sc, of(r.Runs, name, sc)))
			}
			t.rows = append(t.rows, row)
		}
	}
	return t
}

// frameTable is how long the pages stood still at most.
func (r *report) frameTable() table {
	t := table{head: []string{"connections × size", "longest time between two frames of a page"}}
	for _, sc := range r.scenarios() {
		if runs := of(r.Runs, watchedName, sc); len(runs) > 0 {
			longest := 0.0
			for _, one := range runs {
				longest = max(longest, one.Frame)
			}
			t.rows = append(t.rows, []string{sc.String(), decimals(longest, 0) + " ms"})
		}
	}
	return t
}

// middle is the median over the rounds.
func middle(f func(run) float64, text func(float64) string) func(*report, string, scenario, []run) string {
	return func(_ *report, _ string, _ scenario, runs []run) string { return text(over(runs, f)) }
}

// spreadCell is the medians of p50 and p99.
func spreadCell(f func(run) spread) func(*report, string, scenario, []run) string {
	return func(_ *report, _ string, _ scenario, runs []run) string { return spreadText(runs, f) }
}

// besidePostfix is the ratio of a value to Postfix's.
func besidePostfix(f func(run) float64) func(*report, string, scenario, []run) string {
	return func(r *report, name string, sc scenario, _ []run) string {
		if name == postfixName {
			return dash
		}
		return decimals(r.ratio(sc, name, postfixName, f), 2)
	}
}

// ratio is the median over the rounds of a's value to b's of the same round.
func (r *report) ratio(sc scenario, a, b string, f func(run) float64) float64 {
	var ratios []float64
	for _, x := range of(r.Runs, a, sc) {
		for _, y := range of(r.Runs, b, sc) {
			if x.Round == y.Round && f(y) > 0 {
				ratios = append(ratios, f(x)/f(y))
			}
		}
	}
	return median(ratios)
}

func over(runs []run, f func(run) float64) float64 {
	var values []float64
	for _, r := range runs {
		values = append(values, f(r))
	}
	return median(values)
}

func spreadText(runs []run, f func(run) spread) string {
	p50, p99 := over(runs, func(r run) float64 { return f(r).P50 }), over(runs, func(r run) float64 { return f(r).P99 })
	if p50 == 0 {
		return dash
	}
	return fmt.Sprintf("%s / %s ms", decimals(p50, 2), decimals(p99, 2))
}

// scenarios are those that were measured, in their order.
func (r *report) scenarios() []scenario {
	return distinct(r.Runs, func(r run) (scenario, bool) { return r.Scenario, true })
}

func (r *report) subjects(sc scenario) []string {
	return distinct(r.Runs, func(r run) (string, bool) { return r.Subject, r.Scenario == sc })
}

func distinct[T comparable](runs []run, key func(run) (T, bool)) []T {
	var out []T
	seen := map[T]bool{}
	for _, r := range runs {
		if k, ok := key(r); ok && !seen[k] {
			seen[k] = true
			out = append(out, k)
		}
	}
	return out
}

// dash stands where there is no value.
const dash = "–"

func decimals(v float64, places int) string {
	if v == 0 {
		return dash
	}
	return fmt.Sprintf("%.*f", places, v)
}

// number writes a count with commas, as 12,345.
func number(v float64) string {
	s := fmt.Sprintf("%.0f", v)
	if s == "0" {
		return dash
	}
	var b strings.Builder
	for i, d := range s {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// bytesText writes a number of bytes with a unit.
func bytesText(v float64) string {
	switch {
	case v == 0:
		return dash
	case v >= 1<<20:
		return fmt.Sprintf("%.0f MiB", v/(1<<20))
	case v >= 100<<10 || v >= 1<<10 && float64(int(v)>>10<<10) == v:
		return fmt.Sprintf("%.0f KiB", v/(1<<10))
	case v >= 1<<10:
		return fmt.Sprintf("%.1f KiB", v/(1<<10))
	}
	return fmt.Sprintf("%.0f B", v)
}
