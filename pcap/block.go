package pcap

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// Blocks, options and records of pcapng (draft-ietf-opsawg-pcapng §4).
const (
	blockSection   = 0x0a0d0d0a
	blockInterface = 1
	blockNames     = 4
	blockPacket    = 6

	byteOrder = 0x1a2b3c4d
	ethernet  = 1 // LINKTYPE_ETHERNET

	optComment     = 1
	optUserApp     = 4 // of a section
	optName        = 2 // of an interface
	optResolution  = 9
	nanoseconds    = 9
	recordIPv4     = 1
	recordIPv6     = 2
	maxComment     = 8 << 10
	unknownSection = ^uint64(0) // its length is not known
)

// block writes one block around body.
func (p *Writer) block(kind uint32, body []byte) {
	if p.err != nil {
		return
	}
	size := uint32(12 + len(body))
	var head [8]byte
	binary.LittleEndian.PutUint32(head[:], kind)
	binary.LittleEndian.PutUint32(head[4:], size)
	_, p.err = p.out.Write(head[:])
	if p.err == nil {
		_, p.err = p.out.Write(body)
	}
	if p.err == nil {
		_, p.err = p.out.Write(binary.LittleEndian.AppendUint32(nil, size))
	}
}

// padded appends b and zeros up to a multiple of four.
func padded(to, b []byte) []byte {
	to = append(to, b...)
	for len(to)%4 != 0 {
		to = append(to, 0)
	}
	return to
}

// option appends an option or a record: its kind, length and padded value.
func option(to []byte, kind uint16, value []byte) []byte {
	to = binary.LittleEndian.AppendUint16(to, kind)
	to = binary.LittleEndian.AppendUint16(to, uint16(len(value)))
	return padded(to, value)
}

// endOfOptions appends what ends options and records.
func endOfOptions(to []byte) []byte { return append(to, 0, 0, 0, 0) }

// section writes the head of the file: a section and its one interface.
func (p *Writer) section() {
	le := binary.LittleEndian
	b := le.AppendUint32(nil, byteOrder)
	b = le.AppendUint16(b, 1)
	b = le.AppendUint16(b, 0)
	b = le.AppendUint64(b, unknownSection)
	b = endOfOptions(option(b, optUserApp, []byte("glassmail")))
	p.block(blockSection, b)
	b = le.AppendUint16(b[:0], ethernet)
	b = le.AppendUint16(b, 0)
	b = le.AppendUint32(b, 0) // no limit to packets
	b = option(b, optName, []byte("trace"))
	p.block(blockInterface, endOfOptions(option(b, optResolution, []byte{nanoseconds})))
}

// nameRecord writes the name of an address.
func (p *Writer) nameRecord(addr netip.Addr, name string) {
	kind := uint16(recordIPv6)
	if addr.Is4() {
		kind = recordIPv4
	}
	value := append(append(addr.AsSlice(), name...), 0)
	p.block(blockNames, endOfOptions(option(nil, kind, value)))
}

// enhanced writes a packet of which frame is what there is, and size what there
// was.
func (p *Writer) enhanced(at time.Time, frame []byte, size int, comments []string) {
	le := binary.LittleEndian
	ns := uint64(max(at.UnixNano(), 0))
	b := le.AppendUint32(p.buf[:0], 0)
	b = le.AppendUint32(b, uint32(ns>>32))
	b = le.AppendUint32(b, uint32(ns))
	b = le.AppendUint32(b, uint32(len(frame)))
	b = le.AppendUint32(b, uint32(size))
	b = padded(b, frame)
	for _, c := range comments {
		b = option(b, optComment, []byte(cut(c, maxComment)))
	}
	if len(comments) > 0 {
		b = endOfOptions(b)
	}
	p.buf = b
	p.block(blockPacket, b)
}

// cut shortens s to n bytes without breaking a letter.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}
