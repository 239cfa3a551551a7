package bolt

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"glassmail/mail"
	"glassmail/mailbox"
)

// Keys of the bucket of folders and messages: the folder's number, a kind, and
// what the kind needs. Keys are big-endian, so that they sort; the folder's own
// row comes last in its range, on the same page as its newest message.
const (
	kindMessage = 0x10 // uid
	kindGone    = 0x20 // mod-sequence, first uid
	kindFolder  = 0xff
)

func folderKey(f mailbox.FolderID) []byte {
	return append(binary.BigEndian.AppendUint64(make([]byte, 0, 16), uint64(f)), kindFolder)
}

func messageKey(f mailbox.FolderID, uid mailbox.UID) []byte {
	k := append(binary.BigEndian.AppendUint64(make([]byte, 0, 16), uint64(f)), kindMessage)
	return binary.BigEndian.AppendUint32(k, uint32(uid))
}

func goneKey(f mailbox.FolderID, mod mailbox.ModSeq, uid mailbox.UID) []byte {
	k := append(binary.BigEndian.AppendUint64(make([]byte, 0, 24), uint64(f)), kindGone)
	k = binary.BigEndian.AppendUint64(k, uint64(mod))
	return binary.BigEndian.AppendUint32(k, uint32(uid))
}

func key64(n uint64) []byte { return binary.BigEndian.AppendUint64(make([]byte, 0, 16), n) }
func key32(n uint32) []byte { return binary.BigEndian.AppendUint32(make([]byte, 0, 8), n) }

func folderOf(key []byte) mailbox.FolderID { return mailbox.FolderID(binary.BigEndian.Uint64(key)) }
func uidOf(key []byte) mailbox.UID         { return mailbox.UID(binary.BigEndian.Uint32(key[9:])) }

// nameKey is a user and a folder name; no user has a zero byte.
func nameKey(user, name string) []byte { return []byte(user + "\x00" + name) }

// messageRow is the state of one message in one folder, 48 bytes.
type messageRow struct {
	flags mailbox.Flags
	size  uint32
	words uint64 // keywords, one bit each, as the folder numbers them
	mod   mailbox.ModSeq
	date  int64 // seconds of Unix time
	body  uint64
}

const messageSize = 48

func (r *messageRow) bytes() []byte {
	b := make([]byte, messageSize)
	le := binary.LittleEndian
	b[0] = 1
	le.PutUint16(b[2:], uint16(r.flags))
	le.PutUint32(b[4:], r.size)
	le.PutUint64(b[8:], r.words)
	le.PutUint64(b[16:], uint64(r.mod))
	le.PutUint64(b[24:], uint64(r.date))
	le.PutUint64(b[32:], r.body)
	return b
}

func parseMessage(b []byte) (r messageRow) {
	if len(b) < messageSize {
		return r
	}
	le := binary.LittleEndian
	return messageRow{
		flags: mailbox.Flags(le.Uint16(b[2:])), size: le.Uint32(b[4:]), words: le.Uint64(b[8:]),
		mod: mailbox.ModSeq(le.Uint64(b[16:])), date: int64(le.Uint64(b[24:])), body: le.Uint64(b[32:]),
	}
}

// message is the row in the words of mailbox, but for Body: see bodyNames.
func (r *messageRow) message(uid mailbox.UID, words []string) mailbox.Message {
	m := mailbox.Message{
		UID: uid, ModSeq: r.mod, Flags: r.flags, Date: time.Unix(r.date, 0), Size: int64(r.size),
	}
	if r.words != 0 {
		m.Keywords = spell(r.words, words)
	}
	return m
}

// spell turns keyword bits into words.
func spell(bits uint64, words []string) (out []string) {
	for i, w := range words {
		if bits&(1<<i) != 0 {
			out = append(out, w)
		}
	}
	return out
}

// contentNames writes the BodyIDs of many messages into one string, to save an
// allocation for each.
type contentNames struct {
	all  []byte
	ends []int32
}

func (b *contentNames) reset() { b.all, b.ends = b.all[:0], b.ends[:0] }

func (b *contentNames) add(n uint64) {
	b.all = appendBodyID(b.all, n)
	b.ends = append(b.ends, int32(len(b.all)))
}

// give hands the names, in the order of add, to as many messages.
func (b *contentNames) give(ms []mailbox.Message) {
	all, from := string(b.all), int32(0)
	for i, end := range b.ends {
		ms[i].Body = mail.ContentID(all[from:end])
		from = end
	}
}

func bodyID(n uint64) mail.ContentID { return mail.ContentID(appendBodyID(nil, n)) }

func appendBodyID(b []byte, n uint64) []byte {
	for m := n | 1; m < 1<<28; m <<= 4 {
		b = append(b, '0')
	}
	return strconv.AppendUint(b, n, 16)
}

func bodyNumber(id mail.ContentID) (uint64, error) {
	n, err := strconv.ParseUint(string(id), 16, 64)
	if err != nil || bodyID(n) != id {
		return 0, fmt.Errorf("message text %q: %w", id, mailbox.ErrNotFound)
	}
	return n, nil
}

// contentRow says where a message text is and how many refer to it, 32 bytes. Every
// deposited copy is one reference, all waiting recipients together are one.
type contentRow struct {
	seg, off uint32 // of the frame
	rec      uint32 // length of the record
	len      uint32 // of the text
	crc      uint32 // of the text
	refs     uint32
	blob     uint64 // the text's own file, 0 if it is in the frame
}

const bodySize = 32

