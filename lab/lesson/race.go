package lesson

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"glassmail/dns"
	"glassmail/wire"
)

// RaceOptions sets up the race of a forger against a name server: who replies
// first to a query of the victim. It is confined by construction: the forged
// replies leave from the lab's own server for the zone, so they can claim to come
// from that address only; they go to the victim only; and every address involved
// must be Inside.
type RaceOptions struct {
	Host   wire.Host             // on which the server of the zone lives
	Inside func(netip.Addr) bool // whether an address belongs to the lab; required
	Listen string                // the server's address and port, free for the time of the race
	Zone   *dns.Zone             // whose genuine replies come late
	Victim *dns.Resolver         // which has been told that this server serves the zone

	Forged  netip.Addr    // the IPv4 address that the forger wants to be believed
	Rounds  int           // queries that the victim is made to send, 1 to 1000
	Window  time.Duration // by how much the genuine reply is late, up to 2 seconds
	IDBits  int           // how many bits of the id the forger must guess, 1 to 16
	AnyPort bool          // the forger must guess the port too

	Watch func(RaceResult) // is told how it stands after each round; may be nil
}

// RaceResult is how the race stands or ended.
type RaceResult struct {
	Rounds    int           `json:"rounds"`    // queries
	Sent      int           `json:"sent"`      // forged replies
	Wins      int           `json:"wins"`      // rounds after which the victim believed the forger; the race ends with the first
	Noticed   int           `json:"noticed"`   // rounds in which checking signatures found a forgery
	Validated bool          `json:"validated"` // the victim checks signatures
	Took      time.Duration `json:"took"`      // in nanoseconds
	Space     float64       `json:"space"`     // ids, or ids times ports, among which the forger guesses
	Chance    float64       `json:"chance"`    // of one round, from what was sent: the part of Space that was tried
	Expected  float64       `json:"expected"`  // rounds until the forger wins by these odds, on average; 0 when nothing was sent
}

const racePrefix = "race-"

// Race lets the victim look for names that do not exist, one after another, and
// forges replies until one is believed or the rounds are over.
func Race(ctx context.Context, o RaceOptions) (RaceResult, error) {
	if err := o.check(); err != nil {
		return RaceResult{}, fmt.Errorf("race: %w", err)
	}
	pc, err := o.Host.ListenPacket(ctx, o.Listen)
	if err != nil {
		return RaceResult{}, fmt.Errorf("race: %w", err)
	}
	f := &forger{o: o, pc: pc, zone: dns.NewAuthority(nil, o.Zone), raced: map[string]bool{}}
	var serving sync.WaitGroup
	serving.Go(func() { f.serve(ctx) })
	defer serving.Wait()
	defer pc.Close()

	start := o.Host.Clock().Now()
	r := RaceResult{Space: math.Exp2(float64(o.IDBits)), Validated: o.Victim.Switches().Validate}
	if o.AnyPort {
		r.Space *= 65536 - 1024
	}
	for r.Rounds < o.Rounds && r.Wins == 0 && ctx.Err() == nil {
		r.Rounds++
		name := fmt.Sprintf("%s%08x.%s", racePrefix, rand.Uint32(), o.Zone.Origin())
		m, err := o.Victim.Resolve(ctx, name, dns.TypeA)
		var broken *dns.ChainError
		switch {
		case errors.As(err, &broken):
			r.Noticed++
		case err == nil && f.believed(m):
			r.Wins++
		}
		r.Took, r.Sent = o.Host.Clock().Now().Sub(start), int(f.sent.Load())
		r.odds()
		if o.Watch != nil {
			o.Watch(r)
		}
	}
	return r, ctx.Err()
}

// odds works out the chance of one round from what was sent so far.
func (r *RaceResult) odds() {
	r.Chance = min(1, float64(r.Sent)/float64(r.Rounds)/r.Space)
	if r.Chance > 0 {
		r.Expected = 1 / r.Chance
	}
}

