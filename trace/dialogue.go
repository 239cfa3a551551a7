package trace

import "strings"

// Phase is a part of a dialogue, or of a message's way.
type Phase string

// The phases: the lecture's three of SMTP, of which IMAP has the first and the last;
// and what a message comes through between two dialogues.
const (
	Greeting Phase = "greeting"
	Transfer Phase = "transfer" // of messages, by SMTP
	Reading  Phase = "reading"  // of messages, by IMAP
	Closure  Phase = "closure"
	Lookup   Phase = "lookup"   // of names
	Waiting  Phase = "queue"    // for the next server
	Delivery Phase = "delivery" // into a mailbox
)

// phaseOf is the phase in which a decider takes its decisions.
func phaseOf(p Protocol) Phase {
	switch p {
	case DNS:
		return Lookup
	case Queue:
		return Waiting
	case Store:
		return Delivery
	}
	return ""
}

// States of dialogues: of SMTP (RFC 5321 §4.1.4), and of IMAP (RFC 9051 §3).
const (
	Connected        = "connected"  // nothing said yet
	Greeted          = "greeted"    // HELO or EHLO was said
	SenderGiven      = "sender"     // MAIL was accepted
	RecipientsGiven  = "recipients" // so was a RCPT
	InContent        = "data"       // 354: the lines of the client are the message
	NotAuthenticated = "not-authenticated"
	Authenticated    = "authenticated"
	Selected         = "selected"
	Closed           = "closed"
)

// maxOwed bounds the commands of a client that waits for no reply.
const maxOwed = 1000

// dialogue follows what both sides of a connection say, so that each event tells
// where it stands. It is the only place that does.
type dialogue struct {
	proto   Protocol
	phase   Phase
	state   string
	owed    []owed // commands without their last reply, the oldest first
	begun   bool   // the server has greeted
	content bool   // lines of the client are message content
	answers bool   // the next line of the client answers a challenge of AUTH (RFC 4954 §4)
}

// owed is a command that has not been answered.
type owed struct {
	tag, verb string // tag is "" in SMTP
	last      bool   // of BDAT: the message ends with it (RFC 3030)
}

func newDialogue(p Protocol) dialogue {
	d := dialogue{proto: p}
	switch p {
	case SMTP:
		d.phase, d.state = Greeting, Connected
	case IMAP:
		d.phase, d.state = Greeting, NotAuthenticated
	}
	return d
}

// follow fills in where the dialogue stands before and after e.
func (d *dialogue) follow(e *Event) {
	if d.phase == "" {
		return
	}
	if e.Proto != d.proto { // a decision on the way
		e.Phase = d.phase
		return
	}
	e.Before = d.state
	if e.Kind == Line {
		switch {
		case d.proto == IMAP && e.Dir == Client:
			e.Command = d.imapCommand(e.Text)
		case d.proto == IMAP:
			e.Command = d.imapReply(e.Text)
		case e.Dir == Client:
			e.Command, e.Content = d.smtpCommand(e.Text)
		default:
			e.Command = d.smtpReply(e.Text)
		}
	}
	if e.Kind == Close {
		d.phase, d.state = Closure, Closed
	}
	e.Phase, e.After = d.phase, d.state
}

// owe notes a command.
func (d *dialogue) owe(o owed) string {
	if len(d.owed) < maxOwed {
		d.owed = append(d.owed, o)
	}
	return o.verb
}

// smtpCommand takes a line of an SMTP client.
func (d *dialogue) smtpCommand(line string) (command string, content bool) {
	switch {
	case d.content && line != ".":
		return "", true
	case d.content:
		d.content = false
		return d.owe(owed{verb: "."}), false
	case d.answers:
		d.answers = false
		return d.owe(owed{verb: "AUTH"}), false
	}
	verb := verbOf(line)
	switch verb {
	case "MAIL":
		d.phase = Transfer
	case "QUIT":
		d.phase = Closure
	}
	return d.owe(owed{verb: verb, last: verb == "BDAT" && endsMessage(line)}), false
}

