package smtpd

import (
	"strings"

	"glassmail/mail"
)

// rset gives the message up (RFC 5321 §4.1.1.5).
func (c *conn) rset(string) {
	c.clear()
	c.feed = []byte(engineReset)
}

// quit says goodbye (RFC 5321 §4.1.1.10).
func (c *conn) quit(string) {
	c.clear()
	c.why = "the client said QUIT"
	c.feed = []byte(engineQuit)
}

// noop does nothing, whatever its argument (RFC 5321 §4.1.1.9).
func (c *conn) noop(string) { c.say(mail.NewReply(250, mail.Enhanced{2, 0, 0}, "Ok")) }

// vrfy tells nothing: a list of users is not for strangers (RFC 5321 §7.3).
func (c *conn) vrfy(arg string) {
	if arg == "" {
		c.fault(501, mail.Enhanced{5, 5, 4}, "VRFY needs a user, as in VRFY bob")
		return
	}
	c.say(mail.NewReply(252, mail.Enhanced{2, 5, 0}, "Send a message, and you will know whether it can be delivered"))
}

// help lists the commands, or tells how one is written (RFC 5321 §4.1.1.8).
func (c *conn) help(arg string) {
	verb, _ := parse([]byte(arg))
	if verb == "" {
		c.reply(214, mail.Enhanced{2, 0, 0}, "Commands: "+strings.Join(c.verbs(), " "), true)
		c.reply(214, mail.Enhanced{2, 0, 0}, "HELP and a command tells how it is written", false)
		return
	}
	cmd, ok := c.srv.commands[verb]
	if !ok || cmd.syntax == "" {
		c.fault(504, mail.Enhanced{5, 5, 4}, "There is no help for that; HELP lists the commands")
		return
	}
	c.say(mail.NewReply(214, mail.Enhanced{2, 0, 0}, "%s", cmd.syntax))
}