func (r *contentRow) bytes() []byte {
	b := make([]byte, bodySize)
	le := binary.LittleEndian
	le.PutUint32(b, r.seg)
	le.PutUint32(b[4:], r.off)
	le.PutUint32(b[8:], r.rec)
	le.PutUint32(b[12:], r.len)
	le.PutUint32(b[16:], r.crc)
	le.PutUint32(b[20:], r.refs)
	le.PutUint64(b[24:], r.blob)
	return b
}

func parseBody(b []byte) (r contentRow, ok bool) {
	if len(b) < bodySize {
		return r, false
	}
	le := binary.LittleEndian
	return contentRow{
		seg: le.Uint32(b), off: le.Uint32(b[4:]), rec: le.Uint32(b[8:]), len: le.Uint32(b[12:]),
		crc: le.Uint32(b[16:]), refs: le.Uint32(b[20:]), blob: le.Uint64(b[24:]),
	}, true
}

// live is how many bytes of its segment the row keeps alive.
func (r *contentRow) live() int64 {
	n := frameHead + int64(r.rec)
	if r.blob == 0 {
		n += int64(r.len)
	}
	return n
}

// folderRow has the counters of one folder: 48 bytes, then owner and keywords.
type folderRow struct {
	validity              uint32
	next                  mailbox.UID
	count, unseen, marked uint32 // marked: with the Deleted flag
	gone                  uint32 // expunged UIDs remembered
	mod, floor            mailbox.ModSeq
	size                  int64
	owner                 string
	words                 []string
}

func (r *folderRow) bytes() []byte {
	b := make([]byte, 48, 80)
	le := binary.LittleEndian
	le.PutUint32(b, r.validity)
	le.PutUint32(b[4:], uint32(r.next))
	le.PutUint32(b[8:], r.count)
	le.PutUint32(b[12:], r.unseen)
	le.PutUint32(b[16:], r.marked)
	le.PutUint32(b[20:], r.gone)
	le.PutUint64(b[24:], uint64(r.mod))
	le.PutUint64(b[32:], uint64(r.floor))
	le.PutUint64(b[40:], uint64(r.size))
	b = appendString(b, r.owner)
	return appendStrings(b, r.words)
}

func parseFolder(b []byte) (*folderRow, error) {
	if len(b) < 48 {
		return nil, errCodec
	}
	le := binary.LittleEndian
	d := decoder{b: b[48:]}
	return &folderRow{
		validity: le.Uint32(b), next: mailbox.UID(le.Uint32(b[4:])), count: le.Uint32(b[8:]),
		unseen: le.Uint32(b[12:]), marked: le.Uint32(b[16:]), gone: le.Uint32(b[20:]),
		mod: mailbox.ModSeq(le.Uint64(b[24:])), floor: mailbox.ModSeq(le.Uint64(b[32:])),
		size: int64(le.Uint64(b[40:])), owner: d.string(), words: d.strings(),
	}, d.err
}

// tally adds or takes away one message's part of the counters.
func (r *folderRow) tally(flags mailbox.Flags, size uint32, by int) {
	r.size += int64(size) * int64(by)
	if flags&mailbox.Seen == 0 {
		r.unseen += uint32(by)
	}
	if flags&mailbox.Deleted != 0 {
		r.marked += uint32(by)
	}
}

// learn returns the bits of keywords, and numbers those that are new to the
// folder; those beyond its limit are left out and make ok false.
func (r *folderRow) learn(words []string) (bits uint64, ok bool) {
	ok = true
	for _, w := range words {
		i := r.word(w)
		if i < 0 && len(r.words) == mailbox.MaxKeywords {
			ok = false
			continue
		}
		if i < 0 {
			i = len(r.words)
			r.words = append(r.words, strings.Clone(w))
		}
		bits |= 1 << i
	}
	return bits, ok
}

// word is a keyword's number, -1 if the folder does not have it. Letter case does
// not count.
func (r *folderRow) word(w string) int {
	return slices.IndexFunc(r.words, func(x string) bool { return strings.EqualFold(x, w) })
}

// nameRow is what a folder's name leads to.
type nameRow struct {
	id         mailbox.FolderID
	subscribed bool
	special    string
}

func (r *nameRow) bytes() []byte {
	b := key64(uint64(r.id))
	if r.subscribed {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	return appendString(b, r.special)
}

func parseName(b []byte) (r nameRow, err error) {
	if len(b) < 9 {
		return r, errCodec
	}
	d := decoder{b: b[9:]}
	return nameRow{id: folderOf(b), subscribed: b[8] == 1, special: d.string()}, d.err
}

// appendRuns writes ascending UIDs as pairs of a gap and a length.
func appendRuns(b []byte, uids []mailbox.UID) []byte {
	last := mailbox.UID(0)
	for i := 0; i < len(uids); {
		n := 1
		for i+n < len(uids) && uids[i+n] == uids[i]+mailbox.UID(n) {
			n++
		}
		b = binary.AppendUvarint(b, uint64(uids[i]-last))
		b = binary.AppendUvarint(b, uint64(n))
		last = uids[i] + mailbox.UID(n)
		i += n
	}
	return b
}

// runs reads what appendRuns wrote.
func runs(b []byte, to []mailbox.UID) []mailbox.UID {
	d := decoder{b: b}
	at := mailbox.UID(0)
	for len(d.b) > 0 {
		at += mailbox.UID(d.uint())
		for n := min(d.uint(), runSize); n > 0; n-- {
			to = append(to, at)
			at++
		}
	}
	return to
}
