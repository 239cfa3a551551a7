// Package mailview turns a stored message into what a page may show: its fields,
// its text, its parts, and its HTML with nothing in it that runs, loads or frames
// anything.
//
// It works from the record that was made at delivery and from stretches of the
// stored text, reads at most the limits below, and has an answer for every
// message, however broken.
package mailview

import (
	"io"
	"strconv"
	"strings"
	"time"

	"glassmail/mail"
	"glassmail/message"
)

// Limits of a view. What lies beyond is left out, and Cut says so.
const (
	MaxText    = 1 << 20   // bytes of text shown
	MaxHTML    = 2 << 20   // bytes of HTML read
	MaxImage   = 2 << 20   // bytes of one picture in the HTML
	MaxImages  = 8 << 20   // bytes of all of them
	MaxPixels  = 25 << 20  // of all of them, for a small file can unpack to a huge picture
	MaxFields  = 500       // header fields shown
	MaxField   = 16 << 10  // bytes of one field shown
	MaxPreview = 160       // characters of a preview
	maxRead    = 256 << 10 // bytes of header looked at for fields
	previewRaw = 4 << 10   // bytes of text looked at for a preview
)

// Address is one address of a field.
type Address struct {
	Name    string `json:"name,omitempty"`
	Address string `json:"address"` // "" for the name of a group
}

// Field is one header field, unfolded and decoded.
type Field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Part is one part that can be fetched by its section number.
type Part struct {
	Section     string `json:"section"` // as in IMAP, such as "2.1"
	Type        string `json:"type"`    // such as "image/png"
	Name        string `json:"name,omitempty"`
	Size        int64  `json:"size"`  // bytes as transferred
	Depth       int    `json:"depth"` // 0 for parts of the message itself
	Attachment  bool   `json:"attachment"`
	ContentID   string `json:"contentId,omitempty"`
	Description string `json:"description,omitempty"`
}

// View is a message as a page shows it.
type View struct {
	Subject    string    `json:"subject"`
	Date       string    `json:"date"`           // of the Date field, as written
	Sent       time.Time `json:"sent,omitzero"`  // the same, if it can be read
	From       []Address `json:"from"`           //
	ReplyTo    []Address `json:"replyTo"`        // those of From if there are none
	To         []Address `json:"to"`             //
	Cc         []Address `json:"cc"`             //
	Bcc        []Address `json:"bcc"`            //
	MessageID  string    `json:"messageId"`      //
	InReplyTo  string    `json:"inReplyTo"`      //
	References []string  `json:"references"`     // at most 100
	Header     []Field   `json:"header"`         // in the order of the message
	Text       string    `json:"text"`           // what there is to read, without markup
	HasHTML    bool      `json:"hasHTML"`        // HTML shows more
	Parts      []Part    `json:"parts"`          //
	Journey    string    `json:"journey"`        // id under which this node accepted it
	Cut        bool      `json:"cut,omitempty"`  // something was longer than the limits
	Size       int64     `json:"size,omitempty"` // bytes of the message
}

// Read makes the view of a message. It fails only if the message cannot be read.
func Read(text mail.Message, rec *message.Record) (*View, error) {
	v := &View{Size: text.Size()}
	v.envelope(&rec.Root)
	if err := v.header(text, rec); err != nil {
		return nil, err
	}
	v.Parts = parts(rec)
	shown := displayed(&rec.Root)
	v.HasHTML = shown.html != nil
	err := v.readText(text, shown)
	return v, err
}

func (v *View) envelope(root *message.Part) {
	e := root.Envelope
	if e == nil {
		e = &message.Envelope{}
	}
	v.Subject, v.Date = message.DecodeHeader(e.Subject), e.Date
	v.Sent = message.ParseDate(e.Date)
	v.From, v.ReplyTo, v.To, v.Cc, v.Bcc = addresses(e.From), addresses(e.ReplyTo), addresses(e.To), addresses(e.Cc), addresses(e.Bcc)
	v.MessageID, v.InReplyTo = e.MessageID, e.InReplyTo
}

func addresses(in []message.Address) []Address { return Addresses(in, len(in)) }

// Addresses decodes at most most addresses. It leaves out the ends of groups and
// keeps their names.
func Addresses(in []message.Address, most int) []Address {
	out := []Address{}
	for _, m := range in[:min(len(in), most)] {
		switch {
		case m.Domain == "" && m.Local == "":
		case m.Domain == "":
			out = append(out, Address{Name: message.DecodeHeader(m.Local)})
		default:
			a := mail.Address{Local: m.Local, Domain: m.Domain}
			out = append(out, Address{Name: message.DecodeHeader(m.Name), Address: strings.ToValidUTF8(a.String(), "\uFFFD")})
		}
	}
	return out
}

