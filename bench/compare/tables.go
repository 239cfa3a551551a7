package main

import (
	"fmt"
	"strings"
	"time"
)

// table is one of the tables of a report.
type table struct {
	head []string
	rows [][]string
}

// tables are those that have rows.
func (r *report) tables() []table {
	var out []table
	for _, t := range []table{r.runTable(), r.flushTable(), r.goalTable()} {
		if len(t.rows) > 0 {
			out = append(out, t)
		}
	}
	return out
}

// runTable shows the median over the rounds.
func (r *report) runTable() table {
	t := table{head: []string{"connections × size", "server", "accepted/s", "delivered/s", "250 p50 / p99", "whole p50 / p99",
		"CPU s / 1,000", "of the load", "memory", "disk / message", "accepted, × Postfix", "CPU, ÷ Postfix"}}
	for _, sc := range r.scenarios() {
		for _, name := range r.subjects(sc) {
			runs := of(r.Runs, name, sc)
			med := func(f func(run) float64) float64 { return over(runs, f) }
			row := []string{sc.String(), name, number(med(func(r run) float64 { return r.Accepted })),
				number(med(func(r run) float64 { return r.Delivered }))}
			row = append(row, spreadText(runs, func(r run) spread { return r.Reply }), spreadText(runs, func(r run) spread { return r.Whole }))
			row = append(row, decimals(med(func(r run) float64 { return r.CPU }), 3), decimals(med(func(r run) float64 { return r.LoadCPU }), 3),
				bytesText(med(func(r run) float64 { return float64(r.Memory) })), bytesText(med(func(r run) float64 { return r.Disk })))
			row = append(row, r.besidePostfix(name, sc, func(r run) float64 { return r.Accepted }),
				r.besidePostfix(name, sc, func(r run) float64 { return r.CPU }))
			t.rows = append(t.rows, row)
		}
	}
	return t
}

// besidePostfix is the ratio of a value to Postfix's.
func (r *report) besidePostfix(name string, sc scenario, f func(run) float64) string {
	if name == postfixName {
		return dash
	}
	return decimals(r.ratio(sc, name, postfixName, f), 2)
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

// goal is one line of what is to be reached.
type goal struct {
	what    string
	reached float64
	wanted  float64
	most    bool // wanted is the most, not the least
}

// goals are those for which something was measured.
func (r *report) goals() []goal {
	least := map[int]float64{1: 1.5, 10: 8, 100: 15}
	accepted, cpu := func(r run) float64 { return r.Accepted }, func(r run) float64 { return r.CPU }
	var out []goal
	for _, sc := range r.scenarios() {
		if !sc.Goal {
			continue
		}
		n := sc.Connections
		out = append(out,
			goal{what: fmt.Sprintf("accepted/s ÷ Postfix's, %d connections", n), reached: r.ratio(sc, glassmailName, postfixName, accepted), wanted: least[n]},
			goal{what: fmt.Sprintf("CPU per message ÷ Postfix's, %d connections", n), reached: r.ratio(sc, glassmailName, postfixName, cpu), wanted: 0.2, most: true})
		if n == 100 {
			out = append(out, goal{what: "accepted/s ÷ the null server's, 100 connections", reached: r.ratio(sc, glassmailName, nullName, accepted), wanted: 0.6})
		}
	}
	return out
}

func (g goal) met() bool {
	if g.most {
		return g.reached <= g.wanted
	}
	return g.reached >= g.wanted
}

func (r *report) goalTable() table {
	t := table{head: []string{"goal", "wanted", "measured", "reached"}}
	for _, g := range r.goals() {
		if g.reached == 0 {
			continue
		}
		sign := "≥ "
		if g.most {
			sign = "≤ "
		}
		t.rows = append(t.rows, []string{g.what, sign + fmt.Sprint(g.wanted), decimals(g.reached, 2), yesNo(g.met())})
	}
	return t
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// day is the date of a report's time.
func (r *report) day() string {
	t, err := time.Parse(time.RFC3339, r.Time)
	if err != nil {
		return r.Time
	}
	return t.Format("2 January 2006")
}
