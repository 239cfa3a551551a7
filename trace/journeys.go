package trace

import (
	"context"
	"slices"
	"strings"
	"sync"
)

// Bounds of Journeys beside its budget.
const (
	readBatch = 256       // events taken from the log at a time
	maxBatch  = 8         // a batch is due when 1/maxBatch of the log is unread
	maxList   = 500       // journeys in one answer
	MinBudget = 256 << 10 // bytes below which a budget is raised to it
)

// Journeys joins the events of a Log to journeys: one message, from the client
// that hands it over, through queues, lookups and servers, to those who read it.
//
// Servers know a message by different ids. They are joined where one server's
// connection is the other's: the address pair of a connection that was dialled is
// that of one that was accepted, the other way round. A lookup carries the journey
// in its context; the query that reaches a name server is known by its port and
// id, and what the server asks in turn by its Cause. A reader's FETCH is known by
// the id that the last server wrote into the message.
//
// Events are taken from the log in batches, when much has gathered or somebody
// looks. Events that the log forgot before are a Gap in the journeys under way.
// The newest journeys are kept, within a budget of memory. All methods may be
// called concurrently.
type Journeys struct {
	log    *Log
	budget int
	kick   chan struct{} // capacity 1: somebody waits for a change

	mu      sync.Mutex
	seq     uint64 // of the last event taken
	batch   []Event
	list    []*journey // oldest first
	byRaw   map[string]*journey
	size    int
	lookups lookups
	conns   conns
	changed chan struct{} // closed at the next change; nil if nobody waits
}

// NewJourneys joins the events of log, those that it still holds and those to
// come, within a budget of memory in bytes.
func NewJourneys(log *Log, budget int) *Journeys {
	return &Journeys{
		log: log, budget: max(budget, MinBudget), kick: make(chan struct{}, 1),
		byRaw: map[string]*journey{}, conns: newConns(), lookups: newLookups(),
	}
}

// Run takes events until ctx ends. Without it, events are taken only when somebody
// asks, and a busy log may forget some before.
func (j *Journeys) Run(ctx context.Context) {
	if j == nil || j.log == nil {
		return
	}
	for {
		seq, lag := j.position()
		due, drop := j.log.reached(seq + lag)
		select {
		case <-due:
		case <-j.kick:
		case <-ctx.Done():
			drop()
			return
		}
		drop()
		j.Sync()
	}
}

// position is how far events were taken, and how many more make a batch.
func (j *Journeys) position() (seq, lag uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.changed != nil {
		return j.seq, 1
	}
	return j.seq, uint64(max(len(j.log.ring)/maxBatch, 1))
}

// Sync takes all events that the log holds.
func (j *Journeys) Sync() {
	if j == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.sync()
}

func (j *Journeys) sync() {
	if j.log == nil {
		return
	}
	if j.batch == nil {
		j.batch = make([]Event, readBatch)
	}
	before := j.seq
	for {
		n, lost := j.log.read(j.seq, j.batch)
		if lost > 0 {
			j.seq += lost
			j.gap(lost, j.batch[:n])
		}
		if n == 0 {
			break
		}
		for i := range j.batch[:n] {
			j.takeEvent(&j.batch[i])
		}
		j.seq = j.batch[n-1].Seq
		j.evict()
	}
	if j.seq != before {
		clear(j.batch)
		j.tell()
	}
}

// tell wakes those who wait for a change.
func (j *Journeys) tell() {
	if j.changed != nil {
		close(j.changed)
		j.changed = nil
	}
}

// gap notes that events were lost in all journeys under way.
func (j *Journeys) gap(lost uint64, next []Event) {
	e := Event{Seq: j.seq, Kind: Gap, Dir: Self, Size: int(lost)}
	if len(next) > 0 {
		e.Time = next[0].Time
	}
	for _, c := range j.conns.live() {
		if c.journey != nil && !c.journey.Truncated {
			c.journey.Truncated = true
			j.keep(c.journey, &e, c.hop)
		}
	}
}

// evict forgets the oldest journeys while there is too much, but never the newest.
func (j *Journeys) evict() {
	n := 0
	for j.size > j.budget && n < len(j.list)-1 {
		old := j.list[n]
		j.size -= old.size
		for _, raw := range old.raws {
			delete(j.byRaw, raw)
		}
		old.steps, old.raws, old.gone = nil, nil, true
		n++
	}
	j.list = slices.Delete(j.list, 0, n)
}

