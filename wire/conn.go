package wire

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"glassmail/trace"
)

// Sizes of a Conn, in bytes.
const (
	readBuffer = 16 << 10 // also the longest line ReadLine can hand over
	flushAt    = 32 << 10 // replies held back at most
	keepBuffer = 64 << 10 // a larger write buffer is given back after a flush
	keepAtRest = 4 << 10  // and one larger than this while a client has nothing to ask
)

// What ends the life of a Conn from within.
var (
	ErrTimeout  = errors.New("timeout")
	ErrStopping = errors.New("server is stopping")
	ErrFull     = errors.New("the listener is full, and others say more")
	ErrLineLong = errors.New("line too long")
)

// Timeouts of a Conn. Each is for one wait, not for the whole connection: it
// starts anew with every byte that arrives.
type Timeouts struct {
	Write     time.Duration // for the other side to take what we send
	Handshake time.Duration // for TLS, whole
	Watch     time.Duration // after which the client of a command under way is watched, see Conn.Watch; 0 is half a second
}

// Conn is the part that the connections of all protocols share. It stands between a
// connection and a protocol library and owns what the library must not: rolling
// deadlines, the transcript, held-back writes and the polite stop.
//
// Writes are held back until the reader runs dry, which gives pipelining its one
// packet per turn (RFC 2920 §3.2); they leave at once while a reader waits, as in
// IMAP's IDLE, and when there is much. Reading is for one goroutine; Send, Flush
// and Stop may be called from any.
type Conn struct {
	Log *trace.Conn // the transcript; nil is fine

	conn         net.Conn
	t            Timeouts
	br           *bufio.Reader
	interception *Interception

	clock Clock        // of Conns; nil before Enter
	said  atomic.Int64 // when the client last completed something, in Unix nanoseconds
	read  int          // bytes of a message since then; of the reader

	mu       sync.Mutex // guards all below
	out      []byte     // held-back writes
	waiting  bool       // a reader waits for the network
	atRest   bool       // it waits at a command boundary, where Stop may end it
	stopping bool
	shaking  bool                   // a TLS handshake is under way
	flowing  bool                   // what was completed last was a step of a message
	evicted  bool                   // it gives way to another connection
	account  atomic.Pointer[string] // see LoggedIn; nil is nobody
	failed   error                  // of a write; all later ones fail with it
}

// Watch is Watch for this connection. The caller does not read before it
// has called stop.
func (f *Conn) Watch(gone func()) (stop func()) {
	return Watch(f.conn, f.br, f.t.Watch, gone)
}

// NewConn stands on conn.
func NewConn(conn net.Conn, t Timeouts, log *trace.Conn) *Conn {
	return &Conn{Log: log, conn: conn, t: t, br: bufio.NewReaderSize(conn, readBuffer)}
}

// Intercept lets every line pass an interceptor; nil is none. It comes right after NewConn.
// An interceptor needs the transcript.
func (f *Conn) Intercept(g Interceptor) {
	if f.interception = NewInterception(g, f.Log, func() { f.Flush() }); f.interception != nil {
		f.conn = Pausable(f.conn, g)
		f.br.Reset(f.conn)
	}
}

// Interception is where the protocol takes each line before it obeys or sends it; nil
// without one.
func (f *Conn) Interception() *Interception { return f.interception }

// NetConn is the connection below, for addresses and TLS state.
func (f *Conn) NetConn() net.Conn { return f.conn }

// Buffered is the number of bytes that can be read without waiting.
func (f *Conn) Buffered() int { return f.br.Buffered() }

// Await waits until a byte can be read, at most for d, sending held-back writes
// first if none can be. atRest says that the connection is between two commands:
// only there does a stop end the wait. Errors: ErrTimeout, ErrStopping, ErrFull,
// io.EOF, or the network's.
func (f *Conn) Await(d time.Duration, atRest bool) error {
	if f.br.Buffered() > 0 {
		if atRest && f.isStopping() {
			return ErrStopping
		}
		return nil
	}
	if err := f.beginWait(d, atRest); err != nil {
		return err
	}
	_, err := f.br.Peek(1)
	return f.endWait(err, atRest)
}

// endWait tells why a wait ended.
func (f *Conn) endWait(err error, atRest bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiting, f.atRest = false, false
	switch {
	case err == nil:
		return nil
	case f.evicted:
		return ErrFull
	case atRest && f.stopping:
		return ErrStopping
	case isTimeout(err):
		return ErrTimeout
	}
	return err
}

func (f *Conn) beginWait(d time.Duration, atRest bool) error {
	return f.beginWaitUntil(time.Now().Add(d), atRest)
}

func (f *Conn) beginWaitUntil(end time.Time, atRest bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.flush(); err != nil {
		return err
	}
	if f.evicted {
		return ErrFull
	}
	if atRest && f.stopping {
		return ErrStopping
	}
	if atRest && cap(f.out) > keepAtRest {
		f.out = nil
	}
	f.waiting, f.atRest = true, atRest
	return f.conn.SetReadDeadline(end)
}

// Peek shows up to n bytes that have arrived, at least one, without waiting for
// more than Await has promised.
func (f *Conn) Peek(n int) []byte {
	b, _ := f.br.Peek(min(n, f.br.Buffered()))
	return b
}

// Discard forgets n bytes that Peek has shown.
func (f *Conn) Discard(n int) {
	f.br.Discard(n)
	f.took(n)
}

// Read reads what has arrived; Await comes before it.
func (f *Conn) Read(p []byte) (int, error) {
	if f.br.Buffered() == 0 {
		return 0, io.ErrNoProgress
	}
	n, err := f.br.Read(p)
	f.took(n)
	return n, err
}

