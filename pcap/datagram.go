package pcap

import (
	"encoding/binary"
	"net/netip"

	"glassmail/trace"
)

// maxSightings bounds the messages of which the other sighting may still come.
const maxSightings = 4096

// sighting is a DNS message as both ends see it.
type sighting struct {
	client netip.AddrPort
	id     uint16
	dir    trace.Dir
}

// datagrams is the DNS messages that were written lately, and who had seen them.
type datagrams struct {
	seen  map[sighting]trace.Dir
	order []sighting
	tcp   map[netip.AddrPort]*stream // queries over TCP, by client
}

func newDatagrams() datagrams {
	return datagrams{seen: map[sighting]trace.Dir{}, tcp: map[netip.AddrPort]*stream{}}
}

// again reports that the message was written already, as the other end saw it.
func (d *datagrams) again(k sighting, side trace.Dir) bool {
	if was, ok := d.seen[k]; ok && was != side {
		delete(d.seen, k)
		return true
	}
	if _, ok := d.seen[k]; !ok {
		d.order = append(d.order, k)
	}
	d.seen[k] = side
	if len(d.order) > maxSightings {
		delete(d.seen, d.order[0])
		d.order = d.order[1:]
	}
	return false
}

// message writes a DNS message.
func (p *Writer) message(e *trace.Event) {
	r, door := p.way(e)
	if len(e.Bytes) >= 2 && p.dns.again(sighting{parse(e.ClientAddr(), 1), binary.BigEndian.Uint16(e.Bytes), e.Dir}, e.Side) {
		return
	}
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
	s := p.dns.tcp[r.from]
	if s == nil || e.Dir == trace.Client {
		if len(p.dns.tcp) >= maxStreams {
			clear(p.dns.tcp)
		}
		s = &stream{route: r, seq: numbers(e.Seq)}
		p.dns.tcp[r.from] = s
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
