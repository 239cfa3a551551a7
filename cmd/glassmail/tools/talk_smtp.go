package tools

import (
	"strconv"
	"strings"

	"glassmail/explain"
	"glassmail/mail"
)

// maxOwed bounds the replies that a client may be waiting for.
const maxOwed = 1000

// smtpTalk follows SMTP (RFC 5321).
type smtpTalk struct {
	words *explain.Words
	owed  []string // commands without a reply, oldest first; "." is the end of the message
	body  bool     // lines are message text
	raw   int      // bytes of a BDAT chunk still to be sent
	auth  bool     // the next line answers a 334
	tls   bool     // the last line was the go-ahead for TLS
	gone  bool     // the server said that it closes the connection
	line  int      // lines of the current reply so far
}

func (s *smtpTalk) ready() bool    { return len(s.owed) == 0 && !s.gone }
func (s *smtpTalk) owes() bool     { return len(s.owed) > 0 }
func (s *smtpTalk) secure() bool   { return s.tls }
func (s *smtpTalk) spoken() string { return "SMTP" }

func (s *smtpTalk) sent(line string) {
	switch {
	case s.raw > 0: // RFC 3030 §2: no line has a meaning within a chunk
		if s.raw -= len(line) + 2; s.raw <= 0 {
			s.owe("BDAT")
		}
	case s.body:
		if line == "." {
			s.body = false
			s.owe(".")
		}
	case s.auth:
		s.auth = false
		s.owe("AUTH")
	default:
		verb := firstWord(line)
		if verb == "BDAT" {
			if s.raw = chunkSize(line); s.raw > 0 {
				return
			}
		}
		s.owe(verb)
	}
}

func (s *smtpTalk) owe(verb string) {
	if len(s.owed) < maxOwed {
		s.owed = append(s.owed, verb)
	}
}

// chunkSize is the number of bytes that a BDAT command announces, 0 if it does
// not say so properly.
func chunkSize(line string) int {
	f := strings.Fields(line)
	if len(f) < 2 {
		return 0
	}
	n, err := strconv.ParseUint(f[1], 10, 31)
	if err != nil {
		return 0
	}
	return int(n)
}

func (s *smtpTalk) got(line string) []string {
	s.tls = false
	code, _, last, ok := mail.ParseReplyLine(line)
	if !ok {
		return texts(s.words.SMTPReply("", 0, ""))
	}
	verb := ""
	if len(s.owed) > 0 {
		verb = s.owed[0]
	}
	s.line++
	if !last {
		return texts(s.extension(verb, line))
	}
	words := append(s.extension(verb, line), s.words.SMTPReply(verb, code, line[min(4, len(line)):])...)
	s.line = 0
	if len(s.owed) > 0 {
		s.owed = s.owed[1:]
	}
	s.body = s.body || verb == "DATA" && code == 354
	s.auth = verb == "AUTH" && code == 334
	s.tls = verb == "STARTTLS" && code == 220
	s.gone = s.gone || code == 421 || code == 221 // RFC 5321 §3.8
	return texts(words)
}

// extension explains a line of the reply to EHLO after its first.
func (s *smtpTalk) extension(verb, line string) []explain.Note {
	if verb != "EHLO" || s.line < 2 || len(line) < 5 {
		return nil
	}
	return s.words.Extension(line[4:])
}
