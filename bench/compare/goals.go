package main

import "fmt"

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
		if watched := r.ratio(sc, watchedName, glassmailName, accepted); watched > 0 {
			out = append(out, goal{what: "accepted/s with three pages ÷ without, " + sc.String(), reached: watched, wanted: 0.9})
		}
		if !sc.Goal {
			continue
		}
		n := sc.Connections
		with := fmt.Sprintf("%d connections", n)
		if n == 1 {
			with = "1 connection"
		}
		out = append(out,
			goal{what: "accepted/s ÷ Postfix's, " + with, reached: r.ratio(sc, glassmailName, postfixName, accepted), wanted: least[n]},
			goal{what: "CPU per message ÷ Postfix's, " + with, reached: r.ratio(sc, glassmailName, postfixName, cpu), wanted: 0.2, most: true})
		if n == 100 {
			out = append(out, goal{what: "accepted/s ÷ the null server's, " + with, reached: r.ratio(sc, glassmailName, nullName, accepted), wanted: 0.6})
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
