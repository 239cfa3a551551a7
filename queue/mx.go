package queue

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"

	"glassmail/mail"
	"glassmail/wire"
)

// Resolver looks up names. *net.Resolver is one. Errors are *net.DNSError, whose
// IsNotFound tells "there is no such thing" (permanent) from all else, which is
// taken to be temporary.
type Resolver interface {
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Limits of one attempt.
const (
	maxHosts     = 20 // MX records that are looked at
	maxAddresses = 10 // addresses that are tried
)

// mx is one host that takes mail for a destination.
type mx struct {
	host string     // without the final dot; for an address literal, the literal
	pref uint16     // smaller is better
	addr netip.Addr // of an address literal

	ips   []netip.Addr // that may be dialled, once lookUp found them
	fault *mail.Reply  // why there are none
	own   bool         // it is this node, by an address
}

// route finds the hosts that take mail for dest, best first (RFC 5321 §5.1). An
// error is a *mail.Reply.
func (r *Runner) route(ctx context.Context, dest string) ([]mx, error) {
	if strings.HasPrefix(dest, "[") {
		ip, ok := mail.Address{Domain: dest}.Literal()
		if !ok {
			return nil, mail.NewReply(553, mail.Enhanced{5, 1, 2}, "%s is not an address", dest)
		}
		return []mx{{host: dest, addr: ip}}, nil
	}
	records, err := r.o.Resolver.LookupMX(ctx, dest+".") // the final dot keeps search lists out
	switch {
	case len(records) > 0: // bad records may have been left out, with an error
	case err == nil || isNotFound(err):
		return r.implicit(ctx, dest)
	default:
		return nil, mail.NewReply(451, mail.Enhanced{4, 4, 3}, "The name system did not answer which host takes mail for %s", dest)
	}
	if len(records) == 1 && (records[0].Host == "." || records[0].Host == "") { // RFC 7505 §3
		return nil, mail.NewReply(556, mail.Enhanced{5, 1, 10}, "%s takes no mail (null MX)", dest)
	}
	return r.order(dest, records)
}

// implicit is the domain as its own mail host when it has no MX (RFC 5321 §5.1).
func (r *Runner) implicit(ctx context.Context, dest string) ([]mx, error) {
	_, err := r.o.Resolver.LookupNetIP(ctx, "ip", dest+".")
	switch {
	case err == nil:
	case isNotFound(err):
		return nil, mail.NewReply(550, mail.Enhanced{5, 1, 2}, "The domain %s has neither a mail host (MX) nor an address", dest)
	default:
		return nil, mail.NewReply(451, mail.Enhanced{4, 4, 3}, "The name system did not answer for %s", dest)
	}
	if r.own(dest) {
		return nil, loop(dest)
	}
	return []mx{{host: dest}}, nil
}

// order sorts by preference, mixes equals, and leaves out this node and all that
// is not better than it (RFC 5321 §5.1): they would send the mail back here.
func (r *Runner) order(dest string, records []*net.MX) ([]mx, error) {
	var hosts []mx
	limit := 1 << 16
	for _, m := range records {
		host := strings.ToLower(strings.TrimSuffix(m.Host, "."))
		if r.own(host) {
			limit = min(limit, int(m.Pref))
		} else if host != "" {
			hosts = append(hosts, mx{host: host, pref: m.Pref})
		}
	}
	hosts = slices.DeleteFunc(hosts, func(m mx) bool { return int(m.pref) >= limit })
	if len(hosts) == 0 {
		return nil, loop(dest)
	}
	r.o.Shuffle(len(hosts), func(i, j int) { hosts[i], hosts[j] = hosts[j], hosts[i] })
	slices.SortStableFunc(hosts, func(a, b mx) int { return int(a.pref) - int(b.pref) })
	return hosts[:min(len(hosts), maxHosts)], nil
}

// loop tells that mail would come back here (RFC 5321 §5.1).
func loop(dest string) *mail.Reply {
	return mail.NewReply(554, mail.Enhanced{5, 4, 6}, "The name system sends mail for %s to this server, which does not serve it", dest)
}

// own reports whether host is a name of this node.
func (r *Runner) own(host string) bool {
	return slices.ContainsFunc(r.o.Names, func(n string) bool { return strings.EqualFold(n, host) })
}

// lookUp finds the addresses of m that may be dialled. They are dialled as they
// stand here: nobody looks the name up a second time.
func (r *Runner) lookUp(ctx context.Context, m *mx) {
	ips, err := r.addresses(ctx, *m)
	if err != nil {
		m.fault = mail.AsReply(err)
		return
	}
	for _, ip := range ips {
		ip = ip.Unmap()
		switch err := r.o.Reach.Check(netip.AddrPortFrom(ip, r.o.Port)); {
		case err == nil:
			m.ips = append(m.ips, ip)
		case errors.Is(err, wire.ErrOwn): // no other address of it is another server
			m.own, m.ips, m.fault = true, nil, loopAt(m.host, ip)
			return
		case m.fault == nil:
			m.fault = mail.NewReply(550, mail.Enhanced{5, 4, 4}, "%s has the address %s, to which this server does not relay: %s", printable(m.host), ip, err)
		}
	}
}

// loopAt is loop for a host that has an address of this node.
func loopAt(host string, ip netip.Addr) *mail.Reply {
	return mail.NewReply(554, mail.Enhanced{5, 4, 6}, "The mail loops back: %s has the address %s, which is this server's, and this server does not serve the domain", printable(host), ip)
}

// addresses finds all addresses of m. An error is a *mail.Reply.
func (r *Runner) addresses(ctx context.Context, m mx) ([]netip.Addr, error) {
	if m.addr.IsValid() {
		return []netip.Addr{m.addr}, nil
	}
	ips, err := r.o.Resolver.LookupNetIP(ctx, "ip", m.host+".")
	switch {
	case len(ips) > 0:
		return ips, nil
	case err == nil || isNotFound(err):
		return nil, mail.NewReply(550, mail.Enhanced{5, 4, 4}, "The mail host %s has no address", m.host)
	}
	return nil, mail.NewReply(451, mail.Enhanced{4, 4, 3}, "The name system did not answer for the mail host %s", m.host)
}

func isNotFound(err error) bool {
	var d *net.DNSError
	return errors.As(err, &d) && d.IsNotFound
}

// shuffle is the default of Options.Shuffle.
func shuffle(n int, swap func(i, j int)) { rand.Shuffle(n, swap) }
