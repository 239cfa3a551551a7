package main

import (
	"math"
	"strings"
	"testing"
)

func example() *report {
	sc := scenario{Tool: "go", Connections: 100, Size: 4096, Pipelined: true, Kept: true, Goal: true}
	r := &report{Time: "2026-01-02T03:04:05Z", Rounds: 3, Seconds: 2, Machine: machine{Processors: 2, FileSystem: "ext4", Postfix: "3.7"}}
	for round, rates := range [][3]float64{{1600, 100, 2000}, {9000, 500, 10000}, {1000, 50, 2500}} {
		for i, name := range []string{glassmailName, postfixName, nullName} {
			r.Runs = append(r.Runs, run{Subject: name, Scenario: sc, Round: round + 1, Accepted: rates[i], CPU: []float64{0.3, 1, 0.1}[i]})
		}
	}
	r.Flushes = []flushes{{Subject: glassmailName, Before250: true, Evidence: []string{"fdatasync of x", "write of the 250"},
		Rates: []flushRate{{Connections: 1, Messages: 4, Flushes: 6}}}}
	return r
}

// Ratios are of runs of the same round, then their median.
func TestRatio(t *testing.T) {
	r := example()
	sc := r.scenarios()[0]
	accepted := func(r run) float64 { return r.Accepted }
	if got := r.ratio(sc, glassmailName, postfixName, accepted); got != 18 {
		t.Errorf("16, 18, 20: %v", got)
	}
	r.Runs = r.Runs[:8] // a comparison that was stopped
	if got := r.ratio(sc, glassmailName, nullName, accepted); math.Abs(got-0.85) > 1e-9 {
		t.Errorf("0.8, 0.9: %v", got)
	}
	if got := r.ratio(sc, glassmailName, "nobody", accepted); got != 0 {
		t.Errorf("beside nobody: %v", got)
	}
}

func TestMarkdown(t *testing.T) {
	got := example().markdown()
	for _, line := range []string{
		"Measured on 2 January 2026: 2 processors, ",
		"| 100 × 4 KiB, pipelined | glassmail | 1,600 | 18.00 | – | – |",
		"| 100 × 4 KiB, pipelined | glassmail | 0.300 | 0.30 | – |",
		"| 100 × 4 KiB, pipelined | postfix | 1.000 | – | – |",
		"| accepted/s ÷ Postfix's, 100 connections | ≥ 15 | 18.00 | yes |\n",
		"| CPU per message ÷ Postfix's, 100 connections | ≤ 0.2 | 0.30 | no |\n",
		"| accepted/s ÷ the null server's, 100 connections | ≥ 0.6 | 0.80 | yes |\n",
		"| glassmail | yes | 1: 1.500 | fdatasync of x; write of the 250 |\n",
	} {
		if !strings.Contains(got, line) {
			t.Errorf("lacks %q:\n%s", line, got)
		}
	}
}

func TestReplaceMeasured(t *testing.T) {
	text := "a\n" + measuredBegin + "old\n" + measuredEnd + "b\n"
	got, err := replaceMeasured(text, "new\n")
	if want := "a\n" + measuredBegin + "new\n" + measuredEnd + "b\n"; err != nil || got != want {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := replaceMeasured("a\n"+measuredBegin+"old\n", "new\n"); err == nil {
		t.Error("no error without an end")
	}
}

func TestNumbers(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{number(0), "–"}, {number(999), "999"}, {number(1234.6), "1,235"}, {number(1234567), "1,234,567"},
		{bytesText(0), "–"}, {bytesText(12), "12 B"}, {bytesText(4096), "4 KiB"}, {bytesText(4842), "4.7 KiB"},
		{bytesText(65536), "64 KiB"}, {bytesText(3 << 20), "3 MiB"}, {decimals(0.126, 2), "0.13"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}
