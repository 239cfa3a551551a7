package tools

import (
	"strings"

	"glassmail/explain"
	"glassmail/mail"
)

// talk follows a conversation from the client's side: it knows whether the
// server owes a reply, and what a line of the server's means.
type talk interface {
	// sent notes a line that went to the server, without its end.
	sent(line string)
	// got notes a line that came and says in words what it means; nil if there
	// is nothing to say.
	got(line string) []string
	// ready reports whether the server waits for the client.
	ready() bool
	// owes reports whether the server has still to answer a line.
	owes() bool
	// secure reports whether the line last got is the go-ahead for TLS.
	secure() bool
	// spoken is what the protocol is called, "" if it is not known.
	spoken() string
}

// follow chooses the protocol by the server's first line; early are the lines
// that went out before it.
func follow(w *explain.Words, greeting string, early []string) talk {
	var t talk = unknownTalk{}
	switch code, _, _, ok := mail.ParseReplyLine(greeting); {
	case ok && (code == 220 || code == 421 || code == 554): // RFC 5321 §3.1
		t = &smtpTalk{words: w, owed: []string{explain.Greeting}}
	case w.IsIMAPGreeting(greeting):
		t = &imapTalk{words: w, greeted: true}
	}
	for _, l := range early {
		t.sent(l)
	}
	return t
}

// expects reports whether a client that begins with line waits for a greeting.
func expects(w *explain.Words, line string) bool {
	verb := firstWord(line)
	if verb == "HELO" || verb == "EHLO" || verb == "LHLO" {
		return true
	}
	_, command := imapCommand(line)
	return w.IsIMAPCommand(command)
}

// unknownTalk is a conversation in a protocol that is not known.
type unknownTalk struct{}

func (unknownTalk) sent(string)         {}
func (unknownTalk) got(string) []string { return nil }
func (unknownTalk) ready() bool         { return false }
func (unknownTalk) owes() bool          { return false }
func (unknownTalk) secure() bool        { return false }
func (unknownTalk) spoken() string      { return "" }

// texts is what notes say.
func texts(notes []explain.Note) []string {
	var out []string
	for _, n := range notes {
		out = append(out, n.Text)
	}
	return out
}

// firstWord is the first word of a line, in capitals: the verb of an SMTP command.
func firstWord(line string) string {
	verb, _, _ := strings.Cut(strings.TrimSpace(line), " ")
	return strings.ToUpper(verb)
}
