package dns

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"glassmail/wire"

	miekg "github.com/miekg/dns"
)

// transfer answers AXFR: the whole zone between two copies of its SOA record
// (RFC 5936 §2.2). It is given over TCP only, to whom the owner of the server
// allows it. IXFR gets the whole zone too, which RFC 1995 §4 permits.
func (a *Authority) transfer(r *Request, name string, t Type) *Message {
	z := a.Zone(name)
	if z == nil || a.allow == nil || !a.allow(r) {
		return r.NewReply(Refused)
	}
	m := r.NewReply(NoError)
	m.m.Authoritative = true
	soa := z.rrs(true)[:1]
	if !r.TCP {
		if t == TypeIXFR { // RFC 1995 §2: the SOA alone says "ask over TCP"
			m.m.Answer = soa
			return m
		}
		return r.NewReply(Refused)
	}
	m.m.Answer = append(z.rrs(true), soa...)
	return m
}

// Transfer asks for a whole zone over TCP and joins the messages it comes in
// (RFC 5936 §2.2).
func (c *Client) Transfer(ctx context.Context, server netip.AddrPort, q *Message) (*Reply, error) {
	r, err := c.transferAll(ctx, server, q)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", server, err)
	}
	return r, nil
}

// transferLimits bound a zone transfer, whatever the server sends.
type transferLimits struct {
	bytes   int // as they would be without compression of names
	records int
}

// usualTransfer are the limits of a transfer; maxTransferTime is that of its length.
func usualTransfer() transferLimits { return transferLimits{bytes: 64 << 20, records: 1_000_000} }

const maxTransferTime = 30 * time.Second

func (c *Client) transferAll(ctx context.Context, server netip.AddrPort, q *Message) (*Reply, error) {
	start := c.Host.Clock().Now()
	ctx, stop := Within(ctx, c.Host.Clock(), max(c.Timeout, maxTransferTime))
	defer stop()
	conn, err := c.Host.Dial(ctx, "tcp", server.String())
	if err != nil {
		return nil, timeoutError(ctx, err)
	}
	defer conn.Close()
	unhook := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer unhook()
	out, err := q.Pack()
	if err != nil {
		return nil, err
	}
	if err := WriteFrame(conn, out); err != nil {
		return nil, timeoutError(ctx, err)
	}
	all, err := readTransfer(conn, q, usualTransfer())
	if err != nil {
		return nil, timeoutError(ctx, err)
	}
	all.Took = c.Host.Clock().Now().Sub(start)
	return all, nil
}

// readTransfer reads messages until the SOA record comes a second time.
func readTransfer(r io.Reader, q *Message, most transferLimits) (*Reply, error) {
	var all *Reply
	soas, unpacked, got := 0, 0, 0
	for size := 0; unpacked <= most.bytes && got <= most.records; {
		b, err := ReadFrame(r)
		if err != nil {
			return nil, err
		}
		size += len(b)
		m, err := Unpack(b)
		if err != nil {
			return nil, err
		}
		if !m.m.Response || m.m.Id != q.m.Id {
			return nil, errors.New("the reply belongs to another query")
		}
		if len(m.m.Question) > 0 && !sameQuestion(m, q) { // RFC 5936 §2.2.2: it may be left out
			return nil, errors.New("the reply is about another question")
		}
		unpacked += max(len(b), m.m.Len())
		got += len(m.m.Answer)
		for _, rr := range m.m.Answer {
			if typeOf(rr) == TypeSOA {
				soas++
			}
		}
		if all == nil {
			all = &Reply{Message: m, Raw: b, TCP: true}
		} else {
			all.m.Answer = append(all.m.Answer, m.m.Answer...)
		}
		all.Size = size
		if soas >= 2 || m.m.Rcode != miekg.RcodeSuccess || len(m.m.Answer) == 0 {
			return all, nil
		}
	}
	return nil, fmt.Errorf("the zone has more than %d bytes or %d records", most.bytes, most.records)
}

// Transfer copies a zone from a server that allows it (AXFR), as a secondary
// does. The zone is checked as if it were read from a file.
func Transfer(ctx context.Context, host wire.Host, server netip.AddrPort, origin string) (*Zone, error) {
	c := Client{Host: host}
	r, err := c.Transfer(ctx, server, NewMessage(Query{Name: origin, Type: TypeAXFR, ID: RandomID()}))
	if err != nil {
		return nil, fmt.Errorf("transfer of %s: %w", origin, err)
	}
	z, err := r.zone(origin)
	if err != nil {
		return nil, fmt.Errorf("transfer of %s from %s: %w", origin, server, err)
	}
	return z, nil
}

// zone is what a transfer brought.
func (r *Reply) zone(origin string) (*Zone, error) {
	n := len(r.m.Answer)
	if r.m.Rcode != miekg.RcodeSuccess || n < 2 || typeOf(r.m.Answer[0]) != TypeSOA || typeOf(r.m.Answer[n-1]) != TypeSOA {
		return nil, fmt.Errorf("replied %s without a zone", Code(r.m.Rcode))
	}
	return NewZone(origin, records(r.m.Answer[:n-1]))
}
