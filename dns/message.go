package dns

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	miekg "github.com/miekg/dns"
)

// Sizes of messages in bytes.
const (
	MinUDP     = 512   // what every client takes (RFC 1035 §2.3.4)
	DefaultUDP = 1232  // what is offered with EDNS: no fragments on any usual path
	MaxMessage = 65535 // the limit of TCP (RFC 1035 §4.2.2)
	HeaderSize = 12
)

// Message is one query or reply (RFC 1035 §4).
type Message struct {
	m miekg.Msg

	home  *packets  // where its packed form may be kept; nil for most
	until time.Time // how long; zero as long as home
}

// Header is the first 12 bytes of a message without the counts (RFC 1035
// §4.1.1, RFC 4035 §3.2 for AD and CD), and the extended code of EDNS.
type Header struct {
	ID                 uint16
	Response           bool // QR
	Opcode             string
	Authoritative      bool // AA: the server owns the name
	Truncated          bool // TC: ask again over TCP
	RecursionDesired   bool // RD
	RecursionAvailable bool // RA
	AuthenticData      bool // AD: signatures were checked
	CheckingDisabled   bool // CD: do not check signatures
	Code               Code

	Questions, Answers, Authorities, Additionals int // entries of each section, the OPT record of EDNS included
}

// Question is what is asked.
type Question struct {
	Name  string
	Type  Type
	Class uint16 // 1 is IN
}

// Query describes a message to be asked.
type Query struct {
	Name             string
	Type             Type
	RecursionDesired bool
	CheckingDisabled bool
	AuthenticData    bool   // asks to be told whether signatures were checked (RFC 6840 §5.7)
	DNSSEC           bool   // DO: send signatures too (RFC 3225)
	Size             uint16 // largest reply over UDP; 0 leaves EDNS out
	ID               uint16
}

// NewMessage makes the message that asks q.
func NewMessage(q Query) *Message {
	m := &Message{}
	m.m.Id = q.ID
	m.m.RecursionDesired = q.RecursionDesired
	m.m.CheckingDisabled = q.CheckingDisabled
	m.m.AuthenticatedData = q.AuthenticData
	m.m.Question = []miekg.Question{{Name: miekg.Fqdn(q.Name), Qtype: uint16(q.Type), Qclass: miekg.ClassINET}}
	if q.Size > 0 || q.DNSSEC {
		m.m.SetEdns0(max(q.Size, MinUDP), q.DNSSEC)
	}
	return m
}

// NewReply makes an empty reply with the given code: the id, question and RD, CD
// bits of the query, and EDNS if the query had it (RFC 6891 §6.1.1).
func (m *Message) NewReply(code Code) *Message {
	r := &Message{}
	r.m.Id, r.m.Response, r.m.Opcode = m.m.Id, true, m.m.Opcode
	r.m.RecursionDesired, r.m.CheckingDisabled = m.m.RecursionDesired, m.m.CheckingDisabled
	r.m.Question = m.m.Question[:min(1, len(m.m.Question))]
	r.m.Rcode = int(code)
	if o := m.m.IsEdns0(); o != nil {
		r.m.SetEdns0(DefaultUDP, o.Do())
	}
	return r
}

// NewAnswer makes a reply with authority that holds the given records.
func (m *Message) NewAnswer(answer ...Record) *Message {
	r := m.NewReply(NoError)
	r.m.Authoritative = true
	for _, x := range answer {
		r.m.Answer = append(r.m.Answer, x.rr)
	}
	return r
}

// Unpack reads a message. When the header could be read but what follows could
// not, it returns both a message with the header alone, so that the sender can
// be told, and the error.
func Unpack(b []byte) (*Message, error) {
	m := &Message{}
	if len(b) < HeaderSize {
		return nil, fmt.Errorf("message of %d bytes: a header has %d", len(b), HeaderSize)
	}
	if err := m.m.Unpack(b); err != nil {
		head := m.m.MsgHdr
		m.m = miekg.Msg{MsgHdr: head}
		return m, fmt.Errorf("message: %w", err)
	}
	return m, nil
}

// Pack writes the message, names compressed.
func (m *Message) Pack() ([]byte, error) { return m.PackBuffer(nil) }

