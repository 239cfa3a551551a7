package mail

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
)

// Limits of a delivery report, in bytes. What is returned of the original
// message is cut to them.
const (
	MaxReturnedHeader  = 64 << 10 // header fields of the original
	MaxReturnedMessage = 64 << 10 // whole original, if the sender had no wish
	MaxReturnedFull    = 1 << 20  // whole original, if the sender asked for RET=FULL
	maxReportText      = 512      // of one reply
	maxReportLine      = 998      // RFC 5322 §2.1.1
)

// Action is what became of a recipient (RFC 3464 §2.3.3).
type Action string

// The actions a node can report.
const (
	ActionFailed    Action = "failed"    // given up
	ActionDelayed   Action = "delayed"   // tried in vain so far, tried again
	ActionDelivered Action = "delivered" // in the mailbox
	ActionRelayed   Action = "relayed"   // handed to a server that makes no reports
)

// DSN is a delivery status notification: the report that a node writes to the
// sender about what became of a message (RFC 3464). Different recipients may
// have come to different ends.
type DSN struct {
	Host       string    // name of the reporting node; MAILER-DAEMON@Host is the author
	ID         string    // makes the Message-ID and the boundary unique
	To         Address   // original sender; never the null reverse-path
	Options    Options   // of the original's envelope: EnvID, Return, UTF8, RequireTLS
	Arrival    time.Time // when the original was accepted
	Time       time.Time // of the report
	Recipients []DSNRecipient
	Original   io.ReaderAt // text of the original; nil returns nothing of it
	Size       int64       // of the original, in bytes
}

// DSNRecipient is what the report says of one recipient.
type DSNRecipient struct {
	Recipient
	Action Action
	Reply  Reply     // the reply that decided, from Host or from this node
	Host   string    // the server that gave Reply, "" if it is our own verdict
	Last   time.Time // last attempt; zero is left out
	Until  time.Time // attempts go on until then; only with ActionDelayed
}

// Build writes the report: header, a part in plain words, a part for programs,
// and what is returned of the original. It fails if there is nobody to write to:
// a report is never sent for a message that came from the null reverse-path,
// so that reports cannot answer reports (RFC 3461 §5.2, RFC 5321 §4.5.5).
//
// The result needs SMTPUTF8 exactly if To is not ASCII (RFC 6533), and 8BITMIME
// exactly if it has a byte above 127. Its lines end with CRLF.
func (d DSN) Build() ([]byte, error) {
	if d.To.IsNull() {
		return nil, errors.New("mail: no delivery report to the null reverse-path")
	}
	if len(d.Recipients) == 0 {
		return nil, errors.New("mail: a delivery report needs a recipient to speak of")
	}
	returned, err := d.returned()
	if err != nil {
		return nil, fmt.Errorf("read the original for a delivery report: %w", err)
	}
	parts := []part{d.words(), d.status()}
	if returned.body != nil {
		parts = append(parts, returned)
	}
	boundary := d.boundary(parts)

	var b bytes.Buffer
	d.header(&b, boundary, messageID(returned.header))
	b.WriteString("This is a delivery report in MIME format (RFC 3464).\r\n")
	for _, p := range parts {
		fmt.Fprintf(&b, "\r\n--%s\r\n", boundary)
		p.writeTo(&b)
	}
	fmt.Fprintf(&b, "\r\n--%s--\r\n", boundary)
	return b.Bytes(), nil
}

// utf8 reports whether the report itself may hold UTF-8 in its header fields:
// only a sender whose own address needs SMTPUTF8 certainly can read it.
func (d DSN) utf8() bool { return !d.To.ASCII() }

func (d DSN) header(b *bytes.Buffer, boundary, original string) {
	fmt.Fprintf(b, "From: \"Mail delivery at %s\" <MAILER-DAEMON@%s>\r\n", d.Host, d.Host)
	fmt.Fprintf(b, "To: %s\r\n", d.To.Path())
	fmt.Fprintf(b, "Subject: %s\r\n", d.subject())
	fmt.Fprintf(b, "Date: %s\r\n", Date(d.Time))
	fmt.Fprintf(b, "Message-ID: <%s@%s>\r\n", d.ID, d.Host)
	if original != "" {
		fmt.Fprintf(b, "In-Reply-To: %s\r\nReferences: %s\r\n", original, original)
	}
	b.WriteString("Auto-Submitted: auto-replied\r\n") // RFC 3834 §5
	b.WriteString("MIME-Version: 1.0\r\n")
	fmt.Fprintf(b, "Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=%q\r\n\r\n", boundary) // RFC 6522 §3
}

func (d DSN) subject() string {
	switch {
	case d.has(ActionFailed):
		return "Your message could not be delivered"
	case d.has(ActionDelayed):
		return "Your message is delayed"
	}
	return "Your message has been passed on"
}

func (d DSN) has(a Action) bool {
	for _, r := range d.Recipients {
		if r.Action == a {
			return true
		}
	}
	return false
}

// boundary is a line that none of the parts contains.
func (d DSN) boundary(parts []part) string {
	for n := 0; ; n++ {
		b := fmt.Sprintf("report-%s-%d", boundaryChars(d.ID), n)
		free := true
		for _, p := range parts {
			free = free && !bytes.Contains(p.body, []byte("--"+b))
		}
		if free {
			return b
		}
	}
}

// boundaryChars keeps of s what may stand in a boundary (RFC 2046 §5.1.1).
func boundaryChars(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < 0x80 && isLetDig(byte(r)) {
			return r
		}
		return -1
	}, s)
	return s[:min(len(s), 40)]
}

// messageID finds the Message-ID in a header, "" if there is none that can be
// repeated in a field of ours.
func messageID(header []byte) string {
	for line := range bytes.Lines(header) {
		v, ok := cutPrefixFold(string(line), "Message-ID:")
		if !ok {
			continue
		}
		if ids := MessageIDs(v); len(ids) == 1 && strings.TrimSpace(v) == ids[0] {
			return ids[0]
		}
		return ""
	}
	return ""
}

// oneLine makes text of other servers fit to stand in a report: printable, on
// one line, bounded, without what turns the direction of writing, so that it stays
// apart from our words, and in ASCII unless utf8ok.
func oneLine(s string, utf8ok bool) string {
	s = Printable(strings.NewReplacer("\r", " ", "\n", " ", "\t", " ").Replace(s), '?')
	s = strings.Map(func(r rune) rune {
		if r >= 0x80 && !utf8ok || unicode.Is(unicode.Bidi_Control, r) {
			return '?'
		}
		return r
	}, s)
	if len(s) <= maxReportText {
		return s
	}
	return strings.ToValidUTF8(s[:maxReportText], "") + "..."
}
