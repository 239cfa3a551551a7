// Package dissect takes a DNS message apart: which bytes are which field, what they
// hold, and what that means (RFC 1035 §4.1).
package dissect

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"glassmail/dns"

	miekg "github.com/miekg/dns"
)

// Field is a run of bytes of a message, or some bits of one, and its meaning.
type Field struct {
	Offset  int    `json:"offset"`         // of the first byte
	Length  int    `json:"length"`         // in bytes; for bits, of the bytes they lie in
	Bits    string `json:"bits,omitempty"` // for bits: "0" or "1-4", bit 0 being the highest of the two bytes
	Section string `json:"section"`        // header, question, answer, authority, additional, rest
	Name    string `json:"name"`           // the RFC's word: ID, QR, NAME, TTL, RDLENGTH …
	Value   string `json:"value"`          // in presentation form
	Meaning string `json:"meaning"`        // in words
	Pointer int    `json:"pointer"`        // offset to which a compressed name points, -1 if it does not
}

// Dissection is a message taken apart. The fields without Bits lie one after the
// other and cover each byte once.
type Dissection struct {
	Fields []Field `json:"fields"`
	Fault  string  `json:"fault,omitempty"` // what is wrong with the message, "" if it could be read to its end
}

// Dissect explains every byte of a message. It never fails: what it cannot read
// is a field of the section "rest", and Fault tells why.
func Dissect(b []byte) Dissection {
	d := &dissector{b: b}
	d.message()
	if d.at < len(b) {
		d.section = "rest"
		meaning := "bytes after the end of the message"
		if d.fault != "" {
			meaning = "not read: " + d.fault
		}
		d.field(len(b)-d.at, "", hexOf(b[d.at:]), meaning)
	}
	return Dissection{Fields: d.fields, Fault: d.fault}
}

type dissector struct {
	b       []byte
	at      int
	section string
	fields  []Field
	fault   string
}

// field adds the next n bytes as one field.
func (d *dissector) field(n int, name, value, meaning string) {
	d.fields = append(d.fields, Field{Offset: d.at, Length: n, Section: d.section, Name: name, Value: value, Meaning: meaning, Pointer: -1})
	d.at += n
}

func (d *dissector) fail(format string, args ...any) bool {
	if d.fault == "" {
		d.fault = fmt.Sprintf(format, args...)
	}
	return false
}

func (d *dissector) need(n int, what string) bool {
	if len(d.b)-d.at < n {
		return d.fail("%s at byte %d needs %d bytes, %d are left", what, d.at, n, len(d.b)-d.at)
	}
	return true
}

func (d *dissector) u16(off int) int { return int(binary.BigEndian.Uint16(d.b[off:])) }

func (d *dissector) message() {
	if !d.header() {
		return
	}
	sections := [4]string{"question", "answer", "authority", "additional"}
	for i, s := range sections {
		d.section = s
		for n := range d.u16(4 + 2*i) {
			if d.at == len(d.b) {
				d.fail("the header counts %d records in the %s section, the message ends after %d", d.u16(4+2*i), s, n)
				return
			}
			if i == 0 && !d.question() || i > 0 && !d.record() {
				return
			}
		}
	}
}

// header explains the first 12 bytes (RFC 1035 §4.1.1).
func (d *dissector) header() bool {
	d.section = "header"
	if !d.need(dns.HeaderSize, "the header") {
		return false
	}
	d.field(2, "ID", strconv.Itoa(d.u16(0)), "ties the reply to its query")
	flags := d.u16(2)
	d.field(2, "flags", fmt.Sprintf("0x%04x", flags), "16 bits, explained one by one below")
	d.bits(flags)
	counts := [4][2]string{{"QDCOUNT", "questions"}, {"ANCOUNT", "answer records"}, {"NSCOUNT", "authority records"}, {"ARCOUNT", "additional records"}}
	for _, c := range counts {
		n := d.u16(d.at)
		d.field(2, c[0], strconv.Itoa(n), fmt.Sprintf("%d %s follow", n, c[1]))
	}
	return true
}

// flagBit is one field of bytes 2 and 3 and what its two values mean.
type flagBit struct {
	name  string
	width int
	query [2]string // in a query
	reply [2]string // in a reply
}

