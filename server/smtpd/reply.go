package smtpd

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	"glassmail/mail"
)

// maxReply is the longest line of a reply without its end (RFC 5321 §4.5.3.1.5).
const maxReply = 510

// hear takes lines of the engine and says to the client what they mean.
func (c *conn) hear(p []byte) {
	for line := range bytes.Lines(p) {
		line = bytes.TrimRight(line, "\r\n")
		if c.muted {
			c.muted = len(line) > 3 && line[3] == '-'
			continue
		}
		c.translate(line)
	}
	if c.state == greeted && c.env != nil { // the message is done with, or never began
		c.clear()
	}
	c.count()
}

func (c *conn) translate(line []byte) {
	if r, ok := c.srv.rewrites[string(line)]; ok {
		c.reply(r.code, r.enhanced, c.expand(r.text), r.more)
		if r.more {
			c.ownExtensions()
		}
		return
	}
	code, enhanced, text, more := parseReply(string(line))
	switch code {
	case 250:
		text = c.extension(text)
	case 334:
		c.sasl = true
	}
	c.reply(code, enhanced, text, more)
}

// parseReply takes a line of the engine apart.
func parseReply(line string) (code int, e mail.Enhanced, text string, more bool) {
	if len(line) < 4 {
		return 421, mail.Enhanced{4, 3, 0}, "Local trouble", false
	}
	code, _ = strconv.Atoi(line[:3])
	more, text = line[3] == '-', line[4:]
	first, rest, _ := strings.Cut(text, " ")
	part := strings.Split(first, ".")
	if len(part) != 3 {
		return code, e, text, more
	}
	for i, s := range part {
		n, err := strconv.ParseUint(s, 10, 16)
		if err != nil {
			return code, mail.Enhanced{}, text, more
		}
		e[i] = uint16(n)
	}
	return code, e, rest, more
}

// say gives the client a reply of one line.
func (c *conn) say(r *mail.Reply) { c.reply(r.Code, r.Enhanced, r.Text, false) }

// reply writes one line of a reply. Enhanced codes are for clients that were
// offered them (RFC 2034 §4). After a 421 nothing follows (RFC 5321 §3.8).
func (c *conn) reply(code int, e mail.Enhanced, text string, more bool) {
	if c.over {
		return
	}
	b := strconv.AppendInt(c.scratch[:0], int64(code), 10)
	if more {
		b = append(b, '-')
	} else {
		b = append(b, ' ')
	}
	if c.peer.ESMTP && e != (mail.Enhanced{}) {
		for i, n := range e {
			if i > 0 {
				b = append(b, '.')
			}
			b = strconv.AppendUint(b, uint64(n), 10)
		}
		b = append(b, ' ')
	}
	b = appendPrintable(b, text, c.env != nil && c.env.UTF8)
	c.scratch = c.emit(b)
	if code == 421 && !more {
		c.end(text)
	}
}

// appendPrintable appends text cut to the length of a reply, with a ? for what
// may not stand in one. UTF-8 is for clients that asked for it (RFC 6531
// §3.7.4.2).
func appendPrintable(b []byte, text string, utf8ok bool) []byte {
	for _, r := range text {
		if len(b)+utf8.RuneLen(max(r, 0)) > maxReply {
			break
		}
		if r < ' ' || r == 0x7f || r >= 0x80 && (!utf8ok || r == utf8.RuneError) {
			r = '?'
		}
		b = utf8.AppendRune(b, r)
	}
	return b
}
