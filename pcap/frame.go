package pcap

import (
	"encoding/binary"
	"net/netip"
)

// Numbers of the protocols (RFC 791, RFC 8200, RFC 9293).
const (
	protoTCP = 6
	protoUDP = 17

	flagFIN = 1
	flagSYN = 2
	flagPSH = 8
	flagACK = 16

	hops   = 64    // TTL, hop limit
	window = 65535 // of TCP
)

// route is the way of a packet.
type route struct{ from, to netip.AddrPort }

// back is the way of the answer.
func (r route) back() route { return route{r.to, r.from} }

// segment is a TCP segment (RFC 9293 §3.1).
type segment struct {
	seq, ack uint32
	flags    byte
	payload  []byte
	missing  int // bytes of payload that are not there
}

// tcp is s as a frame on the way r.
func (r route) tcp(s segment) []byte {
	be := binary.BigEndian
	h := be.AppendUint16(nil, r.from.Port())
	h = be.AppendUint16(h, r.to.Port())
	h = be.AppendUint32(h, s.seq)
	h = be.AppendUint32(h, s.ack)
	h = append(h, 5<<4, s.flags)
	h = be.AppendUint16(h, window)
	h = append(h, 0, 0, 0, 0) // checksum, urgent pointer
	return r.ip(protoTCP, h, 16, s.payload, s.missing)
}

// udp is a datagram as a frame (RFC 768).
func (r route) udp(payload []byte, missing int) []byte {
	be := binary.BigEndian
	h := be.AppendUint16(nil, r.from.Port())
	h = be.AppendUint16(h, r.to.Port())
	h = be.AppendUint16(h, uint16(8+len(payload)+missing))
	h = append(h, 0, 0)
	return r.ip(protoUDP, h, 6, payload, missing)
}

// ip puts Ethernet and IP headers before a transport header and its payload, and
// the checksum at its place in the transport header.
func (r route) ip(proto byte, transport []byte, sum int, payload []byte, missing int) []byte {
	body := append(transport, payload...)
	size := len(body) + missing
	if c := checksum(pseudo(r, proto, size), body); c != 0 || proto == protoTCP {
		binary.BigEndian.PutUint16(body[sum:], c)
	} else {
		binary.BigEndian.PutUint16(body[sum:], 0xffff) // RFC 768: 0 means none
	}
	f := append(hardware(r.to.Addr()), hardware(r.from.Addr())...)
	if r.from.Addr().Is4() {
		f = append(f, 0x08, 0x00)
		return append(append(f, r.ip4(proto, size)...), body...)
	}
	f = append(f, 0x86, 0xdd, 0x60, 0, 0, 0)
	f = binary.BigEndian.AppendUint16(f, uint16(size))
	f = append(f, proto, hops)
	f = append(f, r.from.Addr().AsSlice()...)
	return append(append(f, r.to.Addr().AsSlice()...), body...)
}

func (r route) ip4(proto byte, size int) []byte {
	h := []byte{4<<4 | 5, 0}
	h = binary.BigEndian.AppendUint16(h, uint16(20+size))
	h = append(h, 0, 0, 0x40, 0, hops, proto, 0, 0) // not to be fragmented
	h = append(h, r.from.Addr().AsSlice()...)
	h = append(h, r.to.Addr().AsSlice()...)
	binary.BigEndian.PutUint16(h[10:], checksum(0, h))
	return h
}

// hardware is an Ethernet address made of an IP address, of the kind that anybody
// may give out.
func hardware(a netip.Addr) []byte {
	b := a.AsSlice()
	return append([]byte{2, 0}, b[len(b)-4:]...)
}

// pseudo is the sum of the pseudo header (RFC 9293 §3.1, RFC 8200 §8.1).
func pseudo(r route, proto byte, size int) uint32 {
	var sum uint32
	for _, a := range [2]netip.Addr{r.from.Addr(), r.to.Addr()} {
		sum = add(sum, a.AsSlice())
	}
	return sum + uint32(proto) + uint32(size)
}

func add(sum uint32, b []byte) uint32 {
	for ; len(b) > 1; b = b[2:] {
		sum += uint32(b[0])<<8 | uint32(b[1])
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	return sum
}

// checksum is the internet checksum (RFC 1071).
func checksum(sum uint32, b []byte) uint16 {
	sum = add(sum, b)
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}