// flagBits is the layout of bytes 2 and 3 (RFC 1035 §4.1.1, RFC 4035 §3.2, RFC
// 6840 §5.7).
func flagBits() []flagBit {
	none := [2]string{"of replies only", "of replies only"}
	qr, z := [2]string{"a query", "a reply"}, [2]string{"reserved, zero", "reserved, should be zero"}
	return []flagBit{
		{"QR", 1, qr, qr},
		{"OPCODE", 4, [2]string{}, [2]string{}},
		{"AA", 1, none, [2]string{"not from an authority for the name", "from an authority for the name"}},
		{"TC", 1, none, [2]string{"complete", "truncated: ask again over TCP"}},
		{"RD", 1, [2]string{"no search for me", "please search for me"}, [2]string{"recursion was not asked for", "recursion was asked for"}},
		{"RA", 1, none, [2]string{"the server does not search for others", "the server searches for others"}},
		{"Z", 1, z, z},
		{"AD", 1, [2]string{"checked signatures need not be told", "tell me whether signatures were checked"}, [2]string{"signatures not vouched for", "all signatures were checked"}},
		{"CD", 1, [2]string{"signatures are to be checked", "do not check signatures"}, [2]string{"checking was not switched off", "checking was switched off"}},
		{"RCODE", 4, [2]string{}, [2]string{}},
	}
}

func (d *dissector) bits(flags int) {
	at := 0
	for _, f := range flagBits() {
		v := flags >> (16 - at - f.width) & (1<<f.width - 1)
		x := Field{Offset: 2, Length: 2, Bits: strconv.Itoa(at), Section: "header", Name: f.name, Value: strconv.Itoa(v), Pointer: -1}
		switch {
		case f.width == 1 && flags&0x8000 == 0:
			x.Meaning = f.query[v]
		case f.width == 1:
			x.Meaning = f.reply[v]
		case f.name == "OPCODE":
			x.Bits, x.Meaning = fmt.Sprintf("%d-%d", at, at+3), miekg.OpcodeToString[v]
		default:
			x.Bits, x.Meaning = fmt.Sprintf("%d-%d", at, at+3), dns.Code(v).String()
		}
		d.fields = append(d.fields, x)
		at += f.width
	}
}

func (d *dissector) question() bool {
	if !d.name("QNAME", "the name asked for") || !d.need(4, "QTYPE and QCLASS") {
		return false
	}
	d.typ("QTYPE")
	d.class("QCLASS")
	return true
}

func (d *dissector) typ(name string) dns.Type {
	t := dns.Type(d.u16(d.at))
	d.field(2, name, t.String(), typeMeaning(t))
	return t
}

func (d *dissector) class(name string) {
	c := d.u16(d.at)
	d.field(2, name, miekg.Class(c).String(), map[bool]string{true: "the Internet", false: "another class"}[c == 1])
}

// record explains one resource record (RFC 1035 §4.1.3).
func (d *dissector) record() bool {
	if !d.name("NAME", "the owner of the record") || !d.need(10, "TYPE, CLASS, TTL and RDLENGTH") {
		return false
	}
	t := d.typ("TYPE")
	if t == dns.TypeOPT {
		d.opt()
	} else {
		d.class("CLASS")
		ttl := binary.BigEndian.Uint32(d.b[d.at:])
		d.field(4, "TTL", strconv.FormatUint(uint64(ttl), 10), "seconds for which the record may be kept")
	}
	n := d.u16(d.at)
	d.field(2, "RDLENGTH", strconv.Itoa(n), fmt.Sprintf("%d bytes of data follow", n))
	if !d.need(n, "RDATA") {
		return false
	}
	return d.rdata(t, d.at+n)
}

// opt explains the fields of an OPT record, whose class and TTL have meanings of
// their own (RFC 6891 §6.1.2).
func (d *dissector) opt() {
	d.field(2, "size", strconv.Itoa(d.u16(d.at)), "bytes that the sender takes over UDP (CLASS field)")
	d.field(1, "extended RCODE", strconv.Itoa(int(d.b[d.at])), "the upper 8 bits of the code (TTL field)")
	d.field(1, "version", strconv.Itoa(int(d.b[d.at])), "of EDNS")
	meaning := "DO is 0: no signatures wanted"
	if d.b[d.at]&0x80 != 0 {
		meaning = "DO is 1: signatures wanted"
	}
	d.field(2, "flags", fmt.Sprintf("0x%04x", d.u16(d.at)), meaning)
}

