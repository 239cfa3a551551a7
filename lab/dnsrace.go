package lab

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"time"

	"glassmail/dns"
	"glassmail/lab/lesson"
)

// RaceRequest sets up the race of a forger against the server of a zone.
type RaceRequest struct {
	Zone       string        `json:"zone"`
	Forged     netip.Addr    `json:"forged,omitzero"` // address in the lab that the forger wants to be believed; the attacker's own if none is given
	Rounds     int           `json:"rounds"`
	Window     time.Duration `json:"window"`     // by how much the genuine reply is late, in nanoseconds
	IDBits     int           `json:"idBits"`     // width of the local name server's query ids
	RandomPort bool          `json:"randomPort"` // its queries leave from random ports
	Validate   bool          `json:"validate"`   // it checks signatures
}

// RaceOutcome is how the race ended.
type RaceOutcome struct {
	lesson.RaceResult
	Poisoned []dns.Entry `json:"poisoned"` // what the cache now holds from the forger
}

const (
	racePort  = 5300 // of the server whose genuine replies come late
	fixedPort = 4053 // of a victim that does not choose its ports at random
)

// Race lets a forger race one server of a zone, with the local name server as
// victim: its cache is the one that is poisoned. The server answers the victim at
// a port of its own for that time, so that all others go on asking it; the forged
// replies leave from there and cannot reach beyond the lab.
func (n *Names) Race(ctx context.Context, q RaceRequest, watch func(lesson.RaceResult)) (RaceOutcome, error) {
	z, err := n.zone(q.Zone)
	if err != nil {
		return RaceOutcome{}, err
	}
	if !q.Forged.IsValid() {
		q.Forged = n.attacker.Addr()
	}
	n.lesson.Lock()
	defer n.lesson.Unlock()
	server := n.serverOf(z.Origin())
	at := netip.AddrPortFrom(server.Addr(), racePort)
	victim, err := n.victim(q, netip.AddrPortFrom(server.Addr(), 53), at)
	if err != nil {
		return RaceOutcome{}, err
	}
	r, err := lesson.Race(ctx, lesson.RaceOptions{
		Host: server, Inside: n.o.Internet.has, Listen: at.String(), Zone: z, Victim: victim, Forged: q.Forged,
		Rounds: q.Rounds, Window: q.Window, IDBits: q.IDBits, AnyPort: q.RandomPort, Watch: watch,
	})
	return RaceOutcome{r, n.poisoned(q.Forged.String())}, err
}

// poisoned is what the cache holds that names the forger's address.
func (n *Names) poisoned(addr string) []dns.Entry {
	out := []dns.Entry{}
	for _, e := range n.Resolver.Cache().Entries() {
		if slices.Contains(e.Data, addr) {
			out = append(out, e)
		}
	}
	return out
}

// serverOf is the host of the first server of a zone.
func (n *Names) serverOf(zone string) *Host {
	for i, p := range n.Hierarchy.Servers {
		if p.Authority.Zone(zone) != nil {
			return n.hosts[i]
		}
	}
	return nil
}

// victim is the local name server with the weaknesses of the request. It knows the
// server under the port 53 as everybody does.
func (n *Names) victim(q RaceRequest, from, to netip.AddrPort) (*dns.Resolver, error) {
	o := n.resolverOptions(detour{n.host, from, to}, n.host.name)
	o.Recursion, o.Cache, o.IDBits = nil, n.Resolver.Cache(), q.IDBits
	o.Timeout = q.Window + time.Second
	if !q.RandomPort {
		o.FixedPort = fixedPort
	}
	if !q.Validate {
		o.Anchors = nil
	}
	return dns.NewResolver(o)
}

// detour is a host for which one address stands for another.
type detour struct {
	*Host
	from, to netip.AddrPort
}

// Dial connects to addr, or to what stands for it.
func (d detour) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if addr == d.from.String() {
		addr = d.to.String()
	}
	return d.Host.Dial(ctx, network, addr)
}

// ListenPacket opens a socket for which the same holds.
func (d detour) ListenPacket(ctx context.Context, addr string) (net.PacketConn, error) {
	pc, err := d.Host.ListenPacket(ctx, addr)
	if err != nil {
		return nil, err
	}
	return detourConn{pc, d}, nil
}

type detourConn struct {
	net.PacketConn
	d detour
}

func (c detourConn) WriteTo(b []byte, to net.Addr) (int, error) {
	return c.PacketConn.WriteTo(b, swap(to, c.d.from, c.d.to))
}

func (c detourConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.PacketConn.ReadFrom(b)
	return n, swap(from, c.d.to, c.d.from), err
}

// swap is a, or by if a is old.
func swap(a net.Addr, old, by netip.AddrPort) net.Addr {
	u, ok := a.(*net.UDPAddr)
	if ok && netip.AddrPortFrom(u.AddrPort().Addr().Unmap(), u.AddrPort().Port()) == old {
		return net.UDPAddrFromAddrPort(by)
	}
	return a
}
