package trace

import (
	"fmt"
	"time"
)

// Protocol names what is spoken on a connection, or who took a decision.
type Protocol string

// The protocols and deciders of a node.
const (
	SMTP  Protocol = "smtp"
	IMAP  Protocol = "imap"
	DNS   Protocol = "dns"
	Queue Protocol = "queue"
	Store Protocol = "store"
	HTTP  Protocol = "http"
)

// Kind tells what an event is about.
type Kind string

// The kinds of event. Each decision a node can take has a kind of its own, so
// that a reader of the trace can select by it; the list is closed.
const (
	Open     Kind = "open"     // a connection was accepted or made
	Close    Kind = "close"    // a connection ended; Text says why
	Line     Kind = "line"     // one line of dialogue, without its line end
	Data     Kind = "data"     // a stretch of message text or literal; Size is its length
	Datagram Kind = "datagram" // one UDP datagram or one framed DNS message; Bytes holds it
	Note     Kind = "note"     // a remark in the dialogue: TLS began, a bare LF was seen
	Gap      Kind = "gap"      // events were lost to this reader; Size says how many

	Accepted  Kind = "accepted"  // a message became the node's responsibility
	Refused   Kind = "refused"   // a connection, a message or a recipient was refused
	Queued    Kind = "queued"    // recipients wait for another server
	MXChosen  Kind = "mx"        // a host was chosen to take mail for a domain
	Attempt   Kind = "attempt"   // a delivery attempt begins
	Deferred  Kind = "deferred"  // an attempt failed for now
	Delivered Kind = "delivered" // the next server or the mailbox has the message
	Bounced   Kind = "bounced"   // a delivery report went back to the sender
	CacheHit  Kind = "cachehit"  // an answer came from the resolver's cache
	Referral  Kind = "referral"  // a name server named servers nearer to the answer
	Failed    Kind = "failed"    // a recipient was given up
	Fetched   Kind = "fetched"   // a reader is given the text of a message

	LoggedIn    Kind = "login"       // a user has logged in
	LoginFailed Kind = "loginfailed" // a login was refused
)

// Dir is the direction of a line in the notation of the lecture.
type Dir byte

// Directions. A decision of the node itself has the direction '*'.
const (
	Client Dir = 'C' // client to server
	Server Dir = 'S' // server to client
	Self   Dir = '*' // neither: a decision or remark
)

// MarshalText writes the direction as its letter.
func (d Dir) MarshalText() ([]byte, error) {
	if d == 0 {
		d = Self
	}
	return []byte{byte(d)}, nil
}

// UnmarshalText reads the letter.
func (d *Dir) UnmarshalText(b []byte) error {
	if len(b) != 1 {
		return fmt.Errorf("trace: direction %q: want one of C, S, *", b)
	}
	*d = Dir(b[0])
	return nil
}

// Event is one thing that happened. Secrets are masked before an event is made.
type Event struct {
	Seq     uint64    `json:"seq"`               // position in the Log, from 1, without holes
	Time    time.Time `json:"time"`              // by the node's clock
	Node    string    `json:"node,omitempty"`    // the node's name, such as crepes.fr
	Conn    uint64    `json:"conn,omitempty"`    // number of the connection within the Log, from 1
	Local   string    `json:"local,omitempty"`   // this side's address and port
	Remote  string    `json:"remote,omitempty"`  // the other side's address and port
	Proto   Protocol  `json:"proto,omitempty"`   //
	Kind    Kind      `json:"kind"`              //
	Dir     Dir       `json:"dir"`               //
	Side    Dir       `json:"side,omitempty"`    // what this node is on the connection: Client or Server
	Secure  bool      `json:"secure,omitempty"`  // inside TLS
	TCP     bool      `json:"tcp,omitempty"`     // of a Datagram: it was framed in a TCP stream
	Text    string    `json:"text,omitempty"`    // the line, or the decision in words
	Bytes   []byte    `json:"bytes,omitempty"`   // a datagram as it was on the wire; the beginning of a Data, see Log.KeepText
	Size    int       `json:"size,omitempty"`    // bytes, or lost events of a Gap
	Peer    *Peer     `json:"peer,omitempty"`    // who is at the other end; nil if that is not known
	Mirror  bool      `json:"mirror,omitempty"`  // the other end has told the same before: a picture shows it once
	Phase   Phase     `json:"phase,omitempty"`   // of the dialogue, or of the message's way
	Command string    `json:"command,omitempty"` // of a Line: the command that it is, or is about
	Content bool      `json:"content,omitempty"` // of a Line: it is message content, no command
	Before  string    `json:"before,omitempty"`  // state of the dialogue before the event
	After   string    `json:"after,omitempty"`   // and after it
	Journey string    `json:"journey,omitempty"` // the message this belongs to, from submission to reading
	Cause   uint64    `json:"cause,omitempty"`   // Seq of the event that led to this one
	Message *Message  `json:"message,omitempty"` // of an Accepted: what was accepted

	Decision *Decision `json:"decision,omitempty"` // what is known of it
}

// Message is what an Accepted event tells of a message. It is not changed once
// it is in an event.
type Message struct {
	ID      string   `json:"id,omitempty"`      // the Message-ID field
	From    string   `json:"from,omitempty"`    // the reverse-path; "" is the null one
	To      []string `json:"to,omitempty"`      // the recipients of the envelope
	Subject string   `json:"subject,omitempty"` // decoded
}

// ClientAddr is the address of the side that opened the connection, or sent the
// query.
func (e Event) ClientAddr() string {
	if e.Side == Client {
		return e.Local
	}
	return e.Remote
}

// ServerAddr is the address of the side that answers.
func (e Event) ServerAddr() string {
	if e.Side == Client {
		return e.Remote
	}
	return e.Local
}

// String prints the event in the notation of the lecture, "C: HELO crepes.fr",
// so that a printed transcript is a script that package dialog can play.
func (e Event) String() string {
	d := e.Dir
	if d == 0 {
		d = Self
	}
	if d == Self {
		return "* " + e.Text
	}
	if e.Kind == Data {
		return fmt.Sprintf("* %c sent %d bytes of message text", d, e.Size)
	}
	return string(rune(d)) + ": " + e.Text
}
