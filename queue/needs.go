package queue

import (
	"slices"
	"strings"

	"github.com/emersion/go-smtp"

	"glassmail/mail"
	"glassmail/message"
)

// needs settles the recipients that the server cannot serve because it lacks
// what the message needs, and returns the others.
//
// Nothing is converted on the way: where the RFCs leave the choice between
// changing the text and returning it, it is returned.
func (p *transaction) needs(todo []*outcome) []*outcome {
	if rep := p.lacks(); rep != nil {
		answerAll(todo, rep, "")
		return nil
	}
	if p.has("SMTPUTF8") {
		return todo
	}
	return slices.DeleteFunc(slices.Clone(todo), func(o *outcome) bool {
		if isASCII(o.Local) {
			return false
		}
		o.answer(mail.NewReply(553, mail.Enhanced{5, 6, 7}, "%s takes no addresses outside of ASCII (SMTPUTF8)", p.host), "")
		return true
	})
}

// lacks is what keeps the message as a whole from the server, nil for nothing.
func (p *transaction) lacks() *mail.Reply {
	if p.job.Options.RequireTLS && !p.has("REQUIRETLS") { // RFC 8689 §4.2.1
		return mail.NewReply(550, mail.Enhanced{5, 7, 30}, "%s does not offer REQUIRETLS, which the sender asked for", p.host)
	}
	if n := p.number("SIZE"); n > 0 && p.text.Size() > n { // RFC 1870 §6.1
		return mail.NewReply(552, mail.Enhanced{5, 3, 4}, "The message has %d bytes, and %s takes %d at most", p.text.Size(), p.host, n)
	}
	if p.job.Options.Body == mail.BodyBinary { // RFC 3030 §3
		return mail.NewReply(554, mail.Enhanced{5, 6, 3}, "The message is binary and would have to be converted for %s", p.host)
	}
	if !p.has("SMTPUTF8") {
		if rep := p.lacksUTF8(); rep != nil {
			return rep
		}
	}
	if !p.has("8BITMIME") { // RFC 6152 §3
		return p.lacks8Bit()
	}
	return nil
}

// lacksUTF8 looks for what only a server with SMTPUTF8 may get (RFC 6531 §3.2).
func (p *transaction) lacksUTF8() *mail.Reply {
	if !isASCII(p.job.From.Local) {
		return mail.NewReply(553, mail.Enhanced{5, 6, 7}, "%s takes no senders outside of ASCII (SMTPUTF8)", p.host)
	}
	if !p.job.Options.UTF8 {
		return nil
	}
	h, err := message.HeaderOf(p.text, p.text.Size(), p.buf)
	if err != nil {
		return mail.ErrInternal()
	}
	if !isASCII(h) {
		return mail.NewReply(554, mail.Enhanced{5, 6, 9}, "The header is not in ASCII, and %s does not take that (SMTPUTF8)", p.host)
	}
	return nil
}

// lacks8Bit looks for bytes above 127. What was announced does not count: it is
// the bytes that a server without 8BITMIME may spoil.
func (p *transaction) lacks8Bit() *mail.Reply {
	for off, size := int64(0), p.text.Size(); off < size; {
		n, _ := p.text.ReadAt(p.buf[:min(int64(len(p.buf)), size-off)], off)
		if n == 0 {
			return mail.ErrInternal()
		}
		for _, c := range p.buf[:n] {
			if c >= 0x80 {
				return mail.NewReply(554, mail.Enhanced{5, 6, 3}, "The text is not in ASCII, and %s does not take that (8BITMIME)", p.host)
			}
		}
		off += int64(n)
	}
	return nil
}

// sender is the reverse-path in the form that the server understands.
func (p *transaction) sender() string { return p.spell(p.job.From) }

// forward is the forward-path in the form that the server understands.
func (p *transaction) forward(o *outcome) string { return p.spell(o.Address) }

// spell writes an address, quoted where it must be. To a server without SMTPUTF8
// the domain goes in A-labels.
func (p *transaction) spell(a mail.Address) string {
	if !p.has("SMTPUTF8") && !isASCII(a.Domain) {
		a.Domain = a.Route()
	}
	return a.String()
}

// mailOptions are the parameters of MAIL; the client leaves out what the server
// does not offer.
func (p *transaction) mailOptions(todo []*outcome) *smtp.MailOptions {
	o := p.job.Options
	utf8 := o.UTF8 || !p.job.From.ASCII() ||
		slices.ContainsFunc(todo, func(o *outcome) bool { return !o.ASCII() })
	m := &smtp.MailOptions{
		Size:       p.text.Size(),
		RequireTLS: o.RequireTLS,
		UTF8:       utf8 && p.has("SMTPUTF8"),
	}
	if o.Return == mail.ReturnFull || o.Return == mail.ReturnHdrs {
		m.Return = smtp.DSNReturn(o.Return)
	}
	if isPrintable(o.EnvID) {
		m.EnvelopeID = o.EnvID
	}
	return m
}

// rcptOptions are the parameters of RCPT (RFC 3461 §4.1, §4.2).
func (p *transaction) rcptOptions(o *outcome) *smtp.RcptOptions {
	r := &smtp.RcptOptions{}
	for _, n := range o.Notify {
		switch v := smtp.DSNNotify(n); v {
		case smtp.DSNNotifyNever, smtp.DSNNotifySuccess, smtp.DSNNotifyFailure, smtp.DSNNotifyDelayed:
			if !slices.Contains(r.Notify, v) {
				r.Notify = append(r.Notify, v)
			}
		}
	}
	if slices.Contains(r.Notify, smtp.DSNNotifyNever) {
		r.Notify = []smtp.DSNNotify{smtp.DSNNotifyNever}
	}
	kind, addr, _ := strings.Cut(o.ORcpt, ";")
	switch {
	case strings.EqualFold(kind, "rfc822") && isPrintable(addr):
		r.OriginalRecipientType, r.OriginalRecipient = smtp.DSNAddressTypeRFC822, addr
	case strings.EqualFold(kind, "utf-8"):
		r.OriginalRecipientType, r.OriginalRecipient = smtp.DSNAddressTypeUTF8, addr
	}
	return r
}

func isASCII[T string | []byte](s T) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

func isPrintable(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
