package dns

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"

	miekg "github.com/miekg/dns"
)

// resolving is what the lookups need: one question, one finished answer.
type resolving func(ctx context.Context, name string, t Type) (*Message, error)

// LookupMX returns the mail hosts of a domain, best first, equals mixed (RFC
// 5321 §5.1). A domain that takes no mail has one host named "." (RFC 7505). The
// error is a *net.DNSError.
func (r *Resolver) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	return lookupMX(ctx, r.Resolve, name)
}

// LookupNetIP returns the addresses of a host; network is "ip", "ip4" or "ip6".
// The error is a *net.DNSError.
func (r *Resolver) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	return lookupNetIP(ctx, r.Resolve, network, host)
}

// LookupTXT returns the texts of a name, the strings of each record joined. The
// error is a *net.DNSError.
func (r *Resolver) LookupTXT(ctx context.Context, name string) ([]string, error) {
	return lookupTXT(ctx, r.Resolve, name)
}

// LookupAddr returns the names of an address, with their final dots. The error
// is a *net.DNSError.
func (r *Resolver) LookupAddr(ctx context.Context, addr string) ([]string, error) {
	return lookupAddr(ctx, r.Resolve, addr)
}

// lookup asks and returns the records of type t, of which there is at least one.
func (resolve resolving) lookup(ctx context.Context, name string, t Type) ([]miekg.RR, error) {
	m, err := resolve(ctx, name, t)
	if err != nil {
		return nil, dnsError(ctx, name, err)
	}
	var out []miekg.RR
	for _, rr := range m.m.Answer {
		if typeOf(rr) == t {
			out = append(out, rr)
		}
	}
	switch {
	case m.m.Rcode != miekg.RcodeSuccess && m.m.Rcode != miekg.RcodeNameError:
		return nil, &net.DNSError{Err: "server misbehaving: " + Code(m.m.Rcode).String(), Name: name, IsTemporary: true}
	case len(out) == 0:
		return nil, notFound(name)
	}
	return out, nil
}

func notFound(name string) *net.DNSError {
	return &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

// dnsError says in the words of package net why a lookup failed. A name that no
// server could have is not found; all else may be better later.
func dnsError(ctx context.Context, name string, err error) *net.DNSError {
	if _, bad := Name(name); bad != nil {
		return &net.DNSError{UnwrapErr: err, Err: err.Error(), Name: name, IsNotFound: true}
	}
	timeout := errors.Is(err, ErrTimeout) || errors.Is(err, context.DeadlineExceeded) || errors.Is(ctx.Err(), context.DeadlineExceeded)
	return &net.DNSError{UnwrapErr: err, Err: err.Error(), Name: name, IsTimeout: timeout, IsTemporary: true}
}

func lookupMX(ctx context.Context, resolve resolving, name string) ([]*net.MX, error) {
	rrs, err := resolve.lookup(ctx, name, TypeMX)
	if err != nil {
		return nil, err
	}
	out := make([]*net.MX, 0, len(rrs))
	for _, rr := range rrs {
		if mx, ok := rr.(*miekg.MX); ok {
			out = append(out, &net.MX{Host: mx.Mx, Pref: mx.Preference})
		}
	}
	rand.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	slices.SortStableFunc(out, func(a, b *net.MX) int { return cmp.Compare(a.Pref, b.Pref) })
	return out, nil
}

func lookupNetIP(ctx context.Context, resolve resolving, network, host string) ([]netip.Addr, error) {
	var types []Type
	switch network {
	case "ip":
		types = []Type{TypeA, TypeAAAA}
	case "ip4":
		types = []Type{TypeA}
	case "ip6":
		types = []Type{TypeAAAA}
	default:
		return nil, &net.DNSError{Err: "unknown network " + network + ": want ip, ip4 or ip6", Name: host}
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip}, nil
	}
	var out []netip.Addr
	var failure error
	for _, t := range types {
		rrs, err := resolve.lookup(ctx, host, t)
		var de *net.DNSError
		if errors.As(err, &de) && !de.IsNotFound {
			failure = err
		}
		for _, rr := range rrs {
			if a, ok := addrOf(rr); ok {
				out = append(out, a)
			}
		}
	}
	switch {
	case len(out) > 0:
		return out, nil
	case failure != nil:
		return nil, failure
	}
	return nil, notFound(host)
}

func lookupTXT(ctx context.Context, resolve resolving, name string) ([]string, error) {
	rrs, err := resolve.lookup(ctx, name, TypeTXT)
	if err != nil {
		return nil, err
	}
	out := make([]string, 0, len(rrs))
	for _, rr := range rrs {
		text, _ := Record{rr}.Text()
		out = append(out, strings.Join(text, ""))
	}
	return out, nil
}

func lookupAddr(ctx context.Context, resolve resolving, addr string) ([]string, error) {
	ip, err := netip.ParseAddr(addr)
	if err != nil {
		return nil, &net.DNSError{Err: "not an address", Name: addr, IsNotFound: true}
	}
	rrs, err := resolve.lookup(ctx, ReverseName(ip), TypePTR)
	if err != nil {
		return nil, err
	}
	out := make([]string, 0, len(rrs))
	for _, rr := range rrs {
		out = append(out, targetOf(rr))
	}
	return out, nil
}
