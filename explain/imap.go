package explain

import "strings"

// IMAPGreeting explains the server's first line without its "* "; nothing if that
// is no greeting.
func (w *Words) IMAPGreeting(rest string) []Note {
	status, text, _ := strings.Cut(rest, " ")
	n, ok := w.has("imap.greeting." + strings.ToUpper(status))
	if !ok {
		return nil
	}
	return append([]Note{n}, w.ResponseCode(text)...)
}

// IsIMAPGreeting reports whether a server of IMAP begins with the line (RFC 9051
// §7.1).
func (w *Words) IsIMAPGreeting(line string) bool {
	f := strings.Fields(line)
	if len(f) < 2 || f[0] != "*" {
		return false
	}
	_, ok := w.has("imap.greeting." + strings.ToUpper(f[1]))
	return ok
}

// IsIMAPCommand reports whether command, in capitals and with what follows UID, is
// one that has a tagged answer.
func (w *Words) IsIMAPCommand(command string) bool {
	_, ok := w.has("imap.done." + command)
	return ok
}

// Tagged explains the tagged reply to a command, given without its tag.
func (w *Words) Tagged(tag, command, rest string) []Note {
	status, text, _ := strings.Cut(rest, " ")
	n := Note{Text: strings.ToUpper(status)}
	switch n.Text {
	case "OK":
		if done, ok := w.has("imap.done." + command); ok {
			n = w.say("imap.ok", done.Text)
			n.RFC = done.RFC
		} else {
			n = w.say("imap.ok.other")
		}
	case "NO":
		n = w.say("imap.no")
	case "BAD":
		n = w.say("imap.bad")
	}
	line := w.say("imap.tagged", tag, n.Text)
	line.RFC = n.RFC
	return append([]Note{line}, w.ResponseCode(text)...)
}

// Continue explains a line that begins with "+", in answer to command.
func (w *Words) Continue(command string) Note {
	n, _ := w.first("imap.continue."+command, "imap.continue.other")
	return n
}

// Untagged explains a line of the server's after its "* "; nil if there is nothing
// to say.
func (w *Words) Untagged(rest string) []Note {
	f := strings.Fields(rest)
	if len(f) == 0 {
		return nil
	}
	if len(f) > 1 {
		key := "imap.number." + strings.ToUpper(f[1])
		if _, ok := w.has(key); ok {
			return []Note{w.say(key, f[0])}
		}
	}
	switch word := strings.ToUpper(f[0]); word {
	case "OK", "NO", "BAD":
		return w.ResponseCode(strings.Join(f[1:], " "))
	default:
		if n, ok := w.has("imap.data." + word); ok {
			return []Note{n}
		}
	}
	return nil
}

// ResponseCode explains the code in square brackets at the start of text.
func (w *Words) ResponseCode(text string) []Note {
	inner, ok := strings.CutPrefix(text, "[")
	if !ok {
		return nil
	}
	inner, _, _ = strings.Cut(inner, "]")
	code, _, _ := strings.Cut(inner, " ")
	code = strings.ToUpper(code)
	n, ok := w.has("imap.code." + code)
	if !ok {
		return nil
	}
	out := w.say("imap.code", code, n.Text)
	out.RFC = n.RFC
	return []Note{out}
}

// IMAPCommand explains a command line with its tag.
func (w *Words) IMAPCommand(line string) Note {
	_, command := imapCommand(line)
	n, ok := w.first("imap.command." + command)
	if !ok {
		return w.say("imap.command.other")
	}
	return n
}

// imapCommand splits a line into tag and command; UID and the command after it
// count as one.
func imapCommand(line string) (tag, command string) {
	f := strings.Fields(line)
	if len(f) == 0 {
		return "", ""
	}
	if len(f) == 1 {
		return f[0], strings.ToUpper(f[0]) // DONE has no tag
	}
	command = strings.ToUpper(f[1])
	if command == "UID" && len(f) > 2 {
		command += " " + strings.ToUpper(f[2])
	}
	return f[0], command
}