// PackBuffer is Pack into buf if it is large enough.
func (m *Message) PackBuffer(buf []byte) ([]byte, error) {
	m.m.Compress = true
	b, err := m.m.PackBuffer(buf)
	if err != nil {
		return nil, fmt.Errorf("pack message: %w", err)
	}
	return b, nil
}

// PackUDP writes the message so that it fits into limit bytes. What does not fit
// is left out: first additional records, silently unless they are glue (RFC 9471
// §3), then all records, with TC set (RFC 2181 §9).
func (m *Message) PackUDP(buf []byte, limit int) ([]byte, error) {
	b, err := m.PackBuffer(buf)
	if err != nil || len(b) <= limit {
		return b, err
	}
	short := m.m
	short.Extra = nil
	if o := m.m.IsEdns0(); o != nil {
		short.Extra = []miekg.RR{o}
	}
	if len(short.Answer) == 0 && !m.m.Authoritative && len(m.m.Extra) > len(short.Extra) {
		short.Truncated = true
	}
	if b, err = short.PackBuffer(buf); err != nil || len(b) <= limit {
		return b, err
	}
	short.Answer, short.Ns, short.Truncated = nil, nil, true
	return short.PackBuffer(buf)
}

// PackStream writes the message for TCP. One with more records than a message
// can hold, which only zone transfers have, becomes several (RFC 5936 §2.2).
func (m *Message) PackStream() ([][]byte, error) {
	const perMessage = 400 // records, in a stream of several messages
	m.m.Compress = true
	if m.m.Len() <= MaxMessage {
		b, err := m.Pack()
		return [][]byte{b}, err
	}
	var out [][]byte
	part := m.m
	part.Compress = true
	for rest := m.m.Answer; len(rest) > 0; {
		n := min(perMessage, len(rest))
		part.Answer = rest[:n]
		for part.Len() > MaxMessage && n > 1 {
			n /= 2
			part.Answer = rest[:n]
		}
		b, err := part.Pack()
		if err != nil {
			return nil, fmt.Errorf("pack message: %w", err)
		}
		out, rest = append(out, b), rest[n:]
	}
	return out, nil
}

// Header is the message's header.
func (m *Message) Header() Header {
	h := m.m.MsgHdr
	op, ok := miekg.OpcodeToString[h.Opcode]
	if !ok {
		op = fmt.Sprintf("OPCODE%d", h.Opcode)
	}
	return Header{
		ID: h.Id, Response: h.Response, Opcode: op, Authoritative: h.Authoritative, Truncated: h.Truncated,
		RecursionDesired: h.RecursionDesired, RecursionAvailable: h.RecursionAvailable,
		AuthenticData: h.AuthenticatedData, CheckingDisabled: h.CheckingDisabled, Code: Code(h.Rcode),
		Questions: len(m.m.Question), Answers: len(m.m.Answer), Authorities: len(m.m.Ns), Additionals: len(m.m.Extra),
	}
}

// ID is the number that ties a reply to its query.
func (m *Message) ID() uint16 { return m.m.Id }

// Question is the first question; ok is false when there is none.
func (m *Message) Question() (q Question, ok bool) {
	if len(m.m.Question) == 0 {
		return Question{}, false
	}
	x := m.m.Question[0]
	return Question{x.Name, Type(x.Qtype), x.Qclass}, true
}

// Answer is the section of records that answer the question.
func (m *Message) Answer() []Record { return records(m.m.Answer) }

// Authority is the section that names servers nearer to the answer, or holds the
// SOA record of a negative answer.
func (m *Message) Authority() []Record { return records(m.m.Ns) }

// Additional is the section of records that may help; the OPT record of EDNS,
// which is not one of them, is left out.
func (m *Message) Additional() []Record { return records(m.m.Extra) }

// Glue is the addresses that the additional section gives to a host, 13 at most.
func (m *Message) Glue(host string) []netip.Addr { return glue(m.m.Extra, Canonical(host), ".") }

// ExtendedError says why a server failed (RFC 8914).
type ExtendedError struct {
	Code    uint16
	Meaning string // of the code
	Text    string // the server's own words
}

