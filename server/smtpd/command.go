package smtpd

import (
	"bytes"
	"slices"
	"strings"

	"glassmail/mail"
	"glassmail/trace"
)

// command is one verb: how it is written, and what a conn does with it. run
// either answers or sets what the engine reads next.
type command struct {
	verb   string
	syntax string // for HELP; "" is not listed
	run    func(c *conn, arg string)
	// within tells what the command means between two chunks of a message.
	within within
}

type within int

const (
	refused within = iota // it is out of order there (RFC 3030 §2)
	served                // it is answered, and the transfer goes on
	ending                // the message is given up first
)

// commands is the table of all verbs.
func commands() map[string]command {
	t := map[string]command{}
	for _, c := range []command{
		{"HELO", "HELO domain", (*conn).helo, ending},
		{"EHLO", "EHLO domain", (*conn).ehlo, ending},
		{"MAIL", "MAIL FROM:<address> [SIZE=n] [BODY=7BIT|8BITMIME] [SMTPUTF8] [RET=FULL|HDRS] [ENVID=id]", (*conn).mailFrom, refused},
		{"RCPT", "RCPT TO:<address> [NOTIFY=NEVER|SUCCESS,FAILURE,DELAY] [ORCPT=type;address]", (*conn).rcptTo, refused},
		{"DATA", "DATA", (*conn).data, refused},
		{"BDAT", "BDAT size [LAST]", (*conn).bdat, refused},
		{"RSET", "RSET", (*conn).rset, ending},
		{"NOOP", "NOOP [anything]", (*conn).noop, served},
		{"QUIT", "QUIT", (*conn).quit, ending},
		{"HELP", "HELP [command]", (*conn).help, served},
		{"VRFY", "VRFY user", (*conn).vrfy, served},
		{"STARTTLS", "STARTTLS", (*conn).startTLS, refused},
		{"AUTH", "AUTH PLAIN|LOGIN [response]", (*conn).auth, refused},
	} {
		t[c.verb] = c
	}
	for _, verb := range []string{"EXPN", "SEND", "SOML", "SAML", "TURN", "ETRN", "LHLO"} {
		t[verb] = command{verb: verb, within: served, run: func(c *conn, _ string) {
			c.fault(502, mail.Enhanced{5, 5, 1}, "%s is not offered here", verb) // RFC 5321 §4.2.4
		}}
	}
	return t
}

// parse splits a line into verb and argument. Both are "" for a blank line.
func parse(line []byte) (verb, arg string) {
	verb = strings.Trim(string(line), " \t")
	if i := strings.IndexAny(verb, " \t"); i >= 0 {
		verb, arg = verb[:i], strings.TrimLeft(verb[i:], " \t")
	}
	return strings.ToUpper(verb), arg
}

// run runs one command line.
func (c *conn) run(line []byte) {
	verb, arg := parse(line)
	c.beginJourney(verb)
	c.record(verb, arg, line)
	if cmd, ok := c.lookup(verb, line); ok {
		cmd.run(c, arg)
	}
	c.endJourney()
}

// beginJourney lets the journey of a message begin with its MAIL.
func (c *conn) beginJourney(verb string) {
	if verb == "MAIL" && c.state == greeted {
		c.id = newID(c.srv.opts.Clock.Now())
		c.log.Journey(c.id)
	}
}

// endJourney ends it where no message is under way.
func (c *conn) endJourney() {
	if c.env == nil {
		c.log.Journey("")
	}
}

// record puts the command into the trace, without what is secret in it.
func (c *conn) record(verb, arg string, line []byte) {
	_, known := c.srv.commands[verb]
	c.secret = verb == "AUTH" || c.secret && !known
	if c.log == nil {
		return
	}
	text := string(line)
	switch {
	case c.secret && !known:
		text = masked
	case c.secret || isLogin(arg): // the latter after a mistyped AUTH
		text = maskResponse(text)
	}
	c.log.Event(trace.Event{Kind: trace.Line, Dir: trace.Client, Text: text, Before: c.state.String()})
}

// lookup finds the command, or answers that there is none.
func (c *conn) lookup(verb string, line []byte) (command, bool) {
	if cmd, ok := c.srv.commands[verb]; ok {
		if bytes.ContainsFunc(line, isControl) {
			c.fault(500, mail.Enhanced{5, 5, 2}, "A command may not hold control characters")
			return command{}, false
		}
		return cmd, true
	}
	c.unknown(verb, line)
	return command{}, false
}

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// unknown answers what is no command with what was expected.
func (c *conn) unknown(verb string, line []byte) {
	if word, _, _ := strings.Cut(verb, ":"); word != "" { // as in MAILFROM:<alice@crepes.fr>
		verb = word
	}
	switch {
	case len(line) > 2 && line[0] == 0x16 && line[1] == 3: // a TLS ClientHello (RFC 8446 §5.1)
		c.farewell(mail.NewReply(421, mail.Enhanced{4, 7, 0}, "%s speaks plain text here; use STARTTLS, or the port for TLS", c.srv.opts.Name), "the client began TLS on a plain text port")
	case bytes.Contains(line, []byte(" HTTP/")): // a browser that was tricked into talking to us
		c.farewell(mail.NewReply(421, mail.Enhanced{4, 7, 0}, "%s speaks SMTP, not HTTP; closing connection", c.srv.opts.Name), "the client speaks HTTP")
	case verb == "":
		c.fault(500, mail.Enhanced{5, 5, 2}, "An empty line is no command; HELP lists the commands")
	case c.secret || !isWord(verb):
		c.fault(500, mail.Enhanced{5, 5, 1}, "That is no command; HELP lists the commands")
	default:
		if near, ok := c.nearest(verb); ok {
			c.fault(500, mail.Enhanced{5, 5, 1}, "There is no command %s; did you mean %s?", verb, near)
			return
		}
		c.fault(500, mail.Enhanced{5, 5, 1}, "There is no command %s; HELP lists the commands", verb)
	}
}

// isWord reports whether a verb is fit to be repeated in a reply.
func isWord(s string) bool {
	for _, r := range s {
		if (r < 'A' || r > 'Z') && (r < '0' || r > '9') {
			return false
		}
	}
	return len(s) <= 20
}

// nearest is the verb that differs least from a mistyped one. A missing blank, as
// in MAILFROM:, is such a difference too.
func (c *conn) nearest(verb string) (string, bool) {
	best, least := "", 3
	for _, v := range c.verbs() {
		if len(verb) > len(v) && strings.HasPrefix(verb, v) {
			return v, true
		}
		if d := distance(v, verb); d < least && d < len(verb) {
			best, least = v, d
		}
	}
	return best, best != ""
}

// verbs lists what HELP lists, in alphabetical order.
func (c *conn) verbs() []string {
	var vs []string
	for v, cmd := range c.srv.commands {
		if cmd.syntax != "" && c.offers(v) {
			vs = append(vs, v)
		}
	}
	slices.Sort(vs)
	return vs
}

// offers tells whether a verb of the table is of use in this connection.
func (c *conn) offers(verb string) bool {
	switch verb {
	case "AUTH":
		return c.srv.opts.Submission
	case "STARTTLS":
		return c.srv.opts.TLS != nil && c.peer.TLS == ""
	}
	return true
}

// distance is the number of letters to insert, remove, replace or swap to make a
// into b.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
