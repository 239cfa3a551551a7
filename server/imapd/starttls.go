package imapd

import "io"

// startTLS answers STARTTLS (RFC 9051 §6.2.1). The library's connection ends
// here; the secured one gets another, whose greeting is not sent.
func (f *front) startTLS(c command) error {
	switch {
	case f.secure:
		return f.refuse(c, "BAD TLS is on already")
	case f.srv.o.TLS == nil:
		return f.refuse(c, "NO This server has no certificate")
	case f.loggedIn:
		return f.refuse(c, "BAD STARTTLS comes before LOGIN")
	}
	if err := f.say(c.tag + " OK Begin TLS now\r\n"); err != nil {
		return err
	}
	f.upgrade, f.ended = true, io.EOF
	f.mu.Lock()
	defer f.mu.Unlock()
	f.silent = true
	return nil
}

// id answers ID (RFC 2971 §3.1); what the client says of itself is in the
// transcript.
func (f *front) id(c command) error {
	return f.say("* ID (\"name\" \"glassmail\")\r\n" + c.tag + " OK ID completed\r\n")
}
