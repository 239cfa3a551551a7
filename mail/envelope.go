package mail

import (
	"net/netip"
	"time"
)

// Envelope is what SMTP says about a message outside of the message: who sends
// it, who gets it, and what was asked for on the way (RFC 5321 §2.3.1).
type Envelope struct {
	ID   string // unique name of this acceptance: the same ID is accepted once
	From Address
	To   []Recipient
	Options
	Peer Peer
}

// Recipient is one forward-path with its delivery-report wishes (RFC 3461).
type Recipient struct {
	Address
	Notify []string // NEVER, or any of SUCCESS, FAILURE, DELAY; nil is the default
	ORcpt  string   // original recipient, type;address with xtext decoded
}

// Body is the content type that MAIL announced (RFC 6152, RFC 3030).
type Body string

// Values of the BODY parameter; "" means 7BIT.
const (
	Body7Bit    Body = "7BIT"
	Body8Bit    Body = "8BITMIME"
	BodyBinary  Body = "BINARYMIME"
	ReturnFull       = "FULL"
	ReturnHdrs       = "HDRS"
	NotifyNever      = "NEVER"
)

// Options are the ESMTP parameters of MAIL that travel with the message.
type Options struct {
	Body       Body   `json:"body,omitempty"`
	UTF8       bool   `json:"utf8,omitempty"`       // SMTPUTF8 (RFC 6531)
	RequireTLS bool   `json:"requireTLS,omitempty"` // REQUIRETLS (RFC 8689)
	Return     string `json:"return,omitempty"`     // RET=FULL|HDRS (RFC 3461 §4.3)
	EnvID      string `json:"envID,omitempty"`      // ENVID (RFC 3461 §4.4)
	Size       int64  `json:"-"`                    // announced SIZE in bytes, 0 if none
}

// Peer is the client at the other end of the connection.
type Peer struct {
	Addr       netip.AddrPort // its address
	Helo       string         // the name it gave
	ESMTP      bool           // it said EHLO
	TLS        string         // TLS version and cipher, "" in plain text
	User       Address        // who it logged in as, null if nobody
	Submission bool           // it came by the submission port (RFC 6409), or from a page
	HTTP       bool           // it came from a page: no SMTP was spoken
	Service    string         // the service by which it came, one of trace's
	Conn       uint64         // number of the connection in the trace
	Time       time.Time      // when it connected
}

// Protocol is the word for the "with" clause of a Received line (RFC 3848).
func (p Peer) Protocol(utf8 bool) string {
	if p.HTTP {
		return "HTTP"
	}
	if !p.ESMTP {
		return "SMTP"
	}
	s := "ESMTP"
	if utf8 {
		s = "UTF8SMTP" // RFC 6531 §4.3
	}
	if p.TLS != "" {
		s += "S"
	}
	if !p.User.IsNull() {
		s += "A"
	}
	return s
}
