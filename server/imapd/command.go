package imapd

import (
	"bytes"
	"errors"
	"strings"

	"glassmail/trace"
	"glassmail/wire"
)

// kind is what a front does with a command.
type kind uint8

const (
	unknown       kind = iota
	plain              // one line for the library
	appendMessage      // a line and a message for the library
	sasl               // answers to challenges follow
	idle               // a line without a tag ends it
	login              // the arguments are secret
	identify           // answered here
	startTLS           // answered here
	needsSub           // UID
)

// command is one command as it was read.
type command struct {
	tag, verb string // verb in upper case, "UID FETCH" with its second word
	line      string // whole, literals as quoted strings, without line end; "" if secret
	kind      kind
	nonSync   bool // of an appendMessage
}

// kindOf knows all commands.
func kindOf(verb string) kind {
	switch verb {
	case "APPEND":
		return appendMessage
	case "AUTHENTICATE":
		return sasl
	case "IDLE":
		return idle
	case "LOGIN":
		return login
	case "ID":
		return identify
	case "STARTTLS":
		return startTLS
	case "UID":
		return needsSub
	case "NOOP", "CHECK", "LOGOUT", "CAPABILITY", "ENABLE", "CREATE", "DELETE", "RENAME", "SUBSCRIBE",
		"UNSUBSCRIBE", "STATUS", "LIST", "LSUB", "NAMESPACE", "SELECT", "EXAMINE", "CLOSE", "UNSELECT",
		"FETCH", "EXPUNGE", "STORE", "COPY", "MOVE", "SEARCH",
		"UID FETCH", "UID EXPUNGE", "UID STORE", "UID COPY", "UID MOVE", "UID SEARCH":
		return plain
	}
	return unknown
}

// command reads the next command and makes it pending, or answers it.
func (f *front) command() error {
	if cap(f.held) > keepHeld {
		f.held = nil
	}
	if err := f.w.Await(f.patience(), true); err != nil {
		return err
	}
	var head [80]byte
	n := copy(head[:], f.w.Peek(len(head)))
	line, err := f.w.ReadLine(f.patience(), true, maxLine)
	if errors.Is(err, wire.ErrLineLong) {
		return f.longLine(parse(head[:n]))
	} else if err != nil {
		return err
	}
	line, ok, err := f.admit(trimEnd(line))
	if !ok {
		return err
	}
	c := parse(line)
	f.heard(c, line)
	full, fault, err := f.collect(&c, line)
	if err != nil {
		return err
	}
	if fault == "" {
		fault = c.fault(f)
	}
	if fault != "" {
		return f.refuse(c, fault)
	}
	switch c.kind {
	case identify:
		return f.id(c)
	case startTLS:
		if len(full) > len(c.tag+" STARTTLS") {
			return f.refuse(c, "BAD STARTTLS stands alone")
		}
		return f.startTLS(c)
	case login, sasl: // no copy of a password is kept
	default:
		c.line = string(full)
	}
	if c.verb == "SEARCH" || c.verb == "UID SEARCH" {
		full = searchKeys(full)
	}
	f.begin(c)
	f.held = append(full, '\r', '\n')
	f.pending = f.held
	return nil
}

// longLine refuses a command that is too long, of which only the beginning is
// known.
func (f *front) longLine(c command) error {
	if err := f.skipLine(); err != nil {
		return err
	}
	f.w.Log.Note("a line of more than 16 KiB was dropped")
	return f.refuse(c, "BAD That line is too long")
}

// begin makes c the command whose answer is awaited.
func (f *front) begin(c command) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cmd, f.asked, f.answered, f.instead = c, false, false, ""
}

// heard records the first line of a command. A word alone, most of all after a
// refused AUTHENTICATE, may be the password that was to follow it.
func (f *front) heard(c command, line []byte) {
	if f.w.Log == nil {
		return
	}
	text := masked(c, string(line))
	f.mu.Lock()
	if c.verb == "" && (f.cmd.kind == sasl || len(line) > maxEchoed) {
		text = secret
	}
	f.mu.Unlock()
	f.w.Log.Line(trace.Client, text)
}