// name explains a name (RFC 1035 §4.1.4): labels, and perhaps a pointer to where
// the rest of it stands.
func (d *dissector) name(field, meaning string) bool {
	n, ok := d.readName(d.at)
	if !ok {
		return false
	}
	switch {
	case n.pointer < 0 && n.text == ".":
		meaning += " (one zero byte: the root)"
	case n.pointer >= 0 && n.length == 2:
		meaning += fmt.Sprintf(" (a pointer: it stands at byte %d)", n.pointer)
	case n.pointer >= 0:
		meaning += fmt.Sprintf(" (its end is a pointer to byte %d)", n.pointer)
	}
	d.field(n.length, field, n.text, meaning)
	d.fields[len(d.fields)-1].Pointer = n.pointer
	return true
}

// wireName is a name as it stands in a message.
type wireName struct {
	text    string
	length  int // bytes at the place where it begins
	pointer int // first pointer, -1 without one
}

func (d *dissector) readName(at int) (wireName, bool) {
	var b strings.Builder
	n := wireName{pointer: -1}
	octets, hops := 0, 0
	for start := at; ; {
		if at >= len(d.b) {
			return n, d.fail("the name at byte %d runs over the end", start)
		}
		c := int(d.b[at])
		switch {
		case c == 0:
			if n.pointer < 0 {
				n.length = at + 1 - start
			}
			if b.Len() == 0 {
				b.WriteByte('.')
			}
			n.text = b.String()
			return n, true
		case c < 0x40:
			if at+1+c > len(d.b) {
				return n, d.fail("the label at byte %d runs over the end", at)
			}
			if octets += c + 1; octets > 254 {
				return n, d.fail("the name at byte %d is longer than 255 bytes", start)
			}
			presentLabel(&b, d.b[at+1:at+1+c])
			at += 1 + c
		case c >= 0xc0:
			if at+2 > len(d.b) {
				return n, d.fail("the pointer at byte %d runs over the end", at)
			}
			if hops++; hops > 126 {
				return n, d.fail("the pointers of the name at byte %d lead in a circle", start)
			}
			to := d.u16(at) & 0x3fff
			if n.pointer < 0 {
				n.pointer, n.length = to, at+2-start
			}
			at = to
		default:
			return n, d.fail("byte %d (0x%02x) begins neither a label nor a pointer", at, c)
		}
	}
}

// presentLabel writes a label in presentation form (RFC 1035 §5.1).
func presentLabel(b *strings.Builder, label []byte) {
	for _, c := range label {
		switch {
		case strings.IndexByte(" '@;()\"\\.", c) >= 0:
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c > '~':
			fmt.Fprintf(b, "\\%03d", c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('.')
}

func hexOf(b []byte) string {
	const most = 32
	if len(b) > most {
		return fmt.Sprintf("%x… (%d bytes)", b[:most], len(b))
	}
	return fmt.Sprintf("%x", b)
}

// Translate is the dissection with the meanings of its fields in other words; nil
// changes nothing.
func (d Dissection) Translate(meaning func(Field) string) Dissection {
	if meaning == nil {
		return d
	}
	d.Fields = slices.Clone(d.Fields)
	for i, f := range d.Fields {
		d.Fields[i].Meaning = meaning(f)
	}
	return d
}

// Text writes the dissection as a table: offset, bytes, name, value, meaning.
func (d Dissection) Text(b []byte) string {
	var out strings.Builder
	section := ""
	for _, f := range d.Fields {
		if f.Section != section {
			section = f.Section
			fmt.Fprintf(&out, "%s\n", section)
		}
		if f.Bits != "" {
			fmt.Fprintf(&out, "        bit %-6s %-14s %-28s %s\n", f.Bits, f.Name, f.Value, f.Meaning)
			continue
		}
		raw := b[f.Offset : f.Offset+f.Length]
		hex := fmt.Sprintf("% x", raw[:min(len(raw), 8)])
		if len(raw) > 8 {
			hex += " …"
		}
		fmt.Fprintf(&out, "  %4d  %-26s %-14s %-28s %s\n", f.Offset, hex, f.Name, f.Value, f.Meaning)
	}
	if d.Fault != "" {
		fmt.Fprintf(&out, "fault: %s\n", d.Fault)
	}
	return out.String()
}