// header reads the fields, and in them the message's ancestors and its journey: the
// id in the newest Received field, which this node wrote.
func (v *View) header(text mail.Message, rec *message.Record) error {
	h, err := Head(text, rec)
	if err != nil {
		return err
	}
	v.Header, v.Cut = fields(h)
	v.References = References(h)
	v.Journey = mail.ReceivedID(h)
	return nil
}

// Head is the beginning of a message's header, as far as a view looks at it.
func Head(text io.ReaderAt, rec *message.Record) ([]byte, error) {
	root := rec.Root
	root.Body = min(root.Body, root.Header+maxRead)
	return message.Header(text, &root)
}

// References lists the message ids of References and In-Reply-To, the eldest
// first (RFC 5322 §3.6.4), at most 100.
func References(header []byte) []string {
	out := []string{}
	for _, name := range []string{"References", "In-Reply-To"} {
		for _, value := range message.HeaderValues(header, name) {
			out = appendIDs(out, value)
		}
	}
	if len(out) > 100 {
		out = append(out[:1], out[len(out)-99:]...)
	}
	return out
}

func appendIDs(out []string, value string) []string {
	for {
		_, rest, ok := strings.Cut(value, "<")
		if !ok {
			return out
		}
		id, after, ok := strings.Cut(rest, ">")
		if !ok || len(id) > 1000 {
			return out
		}
		one := "<" + strings.ToValidUTF8(id, "\uFFFD") + ">"
		if len(out) == 0 || out[len(out)-1] != one {
			out = append(out, one)
		}
		value = after
	}
}

// fields divides a header.
func fields(header []byte) (out []Field, cut bool) {
	out = []Field{}
	for len(header) > 0 {
		one := header[:message.FieldEnd(header)]
		header = header[len(one):]
		if len(one) > MaxField {
			one, cut = one[:MaxField], true
		}
		name, value, ok := strings.Cut(string(one), ":")
		if !ok {
			continue
		}
		if len(out) == MaxFields {
			return out, true
		}
		value = strings.NewReplacer("\r\n", "", "\n", "").Replace(value)
		out = append(out, Field{
			Name:  strings.ToValidUTF8(strings.TrimSpace(name), "\uFFFD"),
			Value: message.DecodeHeader(strings.TrimSpace(value)),
		})
	}
	return out, cut
}

// parts lists what can be fetched: the leaves, and messages inside the message.
func parts(rec *message.Record) []Part {
	out := []Part{}
	var walk func(p *message.Part, section string, depth int)
	walk = func(p *message.Part, section string, depth int) {
		if p.Multipart() {
			for i := range p.Parts {
				walk(&p.Parts[i], below(section, i+1), depth)
			}
			return
		}
		if section == "" {
			section = "1"
		}
		out = append(out, Part{
			Section: section, Type: p.Type + "/" + p.Subtype, Name: FileName(p), Size: p.Size(), Depth: depth,
			Attachment: attached(p), ContentID: strings.Trim(p.ID, "<> "), Description: message.DecodeHeader(p.Description),
		})
		if inner := p.Message(); inner != nil {
			if inner.Multipart() {
				walk(inner, section, depth+1)
			} else {
				walk(inner, section+".1", depth+1)
			}
		}
	}
	walk(&rec.Root, "", 0)
	return out
}

func below(section string, n int) string {
	if section == "" {
		return strconv.Itoa(n)
	}
	return section + "." + strconv.Itoa(n)
}

// attached reports whether a part is beside the text rather than part of it.
func attached(p *message.Part) bool {
	return p.Disposition == "attachment" || p.Type != "text" && p.ID == "" || p.Type == "text" && p.Disposition != "inline" && FileName(p) != ""
}

// FileName is the name under which a part may be saved: the sender's, without
// folders, control characters, and what else a file system could take for more
// than a name.
func FileName(p *message.Part) string {
	name := p.Filename()
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	name = strings.Map(func(r rune) rune {
		if mail.IsControl(r) || strings.ContainsRune(`<>:"|?*`, r) || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, ""))
	name = strings.TrimLeft(strings.TrimSpace(name), ".")
	if r := []rune(name); len(r) > 120 {
		name = string(r[:100]) + string(r[len(r)-20:])
	}
	return name
}

// Section finds a part by its section number, such as "2.1".
func Section(rec *message.Record, section string) *message.Part {
	var path []int
	for s := range strings.SplitSeq(section, ".") {
		n, err := strconv.Atoi(s)
		if err != nil || len(path) > 2*message.MaxDepth {
			return nil
		}
		path = append(path, n)
	}
	return rec.Root.Find(path)
}
