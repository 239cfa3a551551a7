package trace

// Follower reads a Log at its own pace, without ever holding up a writer. What the
// log forgot meanwhile, and what the reader leaves out, is a Gap.
type Follower struct {
	log *Log
	seq uint64 // of the last event that was read
	buf []Event
}

// followed is how many events a Follower reads at one time.
const followed = 256

// Follow reads the kept events above seq and all that come. A number that the log
// has not given yet is of another run of the program: then it reads everything.
func (l *Log) Follow(seq uint64) *Follower {
	f := &Follower{log: l, seq: seq}
	if l == nil {
		return f
	}
	f.buf = make([]Event, followed)
	l.mu.Lock()
	defer l.mu.Unlock()
	if seq > l.seq {
		f.seq = 0
	}
	return f
}

// Ready returns a channel that is closed when Next has something, and what must be
// called when nobody waits for it any more.
func (f *Follower) Ready() (<-chan struct{}, func()) {
	if f.log == nil {
		return nil, func() {}
	}
	return f.log.reached(f.seq + 1)
}

// Next returns the next events, oldest first, none if there are none; a Gap comes
// alone. The slice is good until the next call.
func (f *Follower) Next() []Event {
	if f.log == nil {
		return nil
	}
	n, lost := f.log.read(f.seq, f.buf)
	if lost > 0 {
		return f.gap(lost)
	}
	f.seq += uint64(n)
	return f.buf[:n]
}

// Newest leaves out all that is there but the newest most events, and returns the
// Gap for the others, if there are some.
func (f *Follower) Newest(most int) []Event {
	if f.log == nil {
		return nil
	}
	if ahead := f.log.last() - f.seq; ahead > uint64(most) {
		return f.gap(ahead - uint64(most))
	}
	return nil
}

func (f *Follower) gap(lost uint64) []Event {
	f.seq += lost
	f.buf[0] = Event{Seq: f.seq, Kind: Gap, Dir: Self, Time: f.log.now(), Size: int(lost)}
	return f.buf[:1]
}