func (o RaceOptions) check() error {
	switch {
	case o.Host == nil || o.Zone == nil || o.Victim == nil:
		return errors.New("host, zone and victim are needed")
	case o.Inside == nil:
		return errors.New("nothing says which addresses belong to the lab")
	case !o.Forged.Is4():
		return errors.New("the forged address must be IPv4")
	case !o.Inside(o.Forged):
		return fmt.Errorf("%s lies outside the lab: forged answers may name addresses of the lab only", o.Forged)
	case o.Rounds < 1 || o.Rounds > 1000:
		return errors.New("1 to 1000 rounds")
	case o.Window < 0 || o.Window > 2*time.Second:
		return errors.New("a window of 0 to 2 seconds")
	case o.IDBits < 1 || o.IDBits > 16:
		return errors.New("1 to 16 bits")
	}
	return o.checkServer()
}

// checkServer refuses to forge from an address outside the lab.
func (o RaceOptions) checkServer() error {
	ap, err := netip.ParseAddrPort(o.Listen)
	if err != nil {
		return fmt.Errorf("the server's address: %w", err)
	}
	if !o.Inside(ap.Addr().Unmap()) {
		return fmt.Errorf("%s lies outside the lab: forged answers may leave from a server of the lab only", ap.Addr())
	}
	return nil
}

// forger sits on the socket of the genuine server.
type forger struct {
	o    RaceOptions
	pc   net.PacketConn
	zone *dns.Authority

	raced map[string]bool // names for which a race was run
	sent  atomic.Int64    // forged replies; read while they are sent
}

// serve answers queries until the socket is closed, those of the race late.
func (f *forger) serve(ctx context.Context) {
	buf := make([]byte, 4096)
	for {
		n, from, err := f.pc.ReadFrom(buf)
		if err != nil {
			return
		}
		m, err := dns.Unpack(buf[:n])
		u, ok := from.(*net.UDPAddr)
		if err != nil || !ok || !f.o.Inside(u.AddrPort().Addr().Unmap()) {
			continue
		}
		question, ok := m.Question()
		if !ok {
			continue
		}
		name := dns.Canonical(question.Name)
		if strings.HasPrefix(name, racePrefix) && !f.raced[name] && len(f.raced) < 1000 {
			f.raced[name] = true
			f.attack(ctx, m, u)
		}
		if reply, _ := f.zone.AnswerNow(&dns.Request{Message: m}); reply != nil {
			if out, err := reply.PackUDP(nil, m.Limit()); err == nil {
				f.pc.WriteTo(out, from) // lost datagrams are asked for again
			}
		}
	}
}

// attack sends forged replies for the time of the window. It looks neither at the
// id of the query nor, with AnyPort, at its port.
func (f *forger) attack(ctx context.Context, q *dns.Message, victim *net.UDPAddr) {
	out, err := f.forge(q)
	if err != nil {
		return
	}
	over, stop := f.o.Host.Clock().After(f.o.Window)
	defer stop()
	for _, id := range rand.Perm(1 << f.o.IDBits) {
		select {
		case <-over:
			return
		case <-ctx.Done():
			return
		default:
		}
		binary.BigEndian.PutUint16(out, uint16(id))
		f.sent.Add(1)
		f.pc.WriteTo(out, f.aim(victim))
	}
}

// aim is the address to which the next forged reply goes.
func (f *forger) aim(victim *net.UDPAddr) *net.UDPAddr {
	if !f.o.AnyPort {
		return victim
	}
	return &net.UDPAddr{IP: victim.IP, Port: 1024 + rand.IntN(65536-1024), Zone: victim.Zone}
}

func (f *forger) forge(q *dns.Message) ([]byte, error) {
	question, _ := q.Question()
	return q.NewAnswer(dns.AddressRecord(question.Name, f.o.Forged, 3600)).Pack()
}

func (f *forger) believed(m *dns.Message) bool {
	return slices.Contains(addresses(m.Answer()), f.o.Forged)
}
