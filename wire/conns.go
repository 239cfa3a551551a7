package wire

import (
	"net"
	"slices"
	"sync"
	"time"

	"glassmail/trace"
)

// cutTime is how long a connection that the operator cuts may go on with what it is
// in the middle of.
const cutTime = time.Second

// Conns are the open connections of a server. The zero value has none.
type Conns struct {
	Clock Clock // tells since when a connection has been quiet; nil is the system's

	mu  sync.Mutex
	all map[*Conn]Client
}

// Client is an open connection of a server.
type Client struct {
	trace.Event           // what all events of the connection share, see trace.Conn.Base
	Since       time.Time // when it was accepted
	conn        net.Conn  // below TLS
}

// Enter counts a connection in, which stands on conn since a time.
func (f *Conns) Enter(one *Conn, conn net.Conn, since time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.all == nil {
		f.all = map[*Conn]Client{}
	}
	if one.clock = f.Clock; one.clock == nil {
		one.clock = System{}
	}
	said := since
	if f.Clock != nil {
		said = f.Clock.Now()
	}
	one.said.Store(said.UnixNano())
	f.all[one] = Client{Since: since, conn: conn}
}

// Leave counts it out.
func (f *Conns) Leave(one *Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.all, one)
}

// Each calls do with all of them. It must not come back here.
func (f *Conns) Each(do func(*Conn)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for one := range f.all {
		do(one)
	}
}

// Clients lists them by the number that the trace gave them.
func (f *Conns) Clients() []Client {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]Client, 0, len(f.all))
	for one, c := range f.all {
		c.Event = one.Log.Base()
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b Client) int { return int(a.Conn) - int(b.Conn) })
	return out
}

// LoggedIn notes whose connection it is.
func (f *Conn) LoggedIn(account string) { f.account.Store(&account) }

// Cut ends the connection with a number: by Stop between two commands, or a second
// later where it stands. It is false if there is no such connection.
func (f *Conns) Cut(conn uint64) bool {
	return conn != 0 && f.cut(func(one *Conn) bool { return one.Log.ID() == conn }) > 0
}

// CutAccount ends all connections of an account in the same way.
func (f *Conns) CutAccount(account string) {
	f.cut(func(one *Conn) bool { // without its lock, which it may hold for minutes while it sends
		who := one.account.Load()
		return who != nil && *who == account
	})
}

func (f *Conns) cut(which func(*Conn) bool) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for one, c := range f.all {
		if which(one) {
			n++
			go one.Stop() // waits while the connection sends to a client that does not read
			time.AfterFunc(cutTime, func() { c.conn.Close() })
		}
	}
	return n
}
