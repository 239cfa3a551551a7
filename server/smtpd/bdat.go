package smtpd

import (
	"errors"
	"io"
	"math"
	"strconv"
	"strings"

	"glassmail/mail"
)

// chunks is a message that comes by BDAT (RFC 3030 §2).
type chunks struct {
	size int64 // of the chunk under way
	left int64 // of it, bytes still to come
	last bool
}

// bdat begins a message in chunks. To the engine it looks like DATA: its own BDAT
// reads a message on another goroutine, which RSET overtakes.
func (c *conn) bdat(arg string) {
	ch, ok := c.chunk(arg)
	if !ok {
		return
	}
	if c.state != recipient {
		if c.skip(ch.left) { // RFC 3030 §2: the octets follow whatever the reply is
			c.ready()
		}
		return
	}
	c.chunks, c.lenient = ch, false
	c.feed = []byte(engineData)
	c.muted = true // the engine's 354
}

// chunk reads the argument of BDAT. Where it cannot be read, nobody knows where
// the chunk ends and the next command begins: the connection ends.
func (c *conn) chunk(arg string) (*chunks, bool) {
	words := strings.Fields(arg)
	if len(words) == 0 {
		c.fault(501, mail.Enhanced{5, 5, 4}, "BDAT needs the number of bytes that follow, as in BDAT 1000 LAST")
		return nil, false
	}
	n, err := strconv.ParseUint(words[0], 10, 63)
	digits := strings.Trim(words[0], "0123456789") == ""
	switch {
	case digits && errors.Is(err, strconv.ErrRange):
		n = math.MaxInt64
	case !digits || err != nil || len(words) > 2 || len(words) == 2 && !strings.EqualFold(words[1], "LAST"):
		c.farewell(mail.NewReply(501, mail.Enhanced{5, 5, 4}, "BDAT needs the number of bytes that follow, as in BDAT 1000 LAST; closing connection"), "a chunk of unknown size")
		return nil, false
	}
	return &chunks{size: int64(n), left: int64(n), last: len(words) == 2}, true
}

// skip drops n bytes of a chunk that is not wanted. It reports whether the
// connection goes on.
func (c *conn) skip(n int64) bool {
	if n > c.srv.opts.MaxSize+slack {
		c.farewell(tooLarge(c.srv.opts.MaxSize), "a chunk much too large")
		return false
	}
	for n > 0 {
		if err := c.front.Await(c.srv.opts.Limits.Text, false); err != nil {
			c.broken(err)
			return false
		}
		d := min(int(min(n, math.MaxInt32)), c.front.Buffered())
		c.front.Discard(d)
		n -= int64(d)
	}
	return true
}

// moreChunk reads on in the chunk, or goes to the next one.
func (t *text) moreChunk(p []byte) int {
	ch := t.c.chunks
	if ch.left == 0 {
		if ch.last {
			return t.finishChunks(p)
		}
		t.nextChunk()
		return 0
	}
	src := t.await()
	n := copy(p, src[:min(int64(len(src)), ch.left)])
	ch.left -= int64(n)
	t.scan.check(p[:n])
	t.consume(src[:n], false)
	if t.scan.fault != nil {
		t.refuse(t.scan.fault)
		return 0
	}
	return n
}

// finishChunks ends the message. A last line without an end gets one: readers and
// next servers cannot do without.
func (t *text) finishChunks(p []byte) int {
	n := 0
	if t.scan.finish() {
		t.c.note("the last line had no end: CR LF was added")
		n = copy(p, "\r\n")
		t.scan.at = lineStart
	}
	t.finish()
	return n
}

// nextChunk answers a chunk and reads commands up to the next BDAT. Commands that
// end the transfer are left for later.
func (t *text) nextChunk() {
	c := t.c
	c.say(mail.NewReply(250, mail.Enhanced{2, 0, 0}, "%d bytes received", c.chunks.size))
	for !c.over {
		line, ok := c.request(false)
		if !ok {
			continue
		}
		verb, arg := parse(line)
		cmd := c.srv.commands[verb]
		if cmd.within == ending && cmd.verb != "" {
			c.resumed = append([]byte(nil), line...)
			t.err, t.ended = errGivenUp, true
			return
		}
		c.record(verb, arg, line)
		switch _, ok := c.lookup(verb, line); {
		case !ok:
		case verb == "BDAT":
			if ch, ok := c.chunk(arg); ok {
				c.chunks = ch
				return
			}
		case cmd.within == served:
			cmd.run(c, arg)
		default:
			c.fault(503, mail.Enhanced{5, 5, 1}, "The message has begun in chunks; go on with BDAT, or give it up with RSET")
		}
	}
	t.err, t.ended = io.ErrUnexpectedEOF, true
}
