package trace

import (
	"errors"
	"net/netip"
	"time"
)

// The services by which clients come, as a Decision names them.
const (
	ServiceSMTP       = "smtp"       // from other servers
	ServiceSubmission = "submission" // from users, on either port
	ServiceIMAP       = "imap"       //
	ServiceWeb        = "web"        // the pages and the API
)

// Statuses of a delivery, in the words of Postfix.
const (
	StatusSent     = "sent"
	StatusDeferred = "deferred"
	StatusBounced  = "bounced" // refused for ever
	StatusExpired  = "expired" // refused for now, for too long
)

// Decision is what the writer of a decision knew: that of a message or recipient
// (Accepted, Refused, Delivered, Deferred, Failed) or of a login (LoggedIn,
// LoginFailed). A field that does not apply is empty; the Message-ID and the size stand in the event. It is not changed once it is
// in an event. Names that a client or another server has chosen stand in it as they
// were said: whoever shows them quotes them.
type Decision struct {
	Service string         `json:"service,omitempty"` // by which the client came
	Client  netip.AddrPort `json:"client,omitzero"`   // its address; the port is 0 behind a proxy
	Helo    string         `json:"helo,omitempty"`    // the name that it gave itself
	Proto   string         `json:"proto,omitempty"`   // as after "with" in a Received field (RFC 3848)
	TLS     string         `json:"tls,omitempty"`     // version and cipher; "" in plain text
	User    string         `json:"user,omitempty"`    // who has logged in, or the name that was tried
	Stage   string         `json:"stage,omitempty"`   // of a Refused: MAIL, RCPT, DATA, BDAT, or CONNECT

	From     string    `json:"from,omitempty"`     // the reverse-path; "<>" is the null one, as of a report
	To       []string  `json:"to,omitempty"`       // of an Accepted all recipients of the envelope, else the one it is about
	Delay    float64   `json:"delay,omitempty"`    // seconds since the message arrived
	Relay    string    `json:"relay,omitempty"`    // who gave the reply: host[address]:port, "local" is a mailbox of the node
	Attempt  int       `json:"attempt,omitempty"`  // from 1
	Status   string    `json:"status,omitempty"`   // of a delivery
	DSN      string    `json:"dsn,omitempty"`      // class.subject.detail (RFC 3463)
	Reply    string    `json:"reply,omitempty"`    // the refusal, or what the next server said
	Retry    time.Time `json:"retry,omitzero"`     // of a Deferred: when the next attempt may begin
	ReportTo string    `json:"reportTo,omitempty"` // of a Failed: who gets the report; "" is nobody
	Trouble  string    `json:"trouble,omitempty"`  // of ours, which is why it was refused
}

// bound checks a decision that comes from outside.
func (d *Decision) bound() error {
	if d == nil {
		return nil
	}
	if len(d.To) > maxShareCount {
		return errors.New("a decision about too many recipients")
	}
	for _, s := range []string{d.Service, d.Helo, d.Proto, d.TLS, d.User, d.Stage, d.From, d.Relay, d.Status, d.DSN, d.Reply, d.ReportTo, d.Trouble} {
		if len(s) > maxText {
			return errors.New("a decision with a text of more than 4 KiB")
		}
	}
	return nil
}
