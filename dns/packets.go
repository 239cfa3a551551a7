package dns

import (
	"encoding/binary"
	"hash/maphash"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Wire is a Quick handler that keeps packed replies and gives them again to
// queries of the same bytes: most of what a busy server hears.
type Wire interface {
	Quick
	// AnswerWire returns the reply to a query that came over UDP, in buf if it is
	// large enough, or nil: then AnswerNow knows more.
	AnswerWire(query []byte, from netip.AddrPort, buf []byte) []byte
	// KeepWire may remember that reply, made by AnswerNow, was sent as these bytes.
	KeepWire(query []byte, reply *Message, sent []byte)
}

// Bounds of packets.
const (
	maxPackets     = 4096 // replies
	maxPacketQuery = 300  // bytes of a query whose reply is kept
)

// packets is replies by query: all bytes behind the id. They are valid as long as
// what they were made from, so they live beside it and go with it.
type packets struct {
	seed maphash.Seed
	door [maxPackets]atomic.Uint32 // hashes of queries seen once: the second time is kept

	mu   sync.RWMutex
	kept map[string]packet
}

// packet is one reply; its first two bytes, the id, do not count.
type packet struct {
	b     []byte
	until time.Time // when one of its TTLs is over or changes; zero is never
}

func newPackets() *packets {
	return &packets{seed: maphash.MakeSeed(), kept: map[string]packet{}}
}

// get is the reply to query with the query's id, or nil.
func (p *packets) get(query, buf []byte) ([]byte, time.Time) {
	if len(query) < HeaderSize || len(query) > maxPacketQuery {
		return nil, time.Time{}
	}
	p.mu.RLock()
	k, ok := p.kept[string(query[2:])]
	p.mu.RUnlock()
	if !ok {
		return nil, time.Time{}
	}
	out := append(buf[:0], k.b...)
	copy(out, query[:2])
	return out, k.until
}

// put keeps a reply if its query has come before. That keeps those out who ask for
// a new name each time.
func (p *packets) put(query, reply []byte, until time.Time) {
	if len(query) < HeaderSize || len(query) > maxPacketQuery || len(reply) < HeaderSize {
		return
	}
	h := maphash.Bytes(p.seed, query[2:])
	mark := uint32(h>>32) | 1
	if slot := &p.door[h%maxPackets]; slot.Load() != mark {
		slot.Store(mark)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, again := p.kept[string(query[2:])]; !again && len(p.kept) >= maxPackets {
		for k := range p.kept { // a random one: map order
			delete(p.kept, k)
			break
		}
	}
	p.kept[string(query[2:])] = packet{append([]byte(nil), reply...), until}
}

// KeepWire keeps what AnswerNow marked as fit for it.
func (a *Authority) KeepWire(query []byte, reply *Message, sent []byte) { reply.keep(query, sent) }

// AnswerWire gives the reply that the same query had before, as long as no zone
// was changed since.
func (a *Authority) AnswerWire(query []byte, _ netip.AddrPort, buf []byte) []byte {
	out, _ := a.served.Load().packets.get(query, buf)
	return out
}

// KeepWire keeps what AnswerNow marked as fit for it.
func (s *Recursive) KeepWire(query []byte, reply *Message, sent []byte) { reply.keep(query, sent) }

// AnswerWire gives the reply that the same query had before, until one of its TTLs
// tells another second.
func (s *Recursive) AnswerWire(query []byte, from netip.AddrPort, buf []byte) []byte {
	if s.allow != nil && !s.allow(from.Addr().Unmap()) {
		return nil
	}
	out, until := s.r.packed().get(query, buf)
	if out == nil || !s.r.o.Host.Clock().Now().Before(until) {
		return nil
	}
	return out
}

// keep puts the message into the store for which it was marked, if it was.
func (m *Message) keep(query, sent []byte) {
	if m.home != nil && binary.BigEndian.Uint16(sent) == m.m.Id {
		m.home.put(query, sent, m.until)
	}
}

// cached is a resolver's packed replies and the state of the cache from which they
// were made.
type cached struct {
	*packets
	version uint64
}

// packed is the packed replies made from the cache as it is now. They go when the
// cache forgets something or the resolver is switched; what it learns anew does
// not matter before their TTLs change.
func (r *Resolver) packed() *packets {
	v := r.cache.version.Load()
	p := r.replies.Load()
	if p == nil || p.version != v {
		p = &cached{newPackets(), v}
		r.replies.Store(p)
	}
	return p.packets
}

// mark tells until when m, made from these entries, is the same.
func (m *Message) mark(home *packets, found []*entry, now time.Time) {
	m.home = home
	for i, e := range found {
		same := now.Add(e.expires.Sub(now) % time.Second)
		if i == 0 || same.Before(m.until) {
			m.until = same
		}
	}
}