// ExtendedErrors is what the message says of a failure.
func (m *Message) ExtendedErrors() []ExtendedError {
	o := m.m.IsEdns0()
	if o == nil {
		return nil
	}
	var out []ExtendedError
	for _, x := range o.Option {
		if e, ok := x.(*miekg.EDNS0_EDE); ok {
			out = append(out, ExtendedError{e.InfoCode, miekg.ExtendedErrorCodeToString[e.InfoCode], e.ExtraText})
		}
	}
	return out
}

// EDNS tells the sender's offer (RFC 6891): the UDP size it takes, its version,
// whether it wants signatures. ok is false when there is none.
func (m *Message) EDNS() (size uint16, version uint8, do, ok bool) {
	o := m.m.IsEdns0()
	if o == nil {
		return 0, 0, false, false
	}
	return o.UDPSize(), o.Version(), o.Do(), true
}

// Limit is the size of the largest reply that the sender takes over UDP.
func (m *Message) Limit() int {
	size, _, _, ok := m.EDNS()
	if !ok {
		return MinUDP
	}
	return min(max(int(size), MinUDP), 4096) // RFC 6891 §6.2.3
}

// FormatErrorReply is the reply to bytes that are no query but have a header
// that can be answered; nil if they have not.
func FormatErrorReply(b []byte) []byte {
	if len(b) < HeaderSize || b[2]&0x80 != 0 { // never answer a reply
		return nil
	}
	r := make([]byte, HeaderSize)
	copy(r, b[:2])
	r[2] = 0x80 | b[2]&0x79 // QR, the opcode and RD
	r[3] = byte(FormatError)
	return r
}

// Line is the message in one line: "Q hamburger.edu. MX" for a query, "A
// hamburger.edu. MX 10 mail.hamburger.edu." for an answer, and in other replies
// what they say: "A x.edu. A NXDOMAIN", "A hamburger.edu. MX → edu. NS a.edu.".
func (m *Message) Line() string {
	var b strings.Builder
	if m.m.Response {
		b.WriteString("A ")
	} else {
		b.WriteString("Q ")
	}
	q, ok := m.Question()
	if !ok {
		b.WriteString("(no question) ")
	} else {
		b.WriteString(q.Name + " " + q.Type.String())
	}
	if m.m.Response {
		m.lineReply(&b)
	}
	return b.String()
}

// lineReply writes what a reply says after the question.
func (m *Message) lineReply(b *strings.Builder) {
	const most = 8 // records named in the line
	switch {
	case m.m.Truncated:
		b.WriteString(" truncated, ask over TCP")
	case m.m.Rcode != miekg.RcodeSuccess:
		b.WriteString(" " + Code(m.m.Rcode).String())
	case len(m.m.Answer) > 0:
		m.lineAnswer(b, most)
	case m.referral() != "":
		z := m.referral()
		b.WriteString(" → " + z + " NS")
		for _, rr := range m.m.Ns {
			if ns, ok := rr.(*miekg.NS); ok {
				b.WriteString(" " + ns.Ns)
			}
		}
	default:
		b.WriteString(" no such record")
	}
}

func (m *Message) lineAnswer(b *strings.Builder, most int) {
	n := 0
	for _, rr := range m.m.Answer {
		t := typeOf(rr)
		if t == TypeRRSIG {
			continue
		}
		if n++; n > most {
			fmt.Fprintf(b, ", … %d records", len(m.m.Answer))
			return
		}
		if n > 1 {
			b.WriteByte(',')
		}
		if q := m.m.Question; len(q) > 0 && t != Type(q[0].Qtype) {
			b.WriteString(" " + t.String())
		}
		b.WriteString(" " + Record{rr}.Data())
	}
}

// referral is the zone to whose servers a reply refers, "" if it is none.
func (m *Message) referral() string {
	if m.m.Rcode != miekg.RcodeSuccess || len(m.m.Answer) > 0 || m.m.Authoritative {
		return ""
	}
	for _, rr := range m.m.Ns {
		if typeOf(rr) == TypeSOA {
			return ""
		}
	}
	for _, rr := range m.m.Ns {
		if typeOf(rr) == TypeNS {
			return Canonical(rr.Header().Name)
		}
	}
	return ""
}