// endsMessage tells whether a BDAT command is the last of its message.
func endsMessage(line string) bool {
	words := strings.Fields(line)
	return len(words) > 2 && strings.EqualFold(words[2], "LAST")
}

// verbOf is the command at the beginning of a line; "" if there is none.
func verbOf(line string) string {
	n := 0
	for n < len(line) && n <= 20 && ('A' <= line[n]&^0x20 && line[n]&^0x20 <= 'Z') {
		n++
	}
	if n < len(line) && line[n] != ' ' && line[n] != ':' || n > 20 {
		return ""
	}
	return strings.ToUpper(line[:n])
}

// smtpReply takes a line of an SMTP server, and returns the command that it answers.
func (d *dialogue) smtpReply(line string) string {
	if len(line) < 3 {
		return ""
	}
	last := len(line) == 3 || line[3] != '-'
	if !d.begun {
		d.begun = last
		return ""
	}
	if len(d.owed) == 0 {
		return ""
	}
	o := d.owed[0]
	if last {
		d.owed = append(d.owed[:0], d.owed[1:]...)
		d.smtpState(o, line[:3])
	}
	return o.verb
}

// smtpState is where a reply leads (RFC 5321 §4.1.4).
func (d *dialogue) smtpState(o owed, code string) {
	good := code[0] == '2'
	switch {
	case o.verb == "DATA" && code == "354":
		d.state, d.content = InContent, true
	case o.verb == "AUTH":
		d.answers = code == "334"
	case o.verb == "." || o.verb == "BDAT" && (o.last || !good):
		d.state = Greeted // whatever became of the message
	case !good:
	case o.verb == "HELO", o.verb == "EHLO", o.verb == "RSET" && d.state != Connected:
		d.state = Greeted
	case o.verb == "MAIL":
		d.state = SenderGiven
	case o.verb == "RCPT":
		d.state = RecipientsGiven
	case o.verb == "STARTTLS": // RFC 3207 §4.2: as in the beginning
		d.state = Connected
	case o.verb == "QUIT":
		d.state = Closed
	}
}

// imapCommand takes a line of an IMAP client. What is no command continues one.
func (d *dialogue) imapCommand(line string) string {
	tag, rest, _ := strings.Cut(line, " ")
	first, more, _ := strings.Cut(rest, " ")
	verb := verbOf(first)
	if tag == "" || verb == "" {
		return d.underway()
	}
	if verb == "UID" {
		second, _, _ := strings.Cut(more, " ")
		verb = strings.TrimSuffix("UID "+verbOf(second), " ")
	}
	if verb == "LOGOUT" {
		d.phase = Closure
	}
	return d.owe(owed{tag: tag, verb: verb})
}

// underway is the newest command of a client, "" if all are answered.
func (d *dialogue) underway() string {
	if n := len(d.owed); n > 0 {
		return d.owed[n-1].verb
	}
	return ""
}

// imapReply takes a line of an IMAP server, and returns the command that it is about.
func (d *dialogue) imapReply(line string) string {
	tag, rest, _ := strings.Cut(line, " ")
	status, _, _ := strings.Cut(rest, " ")
	for i, o := range d.owed {
		if o.tag != tag {
			continue
		}
		d.owed = append(d.owed[:i], d.owed[i+1:]...)
		d.imapState(o.verb, status)
		return o.verb
	}
	if tag == "*" && len(d.owed) > 0 {
		return d.owed[0].verb
	}
	return d.underway()
}

// imapState is where the end of a command leads (RFC 9051 §3.4).
func (d *dialogue) imapState(verb, status string) {
	switch {
	case status == "NO" && d.state == Selected && (verb == "SELECT" || verb == "EXAMINE"):
		d.state = Authenticated // RFC 9051 §6.3.2: nothing is selected then
	case status != "OK":
	case verb == "SELECT", verb == "EXAMINE":
		d.state = Selected
	case verb == "LOGIN", verb == "AUTHENTICATE":
		d.phase, d.state = Reading, Authenticated
	case verb == "CLOSE", verb == "UNSELECT":
		d.state = Authenticated
	case verb == "LOGOUT":
		d.state = Closed
	}
}
