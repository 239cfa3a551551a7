package main

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		in   []float64
		want float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{9, 1, 5}, 5}, {[]float64{4, 1, 3, 2}, 2.5}} {
		if got := median(c.in); got != c.want {
			t.Errorf("median(%v) = %v, want %v", c.in, got, c.want)
		}
	}
}

func TestPercentile(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(i + 1)
	}
	for _, c := range []struct {
		in      []time.Duration
		p, want int
	}{{nil, 99, 0}, {hundred[:1], 50, 1}, {hundred, 50, 50}, {hundred, 99, 99}, {hundred, 100, 100}, {hundred[:10], 99, 10}} {
		if got := percentile(c.in, c.p); got != time.Duration(c.want) {
			t.Errorf("percentile %d of %d = %d, want %d", c.p, len(c.in), got, c.want)
		}
	}
}

// The definition: at least p percent do not exceed it, and it is the smallest
// such time.
func TestPercentileIsTheSmallest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		times := rapid.SliceOfN(rapid.Map(rapid.IntRange(0, 50), func(n int) time.Duration { return time.Duration(n) }), 1, 200).Draw(t, "times")
		p := rapid.IntRange(1, 100).Draw(t, "p")
		slices.Sort(times)
		notAbove := func(v time.Duration) int {
			n := 0
			for _, x := range times {
				if x <= v {
					n++
				}
			}
			return n * 100
		}
		v := percentile(times, p)
		if notAbove(v) < p*len(times) {
			t.Fatalf("%d: fewer than %d percent", v, p)
		}
		if notAbove(v-1) >= p*len(times) {
			t.Fatalf("%d is not the smallest", v)
		}
	})
}
