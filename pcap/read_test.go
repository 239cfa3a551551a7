package pcap_test

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"
)

// packet is what the tests read back from a file.
type packet struct {
	from, to netip.AddrPort
	udp      bool
	flags    byte
	seq, ack uint32
	payload  []byte
	missing  int
	comments []string
	nano     uint64
}

// file is a pcapng file as it was read back.
type file struct {
	packets []packet
	names   map[netip.Addr]string
}

// fataler is a test or a property under test.
type fataler interface {
	Helper()
	Fatalf(string, ...any)
}

// read takes a file apart and checks all lengths and checksums on the way.
func read(t fataler, b []byte) file {
	t.Helper()
	le := binary.LittleEndian
	f := file{names: map[netip.Addr]string{}}
	for n := 0; len(b) > 0; n++ {
		if len(b) < 12 {
			t.Fatalf("block %d: %d bytes are left", n, len(b))
		}
		kind, size := le.Uint32(b), int(le.Uint32(b[4:]))
		if size%4 != 0 || size > len(b) || int(le.Uint32(b[size-4:])) != size {
			t.Fatalf("block %d of kind %#x: size %d of %d", n, kind, size, len(b))
		}
		body := b[8 : size-4]
		b = b[size:]
		switch {
		case n == 0 && kind == 0x0a0d0d0a, n == 1 && kind == 1:
		case kind == 4:
			addr, ok := netip.AddrFromSlice(body[4 : 4+map[uint16]int{1: 4, 2: 16}[le.Uint16(body)]])
			if !ok {
				t.Fatalf("block %d: a name of no address", n)
			}
			value := body[4 : 4+le.Uint16(body[2:])]
			f.names[addr] = string(value[len(addr.AsSlice()) : len(value)-1])
		case kind == 6:
			f.packets = append(f.packets, readPacket(t, body))
		default:
			t.Fatalf("block %d has the kind %#x", n, kind)
		}
	}
	return f
}

func readPacket(t fataler, b []byte) packet {
	t.Helper()
	le := binary.LittleEndian
	caught, size := int(le.Uint32(b[12:])), int(le.Uint32(b[16:]))
	p := readFrame(t, b[20:20+caught], size-caught)
	p.nano = uint64(le.Uint32(b[4:]))<<32 | uint64(le.Uint32(b[8:]))
	for rest := b[20+(caught+3)/4*4:]; len(rest) > 0; {
		code, n := le.Uint16(rest), int(le.Uint16(rest[2:]))
		if code == 0 {
			break
		}
		p.comments = append(p.comments, string(rest[4:4+n]))
		rest = rest[4+(n+3)/4*4:]
	}
	return p
}

func readFrame(t fataler, f []byte, missing int) packet {
	t.Helper()
	be := binary.BigEndian
	p := packet{missing: missing}
	var proto byte
	var src, dst netip.Addr
	var rest []byte
	total := 0
	switch be.Uint16(f[12:]) {
	case 0x0800:
		h := f[14:34]
		if sum(0, h) != 0xffff {
			t.Fatalf("the checksum of the IP header is wrong: %x", h)
		}
		total, proto, rest = int(be.Uint16(h[2:]))-20, h[9], f[34:]
		src, _ = netip.AddrFromSlice(h[12:16])
		dst, _ = netip.AddrFromSlice(h[16:20])
	case 0x86dd:
		h := f[14:54]
		total, proto, rest = int(be.Uint16(h[4:])), h[6], f[54:]
		src, _ = netip.AddrFromSlice(h[8:24])
		dst, _ = netip.AddrFromSlice(h[24:40])
	default:
		t.Fatalf("the frame %x holds no IP", f)
	}
	if total != len(rest)+missing {
		t.Fatalf("the IP packet says %d bytes, there are %d and %d missing", total, len(rest), missing)
	}
	pseudo := append(append(src.AsSlice(), dst.AsSlice()...), 0, proto, byte(total>>8), byte(total))
	if missing == 0 && sum(uint32(sum(0, pseudo)), rest) != 0xffff {
		t.Fatalf("the checksum of the transport is wrong: %x", rest)
	}
	p.from, p.to = netip.AddrPortFrom(src, be.Uint16(rest)), netip.AddrPortFrom(dst, be.Uint16(rest[2:]))
	switch proto {
	case 6:
		p.seq, p.ack, p.flags, p.payload = be.Uint32(rest[4:]), be.Uint32(rest[8:]), rest[13], rest[20:]
	case 17:
		p.udp, p.payload = true, rest[8:]
		if int(be.Uint16(rest[4:])) != total {
			t.Fatalf("the datagram says %d bytes, there are %d", be.Uint16(rest[4:]), total)
		}
	default:
		t.Fatalf("protocol %d", proto)
	}
	return p
}

func sum(s uint32, b []byte) uint16 {
	for i := range b {
		if i%2 == 0 {
			s += uint32(b[i]) << 8
		} else {
			s += uint32(b[i])
		}
	}
	for s>>16 != 0 {
		s = s&0xffff + s>>16
	}
	return uint16(s)
}

// flow is one TCP connection as it was put together again.
type flow struct {
	client, server netip.AddrPort
	bytes          [2][]byte // missing ones are zeros
	closed         bool
}

// flows puts the connections of a file together, and checks every number: nothing
// is said before the handshake, nothing is left out, and nothing comes twice.
func flows(t fataler, packets []packet) []*flow {
	t.Helper()
	type key struct{ a, b netip.AddrPort }
	type state struct {
		*flow
		next [2]uint32
		fin  [2]bool
	}
	open := map[key]*state{}
	var out []*flow
	for i, p := range packets {
		if p.udp {
			continue
		}
		if p.flags == 2 { // SYN
			s := &state{flow: &flow{client: p.from, server: p.to}, next: [2]uint32{p.seq + 1, 0}}
			open[key{p.from, p.to}], open[key{p.to, p.from}] = s, s
			out = append(out, s.flow)
			continue
		}
		s := open[key{p.from, p.to}]
		if s == nil {
			t.Fatalf("packet %d belongs to no connection: %+v", i, p)
			return nil
		}
		side := 0
		if p.from == s.server && p.from != s.client {
			side = 1
		}
		if p.flags&2 != 0 {
			s.next[1] = p.seq + 1
		} else if p.seq != s.next[side] || p.ack != s.next[1-side] || s.fin[side] && len(p.payload) > 0 {
			t.Fatalf("packet %d: numbers %d, %d, want %d, %d", i, p.seq, p.ack, s.next[side], s.next[1-side])
		}
		s.bytes[side] = append(append(s.bytes[side], p.payload...), make([]byte, p.missing)...)
		if p.flags&2 == 0 {
			s.next[side] += uint32(len(p.payload) + p.missing)
		}
		if p.flags&1 != 0 {
			s.fin[side] = true
			s.next[side]++
		}
		s.closed = s.fin[0] && s.fin[1]
	}
	return out
}

// String shows a connection for messages of tests.
func (f *flow) String() string { return fmt.Sprintf("%s → %s", f.client, f.server) }

func mustBeClosed(t *testing.T, all []*flow) {
	t.Helper()
	for _, f := range all {
		if !f.closed && f.server.Port() != 53 {
			t.Errorf("%v is not closed", f)
		}
	}
}
