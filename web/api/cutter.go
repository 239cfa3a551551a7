package api

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// cutter reads the JSON of a draft and takes the content of attachments out on the
// way: a string that is the value of a key "data" goes, decoded from base64, into the
// spool, and a mark stands in its place. So the JSON that is left is short, and has
// few values, whatever is attached.
type cutter struct {
	in     *bufio.Reader
	spool  *spool
	mark   string    // how marks begin; whoever writes the draft cannot know it
	cut    []content // what was taken out, in its order
	mended []byte    // what stands in place of it, and is still to be read
	err    error

	bytes, values int // that have passed

	quoted, escaped bool
	word            []byte // the last string, as far as it matters
	after           bool   // a colon was the last
}

func newCutter(in io.Reader, s *spool) *cutter {
	return &cutter{in: bufio.NewReaderSize(in, 32<<10), spool: s, mark: "cut-" + rand.Text() + "-"}
}

// Read is the JSON with its marks.
func (c *cutter) Read(p []byte) (int, error) {
	for len(p) > 0 {
		if len(c.mended) > 0 {
			n := copy(p, c.mended)
			c.mended = c.mended[n:]
			return n, nil
		}
		if c.err != nil {
			return 0, c.err
		}
		if _, c.err = c.in.Peek(1); c.err != nil {
			continue
		}
		ahead, _ := c.in.Peek(min(c.in.Buffered(), len(p)))
		n, data := c.scan(ahead)
		n = copy(p, ahead[:n])
		c.in.Discard(n)
		c.bytes += n
		switch {
		case c.bytes > maxDraftJSON:
			c.err = fault(http.StatusRequestEntityTooLarge, "beside the content of its attachments, a draft has at most %d bytes of JSON; send long texts as attachments", maxDraftJSON)
		case c.values > maxDraftValues:
			c.err = fault(http.StatusRequestEntityTooLarge, "a draft has at most %d values", maxDraftValues)
		case data:
			c.err = c.take()
		}
		if n > 0 {
			return n, nil
		}
	}
	return 0, nil
}

// scan passes over b up to the quotation mark before the content of an attachment,
// or to its end.
func (c *cutter) scan(b []byte) (n int, data bool) {
	for i, one := range b {
		switch {
		case c.escaped:
			c.escaped = false
			c.keep(one)
		case c.quoted && one == '\\':
			c.escaped = true
		case c.quoted && one == '"':
			c.quoted = false
		case c.quoted:
			c.keep(one)
		case one == '"' && c.after && string(c.word) == "data":
			return i, true
		case one == '"':
			c.quoted, c.after, c.word = true, false, c.word[:0]
		case one == ':':
			c.after = true
		case one != ' ' && one != '\t' && one != '\r' && one != '\n':
			c.after = false
			if one == ',' {
				c.values++
			}
		}
	}
	return len(b), false
}

// keep collects enough of a string to compare it with a key.
func (c *cutter) keep(one byte) {
	if len(c.word) <= len("data") {
		c.word = append(c.word, one)
	}
}

// take takes out one content, whose opening quotation mark comes next.
func (c *cutter) take() error {
	c.in.Discard(1)
	c.after = false
	if len(c.cut) == maxAttachments {
		return tooManyFiles()
	}
	s := &jsonString{in: c.in}
	one, err := c.spool.take(base64.NewDecoder(base64.StdEncoding, s))
	switch {
	case c.spool.err != nil:
		return err
	case s.err != nil && s.err != io.EOF:
		return s.err
	case err != nil:
		return fault(http.StatusBadRequest, "attachment %d: data is not base64 (%v)", len(c.cut)+1, err)
	}
	c.mended = strconv.AppendQuote(nil, c.mark+strconv.Itoa(len(c.cut)))
	c.cut = append(c.cut, one)
	return nil
}

// content is what a mark stands for. What was no mark is the content itself, in
// base64: its key was written in a way that encoding/json takes and the cutter does
// not know.
func (c *cutter) content(data string) (content, error) {
	if number, ok := strings.CutPrefix(data, c.mark); ok {
		if n, err := strconv.Atoi(number); err == nil && n >= 0 && n < len(c.cut) {
			return c.cut[n], nil
		}
	}
	raw, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return content{}, fault(http.StatusBadRequest, "an attachment's data is not base64 (%v)", err)
	}
	return c.spool.take(bytes.NewReader(raw))
}

// jsonString reads a string of JSON up to its closing quotation mark, which it takes.
// Of escapes it knows those that may stand in base64: \/ of some writers, line ends,
// and \u.
type jsonString struct {
	in  *bufio.Reader
	err error
}

func (s *jsonString) Read(p []byte) (int, error) {
	n := 0
	for n == 0 && s.err == nil && len(p) > 0 {
		var ahead []byte
		if _, s.err = s.in.Peek(1); s.err != nil {
			if s.err == io.EOF {
				s.err = io.ErrUnexpectedEOF
			}
			break
		}
		ahead, _ = s.in.Peek(min(s.in.Buffered(), len(p)))
		if end := bytes.IndexAny(ahead, `"\`); end >= 0 {
			ahead = ahead[:end+1]
		}
		n = copy(p, ahead)
		s.in.Discard(n)
		switch ahead[n-1] {
		case '"':
			n--
			s.err = io.EOF
		case '\\':
			p[n-1], s.err = s.escape()
		}
	}
	if n > 0 {
		return n, nil
	}
	return 0, s.err
}

// escape reads what follows a backslash.
func (s *jsonString) escape() (byte, error) {
	c, err := s.in.ReadByte()
	if err != nil {
		return ' ', err
	}
	switch c {
	case '/':
		return '/', nil
	case 'n', 'r':
		return '\n', nil // passed over in base64
	case 'u':
		var hex [4]byte
		if _, err := io.ReadFull(s.in, hex[:]); err != nil {
			return ' ', err
		}
		if n, err := strconv.ParseUint(string(hex[:]), 16, 7); err == nil {
			return byte(n), nil
		}
	}
	return ' ', fault(http.StatusBadRequest, "an attachment's data is not base64: it has the escape \\%c", c)
}

func tooManyFiles() error {
	return fault(http.StatusUnprocessableEntity, "a message has at most %d attachments", maxAttachments)
}
