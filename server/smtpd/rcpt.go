package smtpd

import (
	"glassmail/mail"
)

// rcptTo adds a recipient (RFC 5321 §4.1.1.3).
func (c *conn) rcptTo(arg string) {
	switch c.state {
	case connected:
		c.fault(503, mail.Enhanced{5, 5, 1}, "First say HELO or EHLO, then MAIL FROM")
		return
	case greeted:
		c.fault(503, mail.Enhanced{5, 5, 1}, "First say who sends the message: MAIL FROM:<address>")
		return
	}
	path, ok := cutWord(arg, "TO:")
	if !ok {
		c.fault(501, mail.Enhanced{5, 5, 4}, "After RCPT stands TO:<address>, as in RCPT TO:<bob@hamburger.edu>")
		return
	}
	to, rest, fault := parsePath(path)
	r := mail.Recipient{Address: to}
	switch {
	case fault != nil:
	case to.IsNull():
		fault = mail.NewReply(501, mail.Enhanced{5, 1, 3}, "A recipient cannot be the empty address")
	case !to.ASCII() && !c.env.UTF8:
		fault = needsUTF8()
	default:
		fault = rcptParams(&r, rest, c.env.UTF8)
	}
	if fault != nil {
		c.fault(fault.Code, fault.Enhanced, "%s", fault.Text)
		return
	}
	if len(c.env.To) >= c.srv.opts.MaxRecipients {
		c.say(mail.NewReply(452, mail.Enhanced{4, 5, 3}, "At most %d recipients for one message; send to the others afterwards", c.srv.opts.MaxRecipients)) // RFC 5321 §4.5.3.1.10
		return
	}
	c.rcpt = r
	c.feed = []byte(engineRcpt)
}
