package smtpd

import (
	"strings"

	"glassmail/mail"
)

// mailFrom begins a message (RFC 5321 §4.1.1.2).
func (c *conn) mailFrom(arg string) {
	switch {
	case c.state == connected:
		c.fault(503, mail.Enhanced{5, 5, 1}, "First say HELO or EHLO")
		return
	case c.state > greeted:
		c.fault(503, mail.Enhanced{5, 5, 1}, "A message from %s has begun; go on with RCPT or DATA, or give it up with RSET", c.expand("{from}"))
		return
	case c.srv.opts.Submission && c.peer.User.IsNull():
		c.fault(530, mail.Enhanced{5, 7, 0}, "First log in with AUTH") // RFC 6409 §4.3
		return
	}
	path, ok := cutWord(arg, "FROM:")
	if !ok {
		c.fault(501, mail.Enhanced{5, 5, 4}, "After MAIL stands FROM:<address>, as in MAIL FROM:<alice@crepes.fr>")
		return
	}
	from, rest, fault := parsePath(path)
	env := &mail.Envelope{ID: c.id, From: from, Peer: c.peer}
	if fault == nil {
		fault = c.mailParams(env, rest)
	}
	if fault == nil && !from.ASCII() && !env.UTF8 {
		fault = needsUTF8()
	}
	if fault != nil {
		c.fault(fault.Code, fault.Enhanced, "%s", fault.Text)
		return
	}
	c.env = env
	c.feed = []byte(engineMail)
}

// cutWord cuts FROM: or TO:, in any case, and the blanks that people type after
// it, and before the colon.
func cutWord(arg, word string) (string, bool) {
	n := len(word) - 1
	if len(arg) < n || !strings.EqualFold(arg[:n], word[:n]) {
		return "", false
	}
	rest, ok := strings.CutPrefix(strings.TrimLeft(arg[n:], " "), ":")
	return strings.TrimLeft(rest, " "), ok
}

// parsePath reads a path and returns what follows it. Whether the address may be
// in UTF-8 is known only when the parameters are.
func parsePath(s string) (mail.Address, string, *mail.Reply) {
	if s == "" {
		return mail.Address{}, "", mail.NewReply(501, mail.Enhanced{5, 5, 4}, "The address is missing")
	}
	a, rest, err := mail.ParsePath(s, true)
	if err != nil {
		return a, "", mail.NewReply(501, mail.Enhanced{5, 1, 7}, "Bad address: %v", err)
	}
	return a, rest, nil
}

// needsUTF8 refuses a non-ASCII address in a message that is not under SMTPUTF8
// (RFC 6531 §3.5).
func needsUTF8() *mail.Reply {
	return mail.NewReply(553, mail.Enhanced{5, 6, 7}, "An address with other than ASCII characters needs the parameter SMTPUTF8 of MAIL")
}
