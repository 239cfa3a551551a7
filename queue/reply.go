package queue

import (
	"bufio"
	"bytes"
	"errors"
	"strings"

	"glassmail/mail"
)

// Limits of one reply of another server, in bytes.
const (
	maxReplyLine = 4 << 10  // RFC 5321 §4.5.3.1.5 has 512; some servers say more
	maxReplySize = 64 << 10 // all lines
	maxReplyText = 1 << 10  // of the text that is kept
)

// Faults of a reply. Each ends the connection.
var (
	errLongReply = errors.New("the reply is too long")
	errBadReply  = errors.New("that is not a reply of SMTP")
)

// reply is a reply of another server.
type reply struct {
	mail.Reply
	lines []string // texts after the code, one per line
}

// readReply reads one reply of one or more lines (RFC 5321 §4.2). seen gets each
// line without its line end and tells what is to be taken for it, and whether
// anything is. r's buffer must hold maxReplyLine bytes.
func readReply(r *bufio.Reader, seen func(line string) (string, bool)) (reply, error) {
	var rep reply
	for size := 0; ; {
		raw, err := r.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return rep, errLongReply
		}
		if err != nil {
			return rep, err
		}
		if size += len(raw); size > maxReplySize {
			return rep, errLongReply
		}
		line, heard := seen(string(bytes.TrimRight(raw, "\r\n")))
		if !heard {
			continue
		}
		code, more, text, ok := splitReply(line)
		if !ok || len(rep.lines) > 0 && code != rep.Code {
			return rep, errBadReply
		}
		rep.Code = code
		rep.lines = append(rep.lines, text)
		if !more {
			rep.Enhanced, rep.Text = joinReply(code, rep.lines)
			return rep, nil
		}
	}
}

// splitReply takes a reply line apart: three digits, then a hyphen if more lines
// follow, a blank, or nothing.
func splitReply(line string) (code int, more bool, text string, ok bool) {
	if len(line) < 3 || line[0] < '2' || line[0] > '5' {
		return 0, false, "", false
	}
	for _, c := range []byte(line[:3]) {
		if c < '0' || c > '9' {
			return 0, false, "", false
		}
		code = code*10 + int(c-'0')
	}
	if len(line) == 3 {
		return code, false, "", true
	}
	if line[3] != ' ' && line[3] != '-' {
		return 0, false, "", false
	}
	return code, line[3] == '-', line[4:], true
}

// joinReply makes one printable line of a reply's lines. The enhanced code, which
// stands in each of them (RFC 2034 §4), is taken out.
func joinReply(code int, lines []string) (mail.Enhanced, string) {
	first, _, _ := strings.Cut(lines[0], " ")
	e, ok := parseEnhanced(first)
	if !ok || int(e[0]) != code/100 {
		e, ok = mail.Enhanced{}, false
	}
	var b strings.Builder
	for _, l := range lines {
		if ok {
			if t := strings.TrimPrefix(l, first); t == "" || t[0] == ' ' {
				l = strings.TrimPrefix(t, " ")
			}
		}
		if b.Len() > 0 && l != "" {
			b.WriteByte(' ')
		}
		b.WriteString(l)
		if b.Len() > maxReplyText {
			break
		}
	}
	return e, printable(b.String())
}

// parseEnhanced reads class.subject.detail (RFC 3463 §2).
func parseEnhanced(s string) (mail.Enhanced, bool) {
	var e mail.Enhanced
	for i := range e {
		n := 0
		for n < len(s) && n < 4 && s[n] >= '0' && s[n] <= '9' {
			e[i] = e[i]*10 + uint16(s[n]-'0')
			n++
		}
		if n == 0 || n > 3 {
			return e, false
		}
		s = s[n:]
		if i < 2 {
			if s == "" || s[0] != '.' {
				return e, false
			}
			s = s[1:]
		}
	}
	return e, s == "" && (e[0] == 2 || e[0] == 4 || e[0] == 5)
}

// printable makes text of another server fit for logs and reports: valid UTF-8,
// no control characters, bounded.
func printable(s string) string {
	s = mail.Printable(s, '?')
	if len(s) > maxReplyText {
		s = strings.ToValidUTF8(s[:maxReplyText], "")
	}
	return s
}