// lineTime is how long a line may take from its first byte to its end, whatever the
// wait for the first: RFC 5321 §4.5.3.2.7 gives a client five minutes for a command,
// and not five for each byte.
const lineTime = 5 * time.Minute

// ReadLine reads up to and including the next LF, waiting at most d for its first
// byte, and as long, but at most lineTime, for the rest. The slice is valid until the next read. A line of more than
// max bytes (at most 16 KiB) is ErrLineLong; what has arrived of it is consumed,
// so that SkipLine finds its end.
func (f *Conn) ReadLine(d time.Duration, atRest bool, max int) ([]byte, error) {
	var end time.Time
	for seen := 0; ; {
		if err := f.more(d, end, atRest && seen == 0, seen); err != nil {
			return nil, err
		}
		if end.IsZero() {
			end = time.Now().Add(min(d, lineTime))
		}
		b, _ := f.br.Peek(f.br.Buffered())
		if i := bytes.IndexByte(b[seen:], '\n'); i >= 0 {
			n := seen + i + 1
			if n > max {
				f.br.Discard(n - 1) // SkipLine reads the LF
				return nil, ErrLineLong
			}
			f.br.Discard(n)
			f.completed(false)
			return b[:n], nil
		}
		seen = len(b)
		if seen >= min(max, readBuffer) {
			f.br.Discard(seen)
			return nil, ErrLineLong
		}
	}
}

// more waits until more than seen bytes are buffered: for the first byte for d, for
// others until end.
func (f *Conn) more(d time.Duration, end time.Time, atRest bool, seen int) error {
	if seen == 0 || f.br.Buffered() > seen {
		return f.Await(d, atRest)
	}
	if err := f.beginWaitUntil(end, false); err != nil {
		return err
	}
	_, err := f.br.Peek(seen + 1)
	return f.endWait(err, false)
}

// SkipLine drops bytes up to and including the next LF, at most limit of them, and
// within d, at most lineTime.
func (f *Conn) SkipLine(d time.Duration, limit int) error {
	end := time.Now().Add(min(d, lineTime))
	for limit > 0 {
		if f.br.Buffered() == 0 {
			if err := f.beginWaitUntil(end, false); err != nil {
				return err
			}
			_, err := f.br.Peek(1)
			if err := f.endWait(err, false); err != nil {
				return err
			}
		}
		b, _ := f.br.Peek(min(f.br.Buffered(), limit))
		if i := bytes.IndexByte(b, '\n'); i >= 0 {
			f.br.Discard(i + 1)
			return nil
		}
		f.br.Discard(len(b))
		limit -= len(b)
	}
	return ErrLineLong
}

// Send holds p back, or sends it: at once while a reader waits, when there are 32
// KiB, else with the next wait.
func (f *Conn) Send(p []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failed != nil {
		return f.failed
	}
	f.out = append(f.out, p...)
	if f.waiting || len(f.out) >= flushAt {
		return f.flush()
	}
	return nil
}

// Flush sends what is held back.
func (f *Conn) Flush() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.flush()
}

func (f *Conn) flush() error {
	if f.failed != nil || len(f.out) == 0 {
		return f.failed
	}
	f.conn.SetWriteDeadline(time.Now().Add(f.t.Write))
	_, err := f.conn.Write(f.out)
	f.out = f.out[:0]
	if cap(f.out) > keepBuffer {
		f.out = nil
	}
	f.failed = err
	return err
}

// Stop ends the connection at the next command boundary: a reader that waits
// there, or comes there, gets ErrStopping and can say farewell. Lines that wait at
// the interceptor go on.
func (f *Conn) Stop() {
	f.interception.Release()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stopping = true
	if f.waiting && f.atRest {
		f.conn.SetReadDeadline(time.Unix(1, 0))
	}
}

func (f *Conn) isStopping() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stopping
}

// StartTLS sends what is held back, forgets everything that was pipelined in
// plain text (RFC 3207 §4.2, RFC 9051 §6.2.1), and makes this Conn one of the
// secured connection. After an error the connection is of no further use.
func (f *Conn) StartTLS(conf *tls.Config) error {
	if err := f.Flush(); err != nil {
		return err
	}
	f.br.Discard(f.br.Buffered())
	return f.Handshake(conf)
}

// Handshake makes this Conn one of a connection secured from the first byte.
func (f *Conn) Handshake(conf *tls.Config) error {
	f.shake(true)
	defer f.shake(false)
	f.conn.SetDeadline(time.Now().Add(f.t.Handshake))
	secure := tls.Server(f.conn, conf)
	if err := secure.Handshake(); err != nil {
		return err
	}
	f.completed(false)
	f.conn.SetDeadline(time.Time{})
	f.mu.Lock()
	f.conn = secure
	f.mu.Unlock()
	f.br.Reset(secure)
	f.Log.Secure(true)
	f.Log.Note("TLS began: " + TLSInfo(secure.ConnectionState()))
	return nil
}

func (f *Conn) shake(on bool) {
	f.mu.Lock()
	f.shaking = on
	f.mu.Unlock()
}

// TLS describes the security of the connection, "" if there is none.
func (f *Conn) TLS() string {
	if c, ok := f.conn.(*tls.Conn); ok {
		return TLSInfo(c.ConnectionState())
	}
	return ""
}

// Close sends what is held back and closes the connection.
func (f *Conn) Close() error {
	f.interception.Release()
	f.Flush()
	return f.conn.Close()
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}
