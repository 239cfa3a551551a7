package smtpd

import (
	"encoding/base64"
	"strings"

	"glassmail/mail"
	"glassmail/trace"
)

// masked stands in the trace for what is secret.
const masked = "********"

// Mechanisms offered (RFC 4616; LOGIN is in wide use and was never standardised).
const (
	mechPlain = "PLAIN"
	mechLogin = "LOGIN"
)

// auth begins a login (RFC 4954 §4).
func (c *conn) auth(arg string) {
	words := strings.Fields(arg)
	switch {
	case !c.srv.opts.Submission:
		c.fault(502, mail.Enhanced{5, 5, 1}, "AUTH is not offered here; it belongs to the submission port")
	case c.state == connected:
		c.fault(503, mail.Enhanced{5, 5, 1}, "First say EHLO")
	case c.state > greeted:
		c.fault(503, mail.Enhanced{5, 5, 1}, "First finish the message, or give it up with RSET")
	case !c.peer.User.IsNull():
		c.fault(503, mail.Enhanced{5, 5, 1}, "You are logged in already")
	case c.srv.opts.AuthRequiresTLS && c.peer.TLS == "":
		c.fault(538, mail.Enhanced{5, 7, 11}, "Logging in needs TLS: first say STARTTLS")
	case len(words) == 0 || len(words) > 2:
		c.fault(501, mail.Enhanced{5, 5, 4}, "AUTH needs a mechanism, as in AUTH PLAIN")
	case !strings.EqualFold(words[0], mechPlain) && !strings.EqualFold(words[0], mechLogin):
		c.fault(504, mail.Enhanced{5, 5, 4}, "That mechanism is not offered; there are PLAIN and LOGIN")
	case len(words) == 2 && !isBase64(words[1]):
		c.fault(501, mail.Enhanced{5, 5, 2}, "That is not base64")
	default:
		c.feed = []byte(engineAuth + strings.ToUpper(strings.Join(words[:1], "")))
		if len(words) == 2 {
			c.feed = append(append(c.feed, ' '), words[1]...)
		}
		c.feed = append(c.feed, '\r', '\n')
	}
}

// answer passes an answer to a SASL challenge on. An empty line would be none to
// the engine, "=" is the same (RFC 4954 §4).
func (c *conn) answer(line []byte) {
	c.sasl = false
	c.log.Line(trace.Client, masked)
	if len(line) == 0 {
		line = []byte("=")
	}
	c.feed = append(append([]byte(nil), line...), '\r', '\n')
}

// isLogin reports an argument that begins as that of AUTH does.
func isLogin(arg string) bool {
	words := strings.Fields(arg)
	return len(words) > 1 && (strings.EqualFold(words[0], mechPlain) || strings.EqualFold(words[0], mechLogin))
}

// maskResponse hides what comes after the verb and the mechanism.
func maskResponse(line string) string {
	words := strings.Fields(line)
	if len(words) <= 2 {
		return line
	}
	return words[0] + " " + words[1] + " " + masked
}

// breakSASL ends an exchange whose answer cannot be read. The engine is told that
// the client cancelled; the client has a reply of its own.
func (c *conn) breakSASL() {
	if c.sasl {
		c.sasl, c.muted = false, true
		c.feed = []byte("*\r\n")
	}
}

func isBase64(s string) bool {
	if s == "=" {
		return true
	}
	_, err := base64.StdEncoding.DecodeString(s)
	return err == nil
}
