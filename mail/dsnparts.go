package mail

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"mime/quotedprintable"
	"strings"
	"time"
	"unicode/utf8"
)

// part is one part of a report: a media type, and a body whose lines end with
// CRLF, already in its transfer encoding.
type part struct {
	kind     string // Content-Type
	encoding string // Content-Transfer-Encoding, "" for 7bit
	about    string // Content-Description
	body     []byte
	header   []byte // of the original, in the returned part
}

func (p part) writeTo(b *bytes.Buffer) {
	fmt.Fprintf(b, "Content-Description: %s\r\nContent-Type: %s\r\n", p.about, p.kind)
	if p.encoding != "" {
		fmt.Fprintf(b, "Content-Transfer-Encoding: %s\r\n", p.encoding)
	}
	b.WriteString("\r\n")
	b.Write(p.body)
}

// status is the part for programs (RFC 3464 §2, RFC 6533 §4).
func (d DSN) status() part {
	var b bytes.Buffer
	if d.Options.EnvID != "" {
		fmt.Fprintf(&b, "Original-Envelope-Id: %s\r\n", oneLine(d.Options.EnvID, d.utf8()))
	}
	fmt.Fprintf(&b, "Reporting-MTA: dns; %s\r\n", d.Host)
	if !d.Arrival.IsZero() {
		fmt.Fprintf(&b, "Arrival-Date: %s\r\n", Date(d.Arrival))
	}
	for _, r := range d.Recipients {
		b.WriteString("\r\n")
		r.status(&b, d.utf8())
	}
	if !isASCII(b.String()) {
		return part{kind: "message/global-delivery-status", encoding: "8bit", about: "Details for programs", body: b.Bytes()}
	}
	return part{kind: "message/delivery-status", about: "Details for programs", body: b.Bytes()}
}

func (r DSNRecipient) status(b *bytes.Buffer, utf8ok bool) {
	if r.ORcpt != "" { // RFC 3464 §2.3.1
		kind, addr, _ := strings.Cut(r.ORcpt, ";")
		kind = oneLine(kind[:min(len(kind), maxAddressType)], false)
		fmt.Fprintf(b, "Original-Recipient: %s;%s\r\n", kind, addressText(addr, utf8ok))
	}
	kind := "rfc822"
	if !r.ASCII() {
		kind = "utf-8" // RFC 6533 §3
	}
	fmt.Fprintf(b, "Final-Recipient: %s;%s\r\n", kind, addressText(r.Address.String(), utf8ok))
	fmt.Fprintf(b, "Action: %s\r\nStatus: %s\r\n", r.Action, r.code())
	if r.Host != "" {
		fmt.Fprintf(b, "Remote-MTA: dns; %s\r\n", oneLine(r.Host, utf8ok))
		fmt.Fprintf(b, "Diagnostic-Code: smtp; %s\r\n", oneLine(r.Reply.Error(), utf8ok))
	}
	if !r.Last.IsZero() {
		fmt.Fprintf(b, "Last-Attempt-Date: %s\r\n", Date(r.Last))
	}
	if r.Action == ActionDelayed && !r.Until.IsZero() {
		fmt.Fprintf(b, "Will-Retry-Until: %s\r\n", Date(r.Until))
	}
}

// code is the enhanced status of the class that belongs to the action (RFC 3463 §2).
func (r DSNRecipient) code() string {
	class := uint16(2)
	switch r.Action {
	case ActionFailed:
		class = 5
	case ActionDelayed:
		class = 4
	}
	e := r.Reply.Enhanced
	if e[0] == 0 {
		e = Enhanced{}
	}
	e[0] = class
	return e.String()
}

// Bounds of what a line of a report has of an address, in bytes.
const (
	maxAddressType = 40
	maxAddressText = maxReportLine - len("Original-Recipient: ;...") - maxAddressType
)

// addressText is an address in the form of RFC 6533 §3: as it is where UTF-8 may
// stand, else with every character that is not printable ASCII as \x{HEX}, and so
// with those that would be taken for the beginning of one.
func addressText(s string, utf8ok bool) string {
	s = strings.ToValidUTF8(s, "?")
	encoded := !utf8ok && !isASCII(s)
	var b strings.Builder
	for _, c := range s {
		switch {
		case IsControl(c), c >= 0x80 && !utf8ok, c == ' ' && b.Len() == 0, encoded && strings.ContainsRune(`\+=`, c):
			fmt.Fprintf(&b, `\x{%02X}`, c)
		default:
			b.WriteRune(c)
		}
	}
	out := b.String()
	return strings.ToValidUTF8(out[:min(len(out), maxAddressText)], "")
}

