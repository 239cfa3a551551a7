package server

import (
	"context"
	"io"
	"mime"
	netmail "net/mail"
	"slices"

	"glassmail/mail"
	"glassmail/mailbox"
	"glassmail/message"
)

// author checks that From, and Sender where it is needed, belong to the user who
// submits a message (RFC 6409 §6.1, §8): readers look at these, and not at the
// envelope. Whoever is not logged in is not asked; mail from elsewhere may be from
// anybody. header is that of the message as it is stored, whole unless it is longer
// than message.MaxHeaderSize.
func (p *backend) author(ctx context.Context, env *mail.Envelope, header []byte, whole bool) error {
	if p.anyFrom || env.Peer.User.IsNull() {
		return nil
	}
	if !whole {
		return notAuthor("The header is longer than %d bytes, so that its From cannot be found", message.MaxHeaderSize)
	}
	from, err := authors(header, "From")
	if err != nil {
		return err
	}
	sender, err := authors(header, "Sender")
	if err != nil {
		return err
	}
	for _, a := range sender {
		if own, err := p.isOwn(ctx, env, a); err != nil || !own {
			return orRefused(err, env, "Sender", a)
		}
	}
	var strange []mail.Address
	for _, a := range from {
		own, err := p.isOwn(ctx, env, a)
		if err != nil {
			return err
		}
		if !own {
			strange = append(strange, a)
		}
	}
	together := len(sender) == 1 && len(strange) < len(from) // RFC 5322 §3.6.2: one of several authors sends
	if len(strange) > 0 && !together {
		return orRefused(nil, env, "From", strange[0])
	}
	return nil
}

func (p *backend) isOwn(ctx context.Context, env *mail.Envelope, a mail.Address) (bool, error) {
	if a == env.From { // Sender has looked at it
		return true, nil
	}
	return p.dir.maySend(ctx, mailbox.Canonical(env.Peer.User), a)
}

func orRefused(err error, env *mail.Envelope, field string, a mail.Address) error {
	if err != nil {
		return err
	}
	return notAuthor("%s may not write as %s, which is in %s", env.Peer.User, mail.Printable(a.String(), '?'), field)
}

func notAuthor(format string, args ...any) error {
	return mail.NewReply(550, mail.Enhanced{5, 7, 1}, format, args...)
}

// authors reads From or Sender. What one reader may take for one address and another
// for a different one is refused: a second field (RFC 5322 §3.6), and a value that the
// standard library and the scanner do not read alike.
func authors(header []byte, field string) ([]mail.Address, error) {
	values := message.HeaderValues(header, field)
	switch len(values) {
	case 0:
		return nil, nil
	case 1:
	default:
		return nil, notAuthor("The message has more than one %s", field)
	}
	var ours []mail.Address
	for _, m := range message.AddressList(values[0]) {
		if m.Domain != "" { // else it is the beginning or the end of a group
			ours = append(ours, mail.Address{Local: m.Local, Domain: m.Domain})
		}
	}
	names := mime.WordDecoder{CharsetReader: func(_ string, r io.Reader) (io.Reader, error) { return r, nil }}
	theirs, err := (&netmail.AddressParser{WordDecoder: &names}).ParseList(values[0])
	same := func(a mail.Address, b *netmail.Address) bool {
		return a.String() == b.Address || a.Local+"@"+a.Domain == b.Address
	}
	if err != nil || len(ours) == 0 || !slices.EqualFunc(ours, theirs, same) {
		return nil, notAuthor("%s is not written as RFC 5322 wants it, as in %s: Bob <bob@hamburger.edu>", field, field)
	}
	return ours, nil
}
