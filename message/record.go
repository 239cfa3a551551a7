package message

import "strings"

// Limits of a Record. A message beyond them is kept and served whole; what lies
// deeper or further on is told as one opaque part.
const (
	MaxDepth      = 100     // nested multiparts and messages
	MaxParts      = 1000    // parts of one message, the root included
	MaxHeaderSize = 1 << 20 // bytes of one header that are looked at
	MaxTexts      = 2 << 20 // bytes of all texts of a record, and what it takes to hold them
)

// Record is what readers ask of a message most often, found once, at delivery,
// by Scan: the structure with byte offsets, and the header fields of ENVELOPE.
// Texts are unfolded and otherwise as they stand in the message, encoded words
// included. Texts beyond MaxTexts are left out.
type Record struct {
	Root Part
}

// Part is one node of the MIME tree. All offsets are in bytes from the beginning
// of the message text; Header ≤ Body ≤ End, and a part lies inside the content
// of the part that holds it.
//
// A part has parts of its own exactly if its type is multipart, message/rfc822
// or message/global. To keep it so, a multipart in which no part can be found
// (it names no boundary, or the boundary never comes) is told as text/plain
// (RFC 2045 §5.2), and a message that is encoded, or one of these beyond the
// limits, as application/octet-stream (RFC 2049 §2).
type Part struct {
	Header, Body, End int64 // header incl. its blank line is [Header,Body), content is [Body,End)
	Lines             int64 // line ends in the content

	Type, Subtype string // lower case; "text","plain" when missing or unreadable
	Params        []Param
	ID            string // Content-ID
	Description   string
	Encoding      string // lower case; "7bit" when missing
	Disposition   string // lower case; "" when missing
	DispParams    []Param
	Language      []string
	Location      string
	MD5           string

	Envelope *Envelope // of the root and of the message inside a message/rfc822, else nil
	Parts    []Part    // of a multipart; exactly one, the inner message, for message/rfc822
}

// Param is one parameter of a structured field; Key is in lower case. The pieces
// of a value in the manner of RFC 2231 stand each for itself, as name*0*, name*1.
type Param struct{ Key, Value string }

// Envelope has the fields of IMAP's ENVELOPE (RFC 9051 §7.5.2). Sender and
// ReplyTo are those of From when the message has none.
type Envelope struct {
	Date      string
	Subject   string
	From      []Address
	Sender    []Address
	ReplyTo   []Address
	To        []Address
	Cc        []Address
	Bcc       []Address
	InReplyTo string
	MessageID string
}

// Address is one address of a header field. A group (RFC 5322 §3.4) is a Mailbox
// with Local only, its members, and an empty Mailbox.
type Address struct{ Name, Local, Domain string }

// What stands in a Mailbox for what its author left out: without it, an address
// would look like the beginning or the end of a group. The domain is one that
// never exists (RFC 6761 §6.4).
const (
	MissingLocal  = "missing"
	MissingDomain = "missing.invalid"
)

// Multipart reports whether p is a multipart, with at least one part.
func (p *Part) Multipart() bool { return p.Type == "multipart" }

// Message returns the message that p holds, nil if p is not one.
func (p *Part) Message() *Part {
	if p.Type != "message" || len(p.Parts) != 1 {
		return nil
	}
	return &p.Parts[0]
}

// Size is the length of the content in bytes.
func (p *Part) Size() int64 { return p.End - p.Body }

// Find returns the part with an IMAP section number, such as {4, 2, 1} for
// 4.2.1, or nil. Called on the root, {} is the root, and {1} is the root as well
// if it is not a multipart (RFC 9051 §6.4.5.1).
func (p *Part) Find(path []int) *Part {
	for i, n := range path {
		whole := p // the message in which n counts
		if i > 0 && !p.Multipart() {
			whole = p.Message()
		}
		switch {
		case whole == nil || n < 1:
			return nil
		case whole.Multipart() && n <= len(whole.Parts):
			p = &whole.Parts[n-1]
		case !whole.Multipart() && n == 1:
			p = whole
		default:
			return nil
		}
	}
	return p
}

// Walk calls f for p and all parts below it, in the order of the text, until f
// returns false.
func (p *Part) Walk(f func(*Part) bool) bool {
	if !f(p) {
		return false
	}
	for i := range p.Parts {
		if !p.Parts[i].Walk(f) {
			return false
		}
	}
	return true
}

// Param returns the value of the first parameter with a key in lower case.
func (p *Part) Param(key string) string { return param(p.Params, key) }

func param(params []Param, key string) string {
	for _, p := range params {
		if p.Key == key {
			return p.Value
		}
	}
	return ""
}

// maxPieces bounds how many pieces of a value are put together.
const maxPieces = 100

// joined is like param, and puts together a value that was cut into pieces
// key*0, key*1 and so on (RFC 2231 §3). Pieces are not decoded. It looks at each
// parameter once.
func joined(params []Param, key string) string {
	if v := param(params, key); v != "" {
		return v
	}
	var pieces [maxPieces]*Param
	for i := range params {
		if n := pieceNumber(params[i].Key, key); n >= 0 && pieces[n] == nil {
			pieces[n] = &params[i]
		}
	}
	var b strings.Builder
	for _, p := range pieces {
		if p == nil {
			break
		}
		b.WriteString(p.Value)
	}
	return b.String()
}