// words is the part for people.
func (d DSN) words() part {
	var b strings.Builder
	fmt.Fprintf(&b, "This is the mail server %s.\r\n\r\n", d.Host)
	d.section(&b, ActionFailed, "Your message could not be delivered to:")
	d.section(&b, ActionDelayed, "Your message could not be delivered yet to the following. You need not\r\nsend it again; this server goes on trying:")
	d.section(&b, ActionRelayed, "Your message was handed to the next server, which does not report\r\nwhat becomes of it, for:")
	d.section(&b, ActionDelivered, "Your message was delivered to:")
	b.WriteString("The next part of this report has the same for programs")
	if d.Original != nil {
		b.WriteString(", and the last one\r\nis what was kept of your message")
	}
	b.WriteString(".\r\n")

	text := b.String()
	p := part{kind: "text/plain; charset=us-ascii", about: "In words", body: []byte(text)}
	if !isASCII(text) {
		p.kind, p.encoding, p.body = "text/plain; charset=utf-8", "quoted-printable", quotedPrintable([]byte(text))
	}
	return p
}

func (d DSN) section(b *strings.Builder, a Action, title string) {
	if !d.has(a) {
		return
	}
	fmt.Fprintf(b, "%s\r\n\r\n", title)
	for _, r := range d.Recipients {
		if r.Action == a {
			r.words(b, d.Time)
		}
	}
}

func (r DSNRecipient) words(b *strings.Builder, now time.Time) {
	fmt.Fprintf(b, "  %s\r\n", oneLine(r.Address.String(), true))
	reply := oneLine(r.Reply.Error(), true)
	switch {
	case r.Reply.Code == 0:
	case r.Host != "":
		fmt.Fprintf(b, "    The server %s answered:\r\n      %s\r\n", oneLine(r.Host, true), reply)
	default:
		fmt.Fprintf(b, "    %s\r\n", oneLine(r.Reply.Text, true))
	}
	if r.Action == ActionFailed || r.Action == ActionDelayed {
		if m := meaning(r.Reply); m != "" {
			fmt.Fprintf(b, "    That means: %s\r\n", m)
		}
	}
	if r.Action == ActionDelayed && r.Until.After(now) {
		fmt.Fprintf(b, "    It is tried until %s.\r\n", Date(r.Until))
	}
	b.WriteString("\r\n")
}

// meaning says in plain words what the detail of a status code stands for (RFC
// 3463 §3), "" where the reply has to speak for itself.
func meaning(r Reply) string {
	switch [2]uint16{r.Enhanced[1], r.Enhanced[2]} {
	case [2]uint16{1, 1}:
		return "there is no mailbox of that name. Look at the part before the @."
	case [2]uint16{1, 2}:
		return "there is no such domain. Look at the part after the @."
	case [2]uint16{1, 3}:
		return "the address is not written correctly."
	case [2]uint16{1, 10}:
		return "the domain says of itself that it takes no mail."
	case [2]uint16{2, 1}:
		return "the mailbox exists, but takes no mail."
	case [2]uint16{2, 2}:
		return "the mailbox is full."
	case [2]uint16{2, 3}, [2]uint16{3, 4}:
		return "the message is too large for that server."
	case [2]uint16{4, 1}, [2]uint16{4, 2}:
		return "the server could not be reached or broke off."
	case [2]uint16{4, 3}, [2]uint16{4, 4}:
		return "no way was found to a server that takes mail for that domain."
	case [2]uint16{4, 6}:
		return "the message went round in circles."
	case [2]uint16{4, 7}:
		return "it was tried for as long as it is kept."
	case [2]uint16{6, 3}, [2]uint16{6, 7}, [2]uint16{6, 9}:
		return "that server cannot take characters outside of ASCII where this message has them."
	case [2]uint16{7, 1}:
		return "that server does not take this message from this sender."
	case [2]uint16{7, 10}, [2]uint16{7, 30}:
		return "the sender asked for encryption on the whole way, and that server does not offer it."
	}
	return ""
}

