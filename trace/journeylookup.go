package trace

import (
	"encoding/binary"
	"strconv"
	"strings"
)

// maxAsks bounds the queries that are remembered until their replies come.
const maxAsks = 4096

// ask is what a query and its reply have in common at both ends: the client's
// port and the id.
type ask uint32

// thread is what a query belongs to.
type thread struct {
	journey  *journey
	hop      int
	answered bool // the reply was seen at the server
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
	mirror := false
	if e.Kind == Datagram {
		key, ok := askOf(e)
		seen := l.asks[key]
		switch {
		case !ok:
		case e.Side == Client && e.Dir == Client:
			l.putAsk(key, &thread{journey: t.journey, hop: t.hop})
		case e.Side == Server && e.Dir == Client:
			mirror = seen != nil
			l.putCause(e.Seq, t)
		case e.Side == Server && seen != nil:
			seen.answered = true
		case e.Side == Client && seen != nil:
			mirror = seen.answered
		}
	}
	j.keep(t.journey, e, t.hop, mirror)
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

// askOf reads the client's port and the id of a datagram.
func askOf(e *Event) (ask, bool) {
	addr := e.ClientAddr()
	port, err := strconv.ParseUint(addr[strings.LastIndexByte(addr, ':')+1:], 10, 16)
	if err != nil || len(e.Bytes) < 2 {
		return 0, false
	}
	return ask(port<<16 | uint64(binary.BigEndian.Uint16(e.Bytes))), true
}
