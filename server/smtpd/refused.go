package smtpd

import (
	"net"

	"glassmail/mail"
	"glassmail/trace"
	"glassmail/wire"
)

// asked is the command that is being answered, for those who are told of refusals.
type asked struct {
	verb     string // in upper case; "" between commands
	from, to string // the paths in it, as far as they could be read
	trouble  string // of ours: why it is refused
	told     bool   // of an AUTH: Backend tells how it went
	parting  bool   // the connection ends for no fault of the client's message
}

// stageConnect is the stage of a refusal that is no answer to a command.
const stageConnect = "CONNECT"

// refused tells of a reply of 4xx or 5xx, if mail or a login was refused by it. Every
// reply comes by here, whoever decided it. Not told are commands that make no sense,
// and those that come too early (503): something before was refused, and is told.
func (c *serverConn) refused(r *mail.Reply) {
	if c.log == nil {
		return
	}
	e := trace.Event{Kind: trace.Refused, Dir: trace.Self, Text: "refused: " + r.Error()}
	d := &trace.Decision{Stage: c.asked.verb, From: c.asked.from, Trouble: c.asked.trouble, Reply: r.Error(), DSN: r.Status()}
	switch verb := c.asked.verb; {
	case r.Code == 503:
		return
	case verb == "AUTH":
		if c.asked.told {
			return
		}
		e.Kind, e.Text, d.Stage = trace.LoginFailed, "no login: "+r.Error(), ""
	case verb == "MAIL", verb == "RCPT", verb == "DATA", verb == "BDAT":
	case r.Code == 421 && (!c.asked.parting || c.underWay()):
		if d.Stage = stageConnect; c.underWay() {
			d.Stage = ""
		}
	default:
		return
	}
	if env := c.envelope(); env != nil && d.From == "" {
		d.From = env.From.Named()
	}
	if c.asked.to != "" {
		d.To = []string{c.asked.to}
	}
	d.Service, d.Client, d.Helo, d.TLS, d.User = c.peer.Service, c.peer.Addr, c.peer.Helo, c.peer.TLS, c.peer.User.String()
	e.Decision = d
	c.log.Event(e)
}

// underWay reports that the client has begun a message that has not been answered.
func (c *serverConn) underWay() bool {
	s := c.state()
	return s == trace.SenderGiven || s == trace.RecipientsGiven
}

// tooMany refuses a connection, and tells of it.
func (s *Server) tooMany(c net.Conn) {
	r := mail.NewReply(421, mail.Enhanced{}, "%s too many connections, try again later", s.opts.Name)
	s.opts.Trace.Add(trace.Event{
		Node: s.opts.Name, Proto: trace.SMTP, Side: trace.Server, Local: c.LocalAddr().String(), Remote: c.RemoteAddr().String(),
		Kind: trace.Refused, Dir: trace.Self, Text: "refused: " + r.Error(),
		Decision: &trace.Decision{Service: s.service(), Client: wire.AddrPort(c.RemoteAddr()), Stage: stageConnect, Reply: r.Error(), DSN: r.Status()},
	})
	s.refuse(c)
}

// service is the server's role, as others call it.
func (s *Server) service() string {
	if s.opts.Submission {
		return trace.ServiceSubmission
	}
	return trace.ServiceSMTP
}
