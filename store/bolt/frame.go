package bolt

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// A frame is one entry of the journal, at an offset that is a multiple of 8:
//
//	 0  magic      "GMF1"
//	 4  type       A accepted, B text only, M moved
//	 5  codec      0: the text as it is
//	 6             0
//	 8  LSN        consecutive; the number of an accepted message, too
//	16  synced     the highest LSN known to be durable when this was written
//	24  meta       length
//	28  record     length
//	32  body       length of the text in this frame; 0 if it has its own file
//	36  text CRC   CRC-32C of the text, wherever it is
//	40  blob       number of the text's own file, 0 if there is none
//	48  text       length of the text, wherever it is
//	52  CRC        CRC-32C of bytes 0 to 51, record and meta
//	56  record | body | meta | zeros to a multiple of 8
//
// Numbers are little-endian. Four zero bytes where a magic is due end a segment.
// The meta of A and B is the acceptance (codec.go); that of M is the number of the
// message that moved and then its acceptance. B is the report of a settlement: it
// means nothing before the index commit that settles. Acceptances in B and M serve
// Rebuild only.
const (
	frameMagic = 0x31464d47
	frameHead  = 56

	typeAccept = 'A'
	typeText   = 'B'
	typeMove   = 'M'
)

// head is the beginning of a frame.
type head struct {
	kind                     byte
	lsn, synced              uint64
	metaLen, recLen, bodyLen uint32
	textCRC                  uint32
	blob                     uint64
	textLen                  uint32
	crc                      uint32
}

// size is the length of the whole frame.
func (h *head) size() int64 {
	return (frameHead + int64(h.metaLen) + int64(h.recLen) + int64(h.bodyLen) + 7) &^ 7
}

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// checksum is CRC-32C, the checksum of everything in the journal.
func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli()) }

func put(b []byte, h *head) {
	le := binary.LittleEndian
	le.PutUint32(b, frameMagic)
	b[4], b[5], b[6], b[7] = h.kind, 0, 0, 0
	le.PutUint64(b[8:], h.lsn)
	le.PutUint64(b[16:], h.synced)
	le.PutUint32(b[24:], h.metaLen)
	le.PutUint32(b[28:], h.recLen)
	le.PutUint32(b[32:], h.bodyLen)
	le.PutUint32(b[36:], h.textCRC)
	le.PutUint64(b[40:], h.blob)
	le.PutUint32(b[48:], h.textLen)
	le.PutUint32(b[52:], h.crc)
}

// parseHead reads a frame's beginning; it does not check the CRC, which covers more.
func parseHead(b []byte) (h head, err error) {
	le := binary.LittleEndian
	if m := le.Uint32(b); m != frameMagic {
		return h, fmt.Errorf("no frame: magic %08x", m)
	}
	h = head{
		kind: b[4], lsn: le.Uint64(b[8:]), synced: le.Uint64(b[16:]),
		metaLen: le.Uint32(b[24:]), recLen: le.Uint32(b[28:]), bodyLen: le.Uint32(b[32:]),
		textCRC: le.Uint32(b[36:]), blob: le.Uint64(b[40:]), textLen: le.Uint32(b[48:]), crc: le.Uint32(b[52:]),
	}
	if b[5] != 0 || b[6] != 0 || b[7] != 0 {
		return h, fmt.Errorf("frame %d is written in a way this version does not know", h.lsn)
	}
	if h.size() > maxFrame {
		return h, fmt.Errorf("frame %d claims %d bytes", h.lsn, h.size())
	}
	return h, nil
}

// maxFrame is beyond what is ever written.
const maxFrame = 64 << 20

// appendFrame adds a frame to the journal's buffer. meta appends the meta.
func appendFrame(buf []byte, h *head, record, body []byte, meta func([]byte) []byte) []byte {
	start := len(buf)
	buf = append(buf, make([]byte, frameHead)...)
	buf = append(buf, record...)
	buf = append(buf, body...)
	at := len(buf)
	buf = meta(buf)
	h.recLen, h.bodyLen, h.metaLen = uint32(len(record)), uint32(len(body)), uint32(len(buf)-at)
	f := buf[start:]
	put(f, h)
	h.crc = frameCRC(f[:frameHead], record, buf[at:])
	binary.LittleEndian.PutUint32(f[52:], h.crc)
	for len(buf)&7 != 0 {
		buf = append(buf, 0)
	}
	return buf
}

func frameCRC(head, record, meta []byte) uint32 {
	t := castagnoli()
	c := crc32.Update(0, t, head[:52])
	c = crc32.Update(c, t, record)
	return crc32.Update(c, t, meta)
}

// frame is one that was read; its slices are good until the next is read.
type frame struct {
	head
	seg                uint32
	off                int64
	record, body, meta []byte
}

// acceptance is the part of the meta that says for whom the text is.
func (f *frame) acceptance() []byte {
	if f.kind == typeMove {
		return f.meta[min(8, len(f.meta)):]
	}
	return f.meta
}

// message is the number of the message that the frame is about.
func (f *frame) message() uint64 {
	if f.kind == typeMove && len(f.meta) >= 8 {
		return parse64(f.meta[:8])
	}
	return f.lsn
}

// split cuts what follows the head and checks it.
func (f *frame) split(head, rest []byte) error {
	f.record, rest = rest[:f.recLen], rest[f.recLen:]
	f.body, rest = rest[:f.bodyLen], rest[f.bodyLen:]
	f.meta = rest[:f.metaLen]
	if frameCRC(head, f.record, f.meta) != f.crc {
		return fmt.Errorf("frame %d: its checksum does not match", f.lsn)
	}
	if f.blob == 0 && (checksum(f.body) != f.textCRC || f.textLen != f.bodyLen) {
		return fmt.Errorf("frame %d: the checksum of its text does not match", f.lsn)
	}
	return nil
}
