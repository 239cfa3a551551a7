package pcap

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"glassmail/trace"
)

// Bounds of streams.
const (
	maxStreams = 4096     // connections that are followed at once
	most       = 1460     // bytes of payload in a segment
	maxFilled  = 64 << 10 // bytes that are filled in for what was not kept; more is missing in the file
	maxMissing = 60_000   // bytes that are missing in one segment
	maxUnkept  = 64 << 20 // bytes of one event that are accounted for
)

// stream is a TCP connection in the file.
type stream struct {
	route  route // from client to server
	door   string
	seq    [2]uint32 // next numbers, of client and server
	begun  bool      // the handshake is written
	said   bool      // so is some payload
	secure bool
	last   time.Time
}

// streams is the connections under way, by their number in the trace.
type streams struct {
	byConn map[uint64]*stream
	order  []uint64
}

func newStreams() streams { return streams{byConn: map[uint64]*stream{}} }

// dialogue writes an event of a connection.
func (p *Writer) dialogue(e *trace.Event) {
	s := p.stream(e)
	s.last = e.Time
	comment := p.meaning(e)
	if e.Kind == trace.Close {
		p.finish(s, e.Time, e.Side == trace.Client || strings.Contains(e.Text, "left"), comment)
		p.forget(e.Conn)
		return
	}
	if e.Secure && !s.secure {
		p.decrypt(s, e)
	}
	if !s.begun {
		opening := ""
		if e.Kind == trace.Open {
			opening = comment
		}
		p.handshake(s, e.Time, opening)
	}
	switch e.Kind {
	case trace.Line:
		p.say(s, e, line(e), max(e.Size-len(e.Text), 0), comment)
	case trace.Data:
		p.say(s, e, e.Bytes, max(e.Size-len(e.Bytes), 0), comment)
	}
}

// line is a line of dialogue with its end. A LOGIN, of which the trace masks both
// arguments as one, gets a mask for each, as a dissector expects them.
func line(e *trace.Event) []byte {
	b := append([]byte(e.Text), '\r', '\n')
	before, mask, found := strings.Cut(e.Text, " LOGIN ")
	if e.Proto == trace.IMAP && e.Dir == trace.Client && found && !strings.Contains(before, " ") && mask != "" && strings.Trim(mask, "*") == "" {
		b = append([]byte(e.Text), " "+mask+"\r\n"...)
	}
	return b
}

// stream finds the connection of e, or begins it.
func (p *Writer) stream(e *trace.Event) *stream {
	t := &p.streams
	if s := t.byConn[e.Conn]; s != nil {
		return s
	}
	r, door := p.way(e)
	s := &stream{route: r, door: door, seq: numbers(e.Conn)}
	t.byConn[e.Conn] = s
	t.order = append(t.order, e.Conn)
	if len(t.order) > maxStreams {
		p.finishOne(t.order[0])
	}
	return s
}

// numbers are the initial sequence numbers: of a connection's number, so that the
// same trace gives the same file.
func numbers(conn uint64) [2]uint32 {
	const spread = 2654435761
	return [2]uint32{uint32(conn * spread), uint32((conn + 1) * spread >> 1)}
}

// forget drops a connection.
func (p *Writer) forget(conn uint64) {
	t := &p.streams
	delete(t.byConn, conn)
	if i := slices.Index(t.order, conn); i >= 0 {
		t.order = slices.Delete(t.order, i, i+1)
	}
}

// Client and server as indexes.
const (
	client = 0
	server = 1
)

// send writes one segment from a side.
func (p *Writer) send(s *stream, at time.Time, from int, flags byte, payload []byte, missing int, comment string) {
	r := s.route
	if from == server {
		r = r.back()
	}
	seg := segment{seq: s.seq[from], flags: flags, payload: payload, missing: missing}
	if flags&flagACK != 0 {
		seg.ack = s.seq[1-from]
	}
	p.packet(at, r.tcp(seg), missing, comment)
	s.seq[from] += uint32(len(payload) + missing)
	if flags&(flagSYN|flagFIN) != 0 {
		s.seq[from]++
	}
}

// handshake opens a connection (RFC 9293 §3.5).
func (p *Writer) handshake(s *stream, at time.Time, comment string) {
	s.begun = true
	if s.door != "" && p.words != nil {
		if comment != "" {
			comment += "\n"
		}
		comment += p.words.Say("pcap.door", s.door)
	}
	p.send(s, at, client, flagSYN, nil, 0, comment)
	p.send(s, at, server, flagSYN|flagACK, nil, 0, "")
	p.send(s, at, client, flagACK, nil, 0, "")
}

// finish closes a connection, the client first or the server (RFC 9293 §3.6).
func (p *Writer) finish(s *stream, at time.Time, clientFirst bool, comment string) {
	if !s.begun {
		return
	}
	first := server
	if clientFirst {
		first = client
	}
	p.send(s, at, first, flagFIN|flagACK, nil, 0, comment)
	p.send(s, at, 1-first, flagFIN|flagACK, nil, 0, "")
	p.send(s, at, first, flagACK, nil, 0, "")
	s.begun = false
}

// decrypt goes on in clear where TLS began: as a connection of its own, because a
// dissector that has seen STARTTLS waits for TLS on this one.
func (p *Writer) decrypt(s *stream, e *trace.Event) {
	s.secure = true
	if s.said {
		p.finish(s, e.Time, true, "")
		s.seq = [2]uint32{s.seq[0] + 1<<28, s.seq[1] + 1<<28}
		s.said = false
	}
	if p.words != nil {
		p.remark(p.words.Say("pcap.tls"))
	}
}

// say writes payload, and missing bytes after it, from the side that e names.
func (p *Writer) say(s *stream, e *trace.Event, payload []byte, missing int, comment string) {
	from := client
	if e.Dir == trace.Server {
		from = server
	}
	missing = min(missing, maxUnkept)
	if missing > 0 {
		if p.words != nil {
			comment += "\n" + p.words.Say("pcap.filled", missing, len(payload)+missing)
		}
		n := min(missing, maxFilled)
		payload = fill(payload, n)
		missing -= n
	}
	s.said = true
	for len(payload) > 0 {
		n := min(len(payload), most)
		p.send(s, e.Time, from, flagPSH|flagACK, payload[:n], 0, comment)
		payload, comment = payload[n:], ""
	}
	for missing > 0 {
		n := min(missing, maxMissing)
		p.send(s, e.Time, from, flagACK, nil, n, comment)
		missing, comment = missing-n, ""
	}
}

// fill appends n bytes in place of some that were not kept: a remark, then lines.
func fill(b []byte, n int) []byte {
	const row = "~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~\r\n"
	filler := fmt.Sprintf("[%d bytes were not kept]\r\n", n)
	for len(filler) < n && len(filler) < 2*len(row) {
		filler += row
	}
	end := len(b) + n
	b = append(slices.Clone(b), filler...)
	for len(b) < end {
		b = append(b, row...)
	}
	b = b[:end]
	if n >= 2 { // what follows begins a line
		copy(b[end-2:], "\r\n")
	}
	return b
}

// finishOne ends a connection that is forgotten before its end was seen.
func (p *Writer) finishOne(conn uint64) {
	if s := p.streams.byConn[conn]; s != nil {
		p.finish(s, s.last, true, "")
		p.forget(conn)
	}
}

// endAll ends all connections.
func (p *Writer) endAll() {
	for len(p.streams.order) > 0 {
		p.finishOne(p.streams.order[0])
	}
}
