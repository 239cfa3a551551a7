package explain

import (
	"encoding/binary"
	"strconv"
	"strings"
)

// Bits of the second word of a header (RFC 1035 §4.1.1, RFC 4035 §3.2.3).
const (
	bitQR = 1 << 15
	bitAA = 1 << 10
	bitTC = 1 << 9
	bitRD = 1 << 8
	bitRA = 1 << 7
	bitAD = 1 << 5
)

// headerSize is the length of the fixed part of a message.
const headerSize = 12

// header is the fixed part of a message.
type header struct {
	flags                                  uint16
	questions, answers, authority, further uint16
}

func (h header) is(bit uint16) bool { return h.flags&bit != 0 }

// DNSMessage explains a message by its header; line is the message in a line, as
// in "Q gaia.cs.umass.edu. A" and "A umass.edu. NS → …", from which name and type
// are taken.
func (w *Words) DNSMessage(message []byte, line string) []Note {
	if len(message) < headerSize {
		return []Note{w.say("dns.malformed")}
	}
	word := func(i int) uint16 { return binary.BigEndian.Uint16(message[2*i:]) }
	h := header{word(1), word(2), word(3), word(4), word(5)}
	if h.is(bitQR) {
		return w.dnsReply(h, line)
	}
	return w.dnsQuery(h, line)
}

// question reads name and type from the line of a message.
func question(line string) (name, kind string, ok bool) {
	f := strings.Fields(line)
	if len(f) < 3 || f[0] != "Q" && f[0] != "A" || strings.HasPrefix(f[1], "(") {
		return "", "", false
	}
	return f[1], f[2], true
}

func (w *Words) dnsQuery(h header, line string) []Note {
	var out []Note
	if op := h.flags >> 11 & 15; op != 0 {
		n, ok := w.first("dns.opcode." + strconv.Itoa(int(op)))
		if !ok {
			n = w.say("dns.opcode.other")
		}
		out = append(out, n)
	}
	name, kind, ok := question(line)
	switch {
	case !ok || h.questions != 1:
		return append(out, w.say("dns.query.other"))
	case h.is(bitRD):
		out = append(out, w.say("dns.query.recursive", name, kind))
	default:
		out = append(out, w.say("dns.query.iterative", name, kind))
	}
	if n, ok := w.has("dns.type." + kind); ok {
		out = append(out, n)
	}
	return out
}

func (w *Words) dnsReply(h header, line string) []Note {
	var out []Note
	code := int(h.flags & 15)
	switch {
	case h.is(bitTC):
		return []Note{w.say("dns.truncated")}
	case code != 0:
		n, ok := w.first("dns.rcode." + strconv.Itoa(code))
		if !ok {
			n = w.say("dns.rcode.other")
		}
		out = append(out, n)
	case h.answers == 0 && strings.Contains(line, " → "):
		out = append(out, w.say("dns.referral"))
		if h.further > 1 { // one is EDNS
			out = append(out, w.say("dns.glue"))
		}
		return out
	case h.answers == 0:
		out = append(out, w.say("dns.nodata"))
	}
	switch {
	case h.is(bitAA):
		out = append(out, w.say("dns.answer.authoritative"))
	case h.is(bitRA):
		out = append(out, w.say("dns.answer.recursive"))
	default:
		out = append(out, w.say("dns.answer.other"))
	}
	if h.is(bitAD) {
		out = append(out, w.say("dns.secure"))
	}
	if _, kind, ok := question(line); ok && h.answers > 0 {
		if n, ok := w.has("dns.type." + kind); ok {
			out = append(out, n)
		}
	}
	return out
}
