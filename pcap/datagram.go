package pcap

import (
	"encoding/binary"

	"glassmail/trace"
)

// message writes a DNS message.
func (p *Writer) message(e *trace.Event) {
	r, door := p.way(e)
	comment := p.meaning(e)
	if door != "" && p.words != nil {
		comment += "\n" + p.words.Say("pcap.door", door)
	}
	missing := min(max(e.Size-len(e.Bytes), 0), 0xffff-100-len(e.Bytes))
	if e.TCP {
		p.framed(r, e, missing, comment)
		return
	}
	if e.Dir == trace.Server {
		r = r.back()
	}
	p.packet(e.Time, r.udp(e.Bytes, missing), missing, comment)
}

// framed writes a message with its length in front, on a TCP connection that
// begins with a query (RFC 1035 §4.2.2).
func (p *Writer) framed(r route, e *trace.Event, missing int, comment string) {
	s := p.framing[r.from]
	if s == nil || e.Dir == trace.Client {
		if len(p.framing) >= maxStreams {
			clear(p.framing)
		}
		s = &stream{route: r, seq: numbers(e.Seq)}
		p.framing[r.from] = s
		p.handshake(s, e.Time, "")
	}
	from := client
	if e.Dir == trace.Server {
		from = server
	}
	payload := binary.BigEndian.AppendUint16(nil, uint16(len(e.Bytes)+missing))
	payload = append(payload, e.Bytes...)
	for first := true; first || len(payload) > 0; first = false {
		n := min(len(payload), most)
		gap := 0
		if n == len(payload) {
			gap = missing
		}
		p.send(s, e.Time, from, flagPSH|flagACK, payload[:n], gap, comment)
		payload, comment = payload[n:], ""
	}
}
