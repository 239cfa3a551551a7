package imapd

import "glassmail/mailbox"

// envelope writes ENVELOPE's value (RFC 9051 §7.5.2). A nil envelope is that of
// a message that could not be looked into.
func (e *encoder) envelope(v *mailbox.Envelope) {
	if v == nil {
		v = &mailbox.Envelope{}
	}
	e.text("(").nstring(v.Date).text(" ").nstring(v.Subject)
	for _, l := range [...][]mailbox.Mailbox{v.From, v.Sender, v.ReplyTo, v.To, v.Cc, v.Bcc} {
		e.text(" ").addresses(l)
	}
	e.text(" ").nstring(v.InReplyTo).text(" ").nstring(v.MessageID).text(")")
}

// addresses writes a list of addresses. A group is begun by one without a domain
// and ended by an empty one, as in a Record.
func (e *encoder) addresses(l []mailbox.Mailbox) *encoder {
	if len(l) == 0 {
		return e.text("NIL")
	}
	e.text("(")
	for i := range l {
		e.text("(").nstring(l[i].Name).text(" NIL ").nstring(l[i].Local).text(" ").nstring(l[i].Domain).text(")")
	}
	return e.text(")")
}

// structure writes BODY's value, with extended BODYSTRUCTURE's. Depth and number
// of parts are bounded by the scanner.
func (e *encoder) structure(p *mailbox.Part, extended bool) {
	if p.Multipart() && len(p.Parts) > 0 {
		e.multipart(p, extended)
		return
	}
	e.text("(").string(p.Type).text(" ").string(p.Subtype).text(" ").params(p.Params)
	e.text(" ").nstring(p.ID).text(" ").nstring(p.Description).text(" ").string(p.Encoding)
	e.number(" ", int(p.Size()))
	if m := p.Message(); m != nil {
		e.text(" ").envelope(m.Envelope)
		e.text(" ").structure(m, extended)
		e.number(" ", int(p.Lines))
	} else if p.Type == "text" {
		e.number(" ", int(p.Lines))
	}
	if extended {
		e.text(" ").nstring(p.MD5)
		e.extension(p)
	}
	e.text(")")
}

func (e *encoder) multipart(p *mailbox.Part, extended bool) {
	e.text("(")
	for i := range p.Parts {
		e.structure(&p.Parts[i], extended)
	}
	e.text(" ").string(p.Subtype)
	if extended {
		e.text(" ").params(p.Params)
		e.extension(p)
	}
	e.text(")")
}

// extension writes what multiparts and others have in common.
func (e *encoder) extension(p *mailbox.Part) {
	if p.Disposition == "" {
		e.text(" NIL")
	} else {
		e.text(" (").string(p.Disposition).text(" ").params(p.DispParams).text(")")
	}
	if len(p.Language) == 0 {
		e.text(" NIL")
	} else {
		e.text(" (")
		begin := len(e.b)
		for _, l := range p.Language {
			e.space(begin).string(l)
		}
		e.text(")")
	}
	e.text(" ").nstring(p.Location)
}

func (e *encoder) params(l []mailbox.Param) *encoder {
	if len(l) == 0 {
		return e.text("NIL")
	}
	e.text("(")
	begin := len(e.b)
	for i := range l {
		e.space(begin).string(l[i].Key).text(" ").string(l[i].Value)
	}
	return e.text(")")
}
