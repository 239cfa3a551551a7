package trace

import "maps"

// Count is what events are counted by.
type Count struct {
	Node  string
	Proto Protocol
	Kind  Kind
	Side  Dir // of an Open or a Close: what the node is on the connection
}

// Counts tells how many events of each sort there were since the log began,
// whether they are kept or forgotten.
func (l *Log) Counts() map[Count]uint64 {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.counts)
}

// count runs under l.mu. Nodes, protocols and kinds are few, so the counts are.
func (l *Log) count(e *Event) {
	key := Count{Node: e.Node, Proto: e.Proto, Kind: e.Kind}
	if e.Kind == Open || e.Kind == Close {
		key.Side = e.Side
	}
	l.counts[key]++
}
