package smtpd

import (
	"strconv"
	"strings"

	"glassmail/mail"
)

// helo begins a session without extensions (RFC 5321 §4.1.1.1).
func (c *conn) helo(arg string) { c.greet("HELO", arg, engineHelo) }

// ehlo begins a session with extensions.
func (c *conn) ehlo(arg string) { c.greet("EHLO", arg, engineEhlo) }

// greet takes the client's name. Names are not checked against DNS, nor need they
// be well-formed domains (RFC 5321 §4.1.4): many honest clients do not know
// theirs. What a Received line could not hold is refused.
func (c *conn) greet(verb, arg, line string) {
	name, _, _ := strings.Cut(arg, " ")
	if name == "" {
		c.fault(501, mail.Enhanced{5, 5, 4}, "%s needs your name, as in %s crepes.fr", verb, verb)
		return
	}
	if !isHostname(name) {
		c.fault(501, mail.Enhanced{5, 5, 4}, "%s needs the name of a computer, as in %s crepes.fr", verb, verb)
		return
	}
	c.clear()
	c.peer.Helo, c.peer.ESMTP, c.state = name, verb == "EHLO", greeted
	c.feed = []byte(line)
}

// isHostname reports a name that can be repeated anywhere: a domain or an address
// literal, taken generously.
func isHostname(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-._:[]", rune(c)) {
			return false
		}
	}
	return len(s) <= mail.MaxDomain
}

// extension completes a line of the engine's answer to EHLO. The engine does not
// count bytes, so it does not know the limit (RFC 1870 §3).
func (c *conn) extension(text string) string {
	if text == "SIZE" {
		return "SIZE " + strconv.FormatInt(c.srv.opts.MaxSize, 10)
	}
	return text
}

// ownExtensions lists what the engine cannot know of: inside TLS that a message
// may be bound to TLS on its whole way (RFC 8689 §2).
func (c *conn) ownExtensions() {
	if c.peer.TLS != "" {
		c.reply(250, mail.Enhanced{}, "REQUIRETLS", true)
	}
}