// parse reads tag and verb of a first line. A tag that is none is left empty.
func parse(line []byte) (c command) {
	tag, rest, _ := bytes.Cut(line, []byte{' '})
	if !validTag(tag) {
		return c
	}
	c.tag = string(tag)
	verb, rest, _ := bytes.Cut(rest, []byte{' '})
	c.verb = strings.ToUpper(string(verb))
	c.kind = kindOf(c.verb)
	if c.kind == needsSub {
		sub, _, _ := bytes.Cut(rest, []byte{' '})
		c.verb += " " + strings.ToUpper(string(sub))
		c.kind = kindOf(c.verb)
	}
	return c
}

// validTag reports an IMAP tag (RFC 9051 §9) of a sensible length.
func validTag(t []byte) bool {
	if len(t) == 0 || len(t) > 64 {
		return false
	}
	for _, c := range t {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`(){%*"\+`, c) >= 0 {
			return false
		}
	}
	return true
}

// fault says what is wrong with a command before its arguments are looked at, ""
// if nothing is.
func (c *command) fault(f *front) string {
	switch {
	case c.tag == "":
		return "BAD A command begins with a tag, as in: a1 NOOP"
	case c.verb == "":
		return "BAD After the tag comes the name of a command, as in: a1 NOOP"
	case c.kind == unknown && !f.loggedIn:
		return "BAD Unknown command; before LOGIN there are CAPABILITY, NOOP, ID, STARTTLS, LOGIN, AUTHENTICATE and LOGOUT"
	case c.kind == unknown:
		return "BAD Unknown command"
	}
	return ""
}

// refuse answers a command in place of the library. Before login there is a limit
// to what makes no sense, against other protocols' clients that were led here.
func (f *front) refuse(c command, fault string) error {
	tag := c.tag
	if tag == "" || c.verb == "" && len(tag) > maxEchoed {
		tag = "*"
	}
	if err := f.say(tag + " " + fault + "\r\n"); err != nil {
		return err
	}
	if !f.loggedIn {
		if f.bad++; f.bad >= maxBadAtLogin {
			f.bye("Too many commands that are none")
			return errBye
		}
	}
	return nil
}

// saslAnswer hands over one answer to a challenge.
func (f *front) saslAnswer() error {
	line, err := f.w.ReadLine(f.stretch(), false, maxSASL)
	switch {
	case errors.Is(err, wire.ErrLineLong):
		if err := f.w.SkipLine(f.stretch(), maxSwallow); err != nil {
			return err
		}
		line = []byte("*") // RFC 9051 §6.2.2: cancels
	case err != nil:
		return err
	}
	f.w.Log.Line(trace.Client, secret)
	f.mu.Lock()
	f.asked = false
	f.mu.Unlock()
	f.held = append(append(f.held[:0], trimEnd(line)...), '\r', '\n')
	f.pending = f.held
	return nil
}

// idleEnd waits for DONE. The library would leave its IDLE running after
// anything else, so it always gets DONE.
func (f *front) idleEnd() error {
	line, err := f.w.ReadLine(f.patience(), true, maxLine)
	switch {
	case errors.Is(err, wire.ErrLineLong):
		if err := f.skipLine(); err != nil {
			return err
		}
	case err != nil:
		return err
	}
	line, ok, err := f.admit(trimEnd(line))
	if !ok {
		return err
	}
	f.w.Log.Line(trace.Client, masked(parse(line), string(line)))
	if bytes.HasSuffix(line, []byte("+}")) {
		return f.byeLost()
	}
	if !strings.EqualFold(string(line), "DONE") { // RFC 9051 §6.3.13
		f.mu.Lock()
		f.instead = "BAD IDLE ends with a line that is DONE; what came instead was dropped"
		f.mu.Unlock()
	}
	f.held = append(f.held[:0], "DONE\r\n"...)
	f.pending = f.held
	return nil
}

func trimEnd(line []byte) []byte {
	line = bytes.TrimSuffix(line, []byte{'\n'})
	return bytes.TrimSuffix(line, []byte{'\r'})
}
