package imapd

import (
	"cmp"
	"slices"

	"github.com/emersion/go-imap/v2"
)

// numRange is a run of numbers, both ends included.
type numRange struct{ from, to uint32 }

// ranges are in order and apart: a client may write "1:*" a thousand times, and gets
// what one gives.
type ranges []numRange

// rangesOf puts a set of sequence numbers in order; * is last.
func rangesOf(set imap.SeqSet, last uint32) ranges {
	out := make(ranges, len(set))
	for i, r := range set {
		out[i].from, out[i].to = bounds(r.Start, r.Stop, last)
	}
	return out.merge()
}

// uidRanges does so with UIDs.
func uidRanges(set imap.UIDSet, last uint32) ranges {
	out := make(ranges, len(set))
	for i, r := range set {
		out[i].from, out[i].to = bounds(uint32(r.Start), uint32(r.Stop), last)
	}
	return out.merge()
}

// merge sorts, and joins what overlaps or touches.
func (r ranges) merge() ranges {
	slices.SortFunc(r, func(a, b numRange) int { return cmp.Compare(a.from, b.from) })
	out := r[:0]
	for _, one := range r {
		if n := len(out); n > 0 && uint64(one.from) <= uint64(out[n-1].to)+1 {
			out[n-1].to = max(out[n-1].to, one.to)
			continue
		}
		out = append(out, one)
	}
	return out
}

// has looks a number up.
func (r ranges) has(n uint32) bool {
	i, found := slices.BinarySearchFunc(r, n, func(one numRange, n uint32) int { return cmp.Compare(one.from, n) })
	return found || i > 0 && n <= r[i-1].to
}
