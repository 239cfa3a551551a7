package bolt

import (
	"encoding/binary"
	"errors"
	"time"

	"glassmail/mail"
	"glassmail/mailbox"
	"glassmail/queue"
	"glassmail/store"
)

// errCodec says that bytes are not what this version writes.
var errCodec = errors.New("unreadable row")

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendStrings(b []byte, ss []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(ss)))
	for _, s := range ss {
		b = appendString(b, s)
	}
	return b
}

func appendAddress(b []byte, a mail.Address) []byte {
	return appendString(appendString(b, a.Local), a.Domain)
}

// appendTime keeps nanoseconds; the zero time is kept as such.
func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return binary.AppendVarint(b, 0)
	}
	return binary.AppendVarint(b, t.UnixNano())
}

// decoder reads what the append functions wrote. After a fault it returns zeros;
// err tells.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) fail() { d.b, d.err = nil, errCodec }

func (d *decoder) uint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) int() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

// count is a number of things that take at least one byte each.
func (d *decoder) count() int {
	n := d.uint()
	if n > uint64(len(d.b)) {
		d.fail()
		return 0
	}
	return int(n)
}

func (d *decoder) string() string {
	n := d.count()
	s := string(d.b[:n])
	d.b = d.b[n:]
	return s
}

func (d *decoder) strings() (ss []string) {
	for n := d.count(); n > 0; n-- {
		ss = append(ss, d.string())
	}
	return ss
}

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.fail()
		return 0
	}
	c := d.b[0]
	d.b = d.b[1:]
	return c
}

func (d *decoder) address() mail.Address {
	return mail.Address{Local: d.string(), Domain: d.string()}
}

func (d *decoder) time() time.Time {
	n := d.int()
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n)
}

// Bits of the options' first byte.
const (
	optionUTF8 = 1 << iota
	optionTLS
)

func appendOptions(b []byte, o mail.Options) []byte {
	var bits byte
	if o.UTF8 {
		bits |= optionUTF8
	}
	if o.RequireTLS {
		bits |= optionTLS
	}
	b = append(b, bits)
	b = appendString(b, string(o.Body))
	b = appendString(b, o.Return)
	b = appendString(b, o.EnvID)
	return binary.AppendVarint(b, o.Size)
}

func (d *decoder) options() (o mail.Options) {
	bits := d.byte()
	o.UTF8, o.RequireTLS = bits&optionUTF8 != 0, bits&optionTLS != 0
	o.Body, o.Return, o.EnvID, o.Size = mail.Body(d.string()), d.string(), d.string(), d.int()
	return o
}

func appendRecipient(b []byte, r *queue.Recipient) []byte {
	b = appendString(b, r.Dest)
	b = appendAddress(b, r.Address)
	b = appendStrings(b, r.Notify)
	b = appendString(b, r.ORcpt)
	return appendTime(b, r.Due)
}

func (d *decoder) recipient() (r queue.Recipient) {
	r.Dest = d.string()
	r.Address = d.address()
	r.Notify = d.strings()
	r.ORcpt = d.string()
	r.Due = d.time()
	return r
}

// appendAcceptance is the meta of an accepted frame: everything of an acceptance
// but its record, with all times filled in.
func appendAcceptance(b []byte, a *store.Acceptance) []byte {
	b = appendString(b, a.ID)
	b = appendAddress(b, a.From)
	b = appendOptions(b, a.Options)
	b = appendTime(b, a.Time)
	b = binary.AppendUvarint(b, uint64(len(a.Deposits)))
	for i := range a.Deposits {
		d := &a.Deposits[i]
		b = appendString(b, d.User)
		b = binary.AppendUvarint(b, uint64(d.Folder))
		b = binary.AppendUvarint(b, uint64(d.Flags))
		b = appendStrings(b, d.Keywords)
		b = binary.AppendVarint(b, d.Date.Unix())
	}
	b = binary.AppendUvarint(b, uint64(len(a.Relay)))
	for i := range a.Relay {
		b = appendRecipient(b, &a.Relay[i])
	}
	return b
}

func decodeAcceptance(b []byte) (*store.Acceptance, error) {
	d := &decoder{b: b}
	a := &store.Acceptance{ID: d.string(), From: d.address(), Options: d.options(), Time: d.time()}
	for n := d.count(); n > 0 && d.err == nil; n-- {
		a.Deposits = append(a.Deposits, mailbox.Delivery{
			User: d.string(), Folder: mailbox.FolderID(d.uint()), Flags: mailbox.Flags(d.uint()),
			Keywords: d.strings(), Date: time.Unix(d.int(), 0),
		})
	}
	for n := d.count(); n > 0 && d.err == nil; n-- {
		a.Relay = append(a.Relay, d.recipient())
	}
	if len(d.b) > 0 {
		d.fail()
	}
	return a, d.err
}
