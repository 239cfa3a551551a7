package smtpd

import "glassmail/mail"

// startTLS secures the connection (RFC 3207). Everything the client said before,
// and what it sent after the command in plain text, is forgotten.
func (c *conn) startTLS(arg string) {
	switch {
	case c.peer.TLS != "":
		c.fault(503, mail.Enhanced{5, 5, 1}, "The connection is secure already")
		return
	case c.srv.opts.TLS == nil:
		c.fault(502, mail.Enhanced{5, 5, 1}, "STARTTLS is not offered here")
		return
	case arg != "":
		c.fault(501, mail.Enhanced{5, 5, 4}, "STARTTLS takes no argument") // RFC 3207 §4
		return
	case c.state > greeted:
		c.fault(503, mail.Enhanced{5, 5, 1}, "First finish the message, or give it up with RSET")
		return
	}
	c.say(mail.NewReply(220, mail.Enhanced{2, 0, 0}, "Ready to start TLS"))
	if n := c.front.Buffered(); n > 0 {
		c.note("%d bytes sent in plain text after STARTTLS are dropped", n)
	}
	if err := c.front.StartTLS(c.srv.opts.TLS); err != nil {
		c.end("TLS handshake failed: " + err.Error())
		return
	}
	c.clear()
	c.state = connected
	c.peer.Helo, c.peer.ESMTP, c.peer.User = "", false, mail.Address{} // RFC 3207 §4.2
	c.peer.TLS = c.front.TLS()
	c.stage.over = true
}
