package imapd

import (
	"bytes"

	"glassmail/trace"
)

// What the library says and we say otherwise. A test pins each of them.
const (
	libGreeting   = "IMAP server ready"
	libCannotRead = "NO [SERVERBUG] Internal server error"
	libByeWord    = "* BYE "
	libChallenge  = "+ =\r\n" // an empty one, for RFC 4959's empty initial answer
)

// reply takes one whole line of the library, with mu held.
func (f *front) reply(line []byte) error {
	if f.silent {
		return nil
	}
	switch {
	case f.skipGreeting:
		f.skipGreeting = false
		return nil
	case line[0] == '+':
		f.asked = true
		if f.cmd.kind == appendMessage && f.cmd.nonSync {
			return nil // RFC 7888 §3: the client does not wait for it
		}
		if string(line) == libChallenge {
			line = []byte("+ \r\n") // RFC 9051 §6.2.2
		}
	case f.cmd.tag != "" && len(line) > len(f.cmd.tag) && line[len(f.cmd.tag)] == ' ' && string(line[:len(f.cmd.tag)]) == f.cmd.tag:
		f.answered = true
		line = f.completion(line)
	}
	if bytes.HasPrefix(line, []byte(libByeWord)) {
		f.loggedOut = true
	}
	if bytes.Contains(line[:min(len(line), 256)], []byte("CAPABILITY IMAP4rev")) {
		line = f.capability(line)
	}
	line, err := f.emit(line)
	if err != nil || len(line) == 0 {
		return err
	}
	if f.w.Log != nil {
		f.w.Log.Line(trace.Server, printable(line))
	}
	return f.w.Send(line)
}

// completion replaces what the library says of its own faults: a session never
// returns an unknown error, so they are commands that it cannot parse.
func (f *front) completion(line []byte) []byte {
	text := line[len(f.cmd.tag)+1:]
	switch {
	case f.instead != "":
		line = []byte(f.cmd.tag + " " + f.instead + "\r\n")
		f.instead = ""
	case bytes.HasPrefix(text, []byte(libCannotRead)):
		line = []byte(f.cmd.tag + " BAD The arguments of the command cannot be understood\r\n")
	}
	return line
}

// capability adds what the front answers itself, and names the server in the
// greeting.
func (f *front) capability(line []byte) []byte {
	end := bytes.IndexAny(line, "]\r")
	if end < 0 {
		return line
	}
	out := append(append(bytes.Clone(line[:end]), " ID"...), line[end:]...) // RFC 2971
	if bytes.HasPrefix(out, []byte("* OK ")) {
		out = bytes.Replace(out, []byte(libGreeting), []byte(f.srv.o.Name+" ready"), 1)
	}
	return out
}