// begin makes a journey with the id.
func (j *Journeys) begin(id string, e *Event) *journey {
	n := &journey{Journey: Journey{ID: id, Started: e.Time, Last: e.Time, To: []string{}, Nodes: []string{}}, size: ownSize}
	n.State = StateSubmitting
	n.steps = make([]Step, 0, fewSteps)
	j.list = append(j.list, n)
	j.size += n.size
	j.alias(id, n)
	return n
}

// alias makes raw one more id of n.
func (j *Journeys) alias(raw string, n *journey) {
	if len(n.raws) >= maxRawIDs {
		return
	}
	n.raws = append(n.raws, raw)
	j.byRaw[raw] = n
	n.size += 64
	j.size += 64
}

// known finds the journey of a message by a server's id. The id of a report is
// that of the message it is about, a dot, and more.
func (j *Journeys) known(raw string) *journey {
	if n := j.byRaw[raw]; n != nil {
		return n
	}
	if about, _, ok := strings.Cut(raw, "."); ok {
		return j.byRaw[about]
	}
	return nil
}

// keep adds an event to a journey.
func (j *Journeys) keep(n *journey, e *Event, hop int) {
	if n.gone {
		return
	}
	s := Step{Event: *e, Hop: hop}
	s.Journey = n.ID
	j.size += n.add(s)
	if !e.Mirror {
		n.advance(e)
	}
}

// takeEvent gives an event to the journey that it belongs to, if there is one.
func (j *Journeys) takeEvent(e *Event) {
	switch {
	case e.Kind == Gap:
		j.seq = max(j.seq, e.Seq)
		j.gap(uint64(max(e.Size, 0)), nil)
	case e.Proto == DNS:
		j.lookup(e)
	case e.Conn != 0 && ofConnection(e.Kind):
		j.connection(e)
	case e.Journey != "":
		j.decision(e)
	}
}

// ofConnection reports the kinds of event of which a dialogue consists.
func ofConnection(k Kind) bool {
	switch k {
	case Open, Close, Line, Data, Note, Refused, Fetched:
		return true
	}
	return false
}

// decision takes what a node decided about a message.
func (j *Journeys) decision(e *Event) {
	n := j.known(e.Journey)
	if n == nil {
		n = j.begin(e.Journey, e)
	}
	kind := HopQueue
	switch {
	case e.Kind == Accepted:
		if c := j.conns.byID[e.Conn]; c != nil && c.journey == n {
			j.keep(n, e, c.hop)
			return
		}
		kind = HopDelivery
	case e.Kind == Fetched:
		kind = HopReading
	case e.Proto == Store:
		kind = HopDelivery
	case e.Kind == Attempt:
		j.lookups.attempts[n] = 0
	}
	j.keep(n, e, n.hop(kind, 0, e))
}

// ID is the journey's id for a message that a server knows as raw; "" if it is
// not known.
func (j *Journeys) ID(raw string) string {
	if j == nil || raw == "" {
		return ""
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.sync()
	if n := j.known(raw); n != nil {
		return n.ID
	}
	return ""
}

// Get returns all of one journey; raw may be any of the ids by which servers know
// the message.
func (j *Journeys) Get(raw string) (Detail, bool) {
	if j == nil {
		return Detail{}, false
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.sync()
	n := j.known(raw)
	if n == nil {
		return Detail{}, false
	}
	return n.detail(), true
}

// Watch returns what has become known of a journey after the first after steps,
// in the order in which it became known, which is not always that in which it
// happened. next is the after of the following call. changed is closed when there
// may be more, of this journey or of another; that needs Run.
func (j *Journeys) Watch(raw string, after int) (steps []Step, next int, changed <-chan struct{}) {
	if j == nil {
		return nil, after, nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.sync()
	if n := j.known(raw); n != nil && after >= 0 && after < len(n.steps) {
		steps = slices.Clone(n.steps[after:])
	}
	return steps, after + len(steps), j.wait()
}

// Changed is closed when there may be something new in any journey; that needs
// Run.
func (j *Journeys) Changed() <-chan struct{} {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.wait()
}

func (j *Journeys) wait() <-chan struct{} {
	if j.changed == nil {
		j.changed = make(chan struct{})
		select {
		case j.kick <- struct{}{}:
		default:
		}
	}
	return j.changed
}
