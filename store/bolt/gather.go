package bolt

import "time"

// gatherer decides which operations share a flush: all that are waiting. If the
// last group was larger than what waits now, the others are probably on their
// way, and it waits for them once, for a quarter of the time a flush takes and
// never longer than 1 ms. One caller alone never waits.
type gatherer struct {
	ops  <-chan *op
	prev int
	last time.Duration
}

func (g *gatherer) took(d time.Duration) { g.last = d }

// next is empty when no more will come.
func (g *gatherer) next() (group []*op) {
	first, ok := <-g.ops
	if !ok {
		return nil
	}
	group = append(make([]*op, 0, max(g.prev, 1)), first)
	size := first.weight()
	room := func() bool { return len(group) < maxGroup && size < maxFlush }
	take := func(o *op) {
		group = append(group, o)
		size += o.weight()
	}
	var patience <-chan time.Time
	for room() {
		select {
		case o, ok := <-g.ops:
			if !ok {
				return group
			}
			take(o)
			continue
		default:
		}
		if len(group) >= g.prev {
			break
		}
		if patience == nil {
			t := time.NewTimer(min(g.last/4, time.Millisecond))
			defer t.Stop()
			patience = t.C
		}
		select {
		case o, ok := <-g.ops:
			if !ok {
				return group
			}
			take(o)
			continue
		case <-patience:
		}
		break
	}
	g.prev = len(group) + len(g.ops)
	return group
}
