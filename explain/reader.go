package explain

import (
	"strings"

	"glassmail/mail"
	"glassmail/trace"
)

// Bounds of a Reader.
const (
	maxDialogues = 4096 // connections that are followed at once
	maxOwed      = 1000 // replies that a client may be waiting for
)

// Reader explains events in the order in which they come: it follows each
// connection, so that it knows which command a reply answers. What it did not see
// from the beginning it explains by itself. It is for one goroutine.
type Reader struct {
	w         *Words
	dialogues map[uint64]*dialogue
	order     []uint64
}

// dialogue is what must be known of a connection to explain its next line.
type dialogue struct {
	owed    []string // SMTP: verbs without a reply, the oldest first
	begun   bool     // the server has spoken
	text    bool     // lines of the client are message text
	header  bool     // of its header
	auth    bool     // the next line of the client is an answer of AUTH
	lines   int      // of the reply under way
	tag     string   // IMAP: of the command under way
	command string   // that command
	literal bool     // the next line of the server goes on after a literal
}

// Reader begins to follow events.
func (w *Words) Reader() *Reader { return &Reader{w: w, dialogues: map[uint64]*dialogue{}} }

// Explain says what e means, several things on a line each.
func (r *Reader) Explain(e trace.Event) Note {
	d := r.dialogue(&e)
	switch {
	case e.Kind == trace.Line && e.Proto == trace.SMTP:
		return join(r.smtp(d, &e))
	case e.Kind == trace.Line && e.Proto == trace.IMAP:
		return join(r.imap(d, &e))
	case e.Kind == trace.Data && e.Proto == trace.IMAP:
		d.literal = true
		return r.w.say("imap.literal")
	case e.Kind == trace.Data && e.Proto == trace.SMTP:
		return r.w.say("smtp.data")
	case e.Kind == trace.Datagram:
		return join(r.w.DNSMessage(e.Bytes, e.Text))
	case e.Kind == trace.Note:
		return r.w.remark(e.Text)
	}
	return r.w.Decision(&e)
}

// dialogue is that of e's connection.
func (r *Reader) dialogue(e *trace.Event) *dialogue {
	d := r.dialogues[e.Conn]
	if e.Conn == 0 || e.Kind == trace.Close {
		delete(r.dialogues, e.Conn)
		if d == nil {
			d = &dialogue{}
		}
		return d
	}
	if d == nil || e.Kind == trace.Open {
		if d == nil {
			r.order = append(r.order, e.Conn)
		}
		d = &dialogue{begun: e.Kind != trace.Open}
		r.dialogues[e.Conn] = d
	}
	if len(r.order) > maxDialogues {
		delete(r.dialogues, r.order[0])
		r.order = r.order[1:]
	}
	return d
}

func (r *Reader) smtp(d *dialogue, e *trace.Event) []Note {
	if e.Dir == trace.Client {
		return []Note{r.smtpClient(d, e.Text)}
	}
	code, text, last, ok := mail.ParseReplyLine(e.Text)
	if !ok {
		return []Note{r.w.say("smtp.noreply")}
	}
	verb := ""
	switch {
	case !d.begun:
		verb = Greeting
	case len(d.owed) > 0:
		verb = d.owed[0]
	}
	d.lines++
	if !last {
		if verb == "EHLO" && d.lines > 1 {
			if n := r.w.Extension(text); n != nil {
				return n
			}
		}
		return []Note{r.w.say("smtp.more")}
	}
	var out []Note
	if verb == "EHLO" && d.lines > 1 {
		out = r.w.Extension(text)
	}
	out = append(out, r.w.SMTPReply(verb, code, text)...)
	if n, ok := r.w.has("state." + e.After); ok && code < 400 && verb != "QUIT" { // nothing comes after that
		out = append(out, n)
	}
	d.answered(verb, code)
	return out
}

// answered takes the reply to verb as given.
func (d *dialogue) answered(verb string, code int) {
	d.lines = 0
	if d.begun && len(d.owed) > 0 {
		d.owed = d.owed[1:]
	}
	d.begun = true
	if verb == "DATA" {
		d.text, d.header = code == 354, code == 354
	}
	d.auth = verb == "AUTH" && code == 334
}

func (r *Reader) smtpClient(d *dialogue, line string) Note {
	switch {
	case d.text && line == ".":
		d.text = false
		d.owe(End)
		return r.w.say("smtp.dot")
	case d.text && d.header && line == "":
		d.header = false
		return r.w.say("smtp.blank")
	case d.text:
		return r.w.say("smtp.text")
	case d.auth:
		d.auth = false
		d.owe("AUTH")
		return r.w.say("smtp.secret")
	}
	d.owe(firstWord(line))
	return r.w.SMTPCommand(line)
}

func (d *dialogue) owe(verb string) {
	if len(d.owed) < maxOwed {
		d.owed = append(d.owed, verb)
	}
}

func (r *Reader) imap(d *dialogue, e *trace.Event) []Note {
	if e.Dir == trace.Client {
		if _, known := r.w.has("imap.command." + commandOf(e.Text)); known || d.tag == "" {
			d.tag, d.command = imapCommand(e.Text)
		}
		d.literal = false
		return []Note{r.w.IMAPCommand(e.Text)}
	}
	first, rest, _ := strings.Cut(e.Text, " ")
	greeting := !d.begun
	d.begun = true
	switch {
	case d.literal && first != "*" && first != d.tag && first != "+":
		d.literal = false
		return []Note{r.w.say("imap.rest")}
	case greeting && first == "*":
		return r.w.IMAPGreeting(rest)
	case first == "*":
		return r.w.Untagged(rest)
	case first == "+":
		return []Note{r.w.Continue(d.command)}
	}
	command := ""
	if first == d.tag {
		command = d.command
		d.tag, d.command = "", ""
	}
	return r.w.Tagged(first, command, rest)
}

func commandOf(line string) string {
	_, command := imapCommand(line)
	return command
}

// remark explains a Note by what it begins with, or contains.
func (w *Words) remark(text string) Note {
	for _, m := range [...]struct{ sign, key string }{
		{"TLS began", "note.tls"}, {"encrypted with", "note.tls"}, {"bare LF", "note.barelf"},
		{"connected to", "note.connected"},
	} {
		if strings.Contains(text, m.sign) {
			return w.say(m.key)
		}
	}
	return w.say("decision.note")
}

// Decision explains an event that is no line of dialogue: what a node decided.
func (w *Words) Decision(e *trace.Event) Note {
	key := "decision." + string(e.Kind)
	n, ok := w.first(key+"."+string(e.Proto), key)
	if !ok {
		return w.say("decision.other")
	}
	return n
}
