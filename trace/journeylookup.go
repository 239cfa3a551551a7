package trace

// thread is what a query belongs to.
type thread struct {
	journey *journey
	hop     int
}

// lookups follows queries.
type lookups struct {
	asks     map[ask]*thread
	causes   map[uint64]*thread // by the number of the event at the server
	attempts map[*journey]int   // the hop of the lookups of the attempt under way; 0 for a new one
	askOrder []ask
	order    []uint64
}

func newLookups() lookups {
	return lookups{asks: map[ask]*thread{}, causes: map[uint64]*thread{}, attempts: map[*journey]int{}}
}

// lookup takes an event of the name system.
func (j *Journeys) lookup(e *Event) {
	l := &j.lookups
	t := l.find(j, e)
	if t == nil {
		return
	}
	if key, ok := askOf(e); ok && e.Kind == Datagram && e.Dir == Client {
		if e.Side == Client {
			l.putAsk(key, t)
		} else {
			l.putCause(e.Seq, t)
		}
	}
	j.keep(t.journey, e, t.hop)
}

// find tells what e belongs to, nil if it is no message's.
func (l *lookups) find(j *Journeys, e *Event) *thread {
	if e.Journey != "" {
		n := j.known(e.Journey)
		if n == nil {
			return nil
		}
		hop := l.attempts[n]
		if hop == 0 {
			hop = n.newHop(HopLookup, 0, e)
			l.remember(n, hop)
		}
		return &thread{journey: n, hop: hop}
	}
	if t := l.causes[e.Cause]; e.Cause != 0 && t != nil {
		return t
	}
	if e.Kind == Datagram && e.Side == Server {
		if key, ok := askOf(e); ok {
			return l.asks[key]
		}
	}
	return nil
}

func (l *lookups) remember(n *journey, hop int) {
	if len(l.attempts) >= maxAsks {
		clear(l.attempts)
	}
	l.attempts[n] = hop
}

func (l *lookups) putAsk(key ask, t *thread) {
	if _, again := l.asks[key]; !again {
		l.askOrder = append(l.askOrder, key)
	}
	l.asks[key] = t
	if len(l.askOrder) > maxAsks {
		delete(l.asks, l.askOrder[0])
		l.askOrder = l.askOrder[1:]
	}
}

func (l *lookups) putCause(seq uint64, t *thread) {
	l.causes[seq] = t
	l.order = append(l.order, seq)
	if len(l.order) > maxAsks {
		delete(l.causes, l.order[0])
		l.order = l.order[1:]
	}
}
