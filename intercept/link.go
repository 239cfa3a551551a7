package intercept

import (
	"slices"
	"time"

	"glassmail/trace"
	"glassmail/wire"
)

// maxLinks is how many connections are remembered.
const maxLinks = 4096

// pair is the two addresses of a connection, the lesser first: it is the same at
// both ends.
type pair struct{ low, high string }

func pairOf(a, b string) pair {
	if a > b {
		a, b = b, a
	}
	return pair{a, b}
}

// link is what an interceptor knows of a connection.
type link struct {
	server, client bool          // at this end lines were seen
	standing       int           // lines that wait now
	since          time.Time     // since when there is one, by the system's clock
	before         time.Duration // how long there was one before that
}

// pause and unstand count the lines that wait, and the time with one.
func (l *link) stand() {
	if l.standing++; l.standing == 1 {
		l.since = time.Now()
	}
}

func (l *link) unstand() {
	if l.standing--; l.standing == 0 {
		l.before += time.Since(l.since)
	}
}

// links are the connections that an interceptor remembers.
type links struct {
	of  map[pair]*link
	old []pair // oldest first
}

// meet finds or remembers the connection of a line, and tells whether the line
// waits at the other end already: the node there has been seen, and it is the one
// that speaks.
func (l *links) meet(p wire.Line) (way *link, mirror bool) {
	key := pairOf(p.Local, p.Remote)
	way = l.of[key]
	if way == nil {
		way = &link{}
		l.makeRoom()
		l.of[key] = way
		l.old = append(l.old, key)
	}
	other := way.client
	if p.Side == trace.Client {
		way.client, other = true, way.server
	} else {
		way.server = true
	}
	return way, other && p.Side != p.Dir
}

// makeRoom forgets the oldest connection on which no line waits.
func (l *links) makeRoom() {
	if len(l.old) < maxLinks {
		return
	}
	i := max(slices.IndexFunc(l.old, func(p pair) bool { return l.of[p].standing == 0 }), 0)
	delete(l.of, l.old[i])
	l.old = slices.Delete(l.old, i, i+1)
}

// stood is for how long lines of a connection had to wait.
func (l *links) stood(a, b string) time.Duration {
	way := l.of[pairOf(a, b)]
	switch {
	case way == nil:
		return 0
	case way.standing == 0:
		return way.before
	}
	return way.before + time.Since(way.since)
}
