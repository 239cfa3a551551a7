package main

import (
	"slices"
	"time"
)

// median is the middle of the values, or the mean of the two in the middle; 0
// without values.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(values))
	m := len(s) / 2
	if len(s)%2 == 1 {
		return s[m]
	}
	return (s[m-1] + s[m]) / 2
}

// percentile is the smallest of the sorted times that at least p percent of
// them do not exceed; 0 without times.
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	rank := (len(sorted)*p + 99) / 100
	return sorted[max(rank, 1)-1]
}

// spread is what is told of many times, in milliseconds.
type spread struct {
	P50 float64 `json:"p50_ms"`
	P99 float64 `json:"p99_ms"`
}

// spreadOf sorts its argument.
func spreadOf(times []time.Duration) spread {
	slices.Sort(times)
	return spread{P50: milliseconds(percentile(times, 50)), P99: milliseconds(percentile(times, 99))}
}

func milliseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

// quotient is a/b, and 0 where there is none.
func quotient(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}