// returned is the part that gives the original back: whole or its header, as
// the sender wished and as large as the limits allow.
func (d DSN) returned() (part, error) {
	if d.Original == nil {
		return part{}, nil
	}
	header, err := readHeader(d.Original, d.Size)
	if err != nil {
		return part{}, err
	}
	if !d.full() {
		return headerPart(header, d.utf8()), nil
	}
	text := make([]byte, d.Size)
	if _, err := io.ReadFull(io.NewSectionReader(d.Original, 0, d.Size), text); err != nil {
		return part{}, err
	}
	return messagePart(text, header, d.utf8()), nil
}

// full reports whether the whole original goes back (RFC 3461 §4.3: only with
// failures; RFC 8689 §5: never for REQUIRETLS).
func (d DSN) full() bool {
	limit := int64(MaxReturnedMessage)
	if d.Options.Return == ReturnFull {
		limit = MaxReturnedFull
	}
	return d.has(ActionFailed) && d.Options.Return != ReturnHdrs && !d.Options.RequireTLS && d.Size <= limit
}

// readHeader reads the header fields, without the empty line after them, cut at
// a line end if they are longer than MaxReturnedHeader.
func readHeader(r io.ReaderAt, size int64) ([]byte, error) {
	h := make([]byte, min(size, MaxReturnedHeader))
	if _, err := io.ReadFull(io.NewSectionReader(r, 0, int64(len(h))), h); err != nil {
		return nil, err
	}
	if bytes.HasPrefix(h, []byte("\r\n")) {
		return nil, nil
	}
	if i := bytes.Index(h, []byte("\r\n\r\n")); i >= 0 {
		return h[:i+2], nil
	}
	return h[:bytes.LastIndexByte(h, '\n')+1], nil
}

func headerPart(header []byte, utf8ok bool) part {
	p := part{kind: "text/rfc822-headers", about: "Header of your message", header: header, body: header}
	switch {
	case header == nil:
		p.body = []byte{}
	case isASCII(string(header)) && plain(header):
	case isASCII(string(header)) || !utf8.Valid(header):
		p.encoding, p.body = "quoted-printable", quotedPrintable(header)
	case utf8ok && plain(header):
		p.kind, p.encoding = "message/global-headers", "8bit" // RFC 6533 §6
	default:
		p.kind, p.encoding, p.body = "message/global-headers", "base64", base64Lines(header)
	}
	return p
}

// plain reports whether lines can be sent as they stand: none is longer than a line of
// SMTP may be (RFC 5322 §2.1.1), and none holds characters that steer a terminal.
func plain(lines []byte) bool {
	for line := range bytes.Lines(lines) {
		line = bytes.TrimSuffix(line, []byte("\r\n"))
		if len(line) > maxReportLine || bytes.ContainsFunc(line, func(r rune) bool { return r != '\t' && IsControl(r) }) {
			return false
		}
	}
	return true
}

func messagePart(text, header []byte, utf8ok bool) part {
	p := part{kind: "message/rfc822", about: "Your message", header: header, body: text}
	switch {
	case isASCII(string(text)):
	case isASCII(string(header)) || !utf8.Valid(header):
		p.encoding = "8bit"
	case utf8ok:
		p.kind, p.encoding = "message/global", "8bit" // RFC 6533 §5, RFC 6532 §3.7
	default:
		p.kind, p.encoding, p.body = "message/global", "base64", base64Lines(text)
	}
	return p
}

func quotedPrintable(text []byte) []byte {
	var b bytes.Buffer
	w := quotedprintable.NewWriter(&b)
	_, _ = w.Write(text) // a bytes.Buffer takes everything
	_ = w.Close()
	return b.Bytes()
}

// base64Lines is text in base64, 76 characters a line (RFC 2045 §6.8).
func base64Lines(text []byte) []byte {
	enc := base64.StdEncoding.EncodeToString(text)
	var b bytes.Buffer
	for len(enc) > 0 {
		n := min(76, len(enc))
		b.WriteString(enc[:n])
		b.WriteString("\r\n")
		enc = enc[n:]
	}
	return b.Bytes()
}
