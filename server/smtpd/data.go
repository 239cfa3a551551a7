package smtpd

import "glassmail/mail"

// data announces the text of the message (RFC 5321 §4.1.1.4).
func (c *conn) data(arg string) {
	if !c.ready() {
		return
	}
	if arg != "" {
		c.fault(501, mail.Enhanced{5, 5, 4}, "DATA stands alone; the text comes after the reply 354")
		return
	}
	c.lenient = c.srv.opts.Lenient && c.bareLF && c.peer.Addr.Addr().IsLoopback()
	c.feed = []byte(engineData)
}

// ready tells whether the text may come, and answers what is missing if not.
func (c *conn) ready() bool {
	missing := ""
	switch c.state {
	case connected:
		missing = "First say HELO or EHLO, then MAIL FROM and RCPT TO"
	case greeted:
		missing = "First say who sends the message: MAIL FROM:<address>"
	case sender:
		missing = "First say who gets the message: RCPT TO:<address>; none was accepted so far"
	}
	if missing != "" {
		c.fault(503, mail.Enhanced{5, 5, 1}, "%s", missing)
	}
	return missing == ""
}
