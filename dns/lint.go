package dns

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	miekg "github.com/miekg/dns"
)

// Finding is a mistake, or what looks like one, in a zone that can be served.
type Finding struct {
	Name string // owner of the record at fault
	Type string
	Text string // what is wrong and how to mend it
}

// String is the finding in one line.
func (f Finding) String() string { return f.Name + " " + f.Type + ": " + f.Text }

// Lint looks for the usual mistakes: a final dot forgotten, an address where a
// name belongs, a mail host or name server that is an alias (RFC 2181 §10.3), a
// host of the zone without address, a delegation without glue.
func Lint(z *Zone) []Finding {
	var out []Finding
	for _, rr := range z.rrs(false) {
		target := targetOf(rr)
		if target == "" || target == "." {
			continue
		}
		for _, text := range z.lintTarget(rr, Canonical(target)) {
			out = append(out, Finding{Name: rr.Header().Name, Type: typeOf(rr).String(), Text: text})
		}
	}
	if apex := z.nodes[z.origin]; apex.set(TypeDNSKEY) != nil && !z.signed {
		out = append(out, Finding{Name: z.origin, Type: "DNSKEY", Text: "the zone has keys and no NSEC records, so nobody can prove what does not exist; NSEC3 is not served: sign with NSEC"})
	}
	if ns := z.nodes[z.origin].set(TypeNS); len(ns.rrs) == 1 {
		out = append(out, Finding{Name: z.origin, Type: "NS", Text: "one name server only: when it fails, nobody finds the domain; RFC 1034 §4.1 wants two"})
	}
	return out
}

func (z *Zone) lintTarget(rr miekg.RR, target string) []string {
	t := typeOf(rr)
	if doubled := z.origin + z.origin; z.origin != "." && strings.HasSuffix("."+target, "."+doubled) {
		return []string{fmt.Sprintf("%s ends in the zone's name twice: a final dot is missing", target)}
	}
	if _, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimSuffix(target, z.origin), ".")); err == nil {
		return []string{fmt.Sprintf("%s is an address where a name belongs: give the host a name with an A record", target)}
	}
	if !Below(z.origin, target) || t == TypeCNAME || t == TypePTR || t == TypeDNAME {
		return nil
	}
	if cut := z.Cut(target); cut != "" && !(t == TypeNS && Canonical(rr.Header().Name) == cut) {
		return nil // another zone knows
	}
	if text := z.lintHost(t, target); text != "" {
		return []string{text}
	}
	return nil
}

// lintHost looks for the address of a host for which this zone must tell it.
func (z *Zone) lintHost(t Type, host string) string {
	n := z.nodes[host]
	switch {
	case n != nil && n.set(TypeCNAME) != nil:
		return fmt.Sprintf("%s is an alias; the target of %s must have an address of its own (RFC 2181 §10.3): name the host behind it", host, t)
	case n != nil && (n.set(TypeA) != nil || n.set(TypeAAAA) != nil):
		return ""
	case z.Cut(host) != "":
		return fmt.Sprintf("glue is missing: %s lies in the zone it serves, so this zone must tell its address (an A record)", host)
	case z.nodes["*."+TrimRoot(Parent(host))] != nil:
		return ""
	}
	return fmt.Sprintf("%s has no address in this zone", host)
}

// CheckDelegation asks the servers that parent names for child whether they
// serve it. A server that does not is lame: those who follow the delegation get
// no answer.
func CheckDelegation(ctx context.Context, c Client, up *Zone, child string, addrs func(host string) []netip.Addr) []Finding {
	child = Canonical(child)
	n := up.nodes[child]
	if n == nil || n.set(TypeNS) == nil {
		return []Finding{{Name: child, Type: "NS", Text: "not delegated in " + up.origin}}
	}
	var out []Finding
	for _, rr := range n.set(TypeNS).rrs {
		host := Canonical(targetOf(rr))
		list := up.hostAddrs(host)
		if len(list) == 0 {
			list = addrs(host)
		}
		text := lame(ctx, c, child, host, list)
		if text != "" {
			out = append(out, Finding{Name: child, Type: "NS", Text: text})
		}
	}
	return out
}

func (z *Zone) hostAddrs(host string) []netip.Addr {
	n := z.nodes[host]
	if n == nil || n.set(TypeA) == nil {
		return nil
	}
	return slices.Collect(func(yield func(netip.Addr) bool) {
		for _, rr := range n.set(TypeA).rrs {
			if a, ok := addrOf(rr); ok && !yield(a) {
				return
			}
		}
	})
}

// lame says what is wrong with a server of a zone, "" if nothing is.
func lame(ctx context.Context, c Client, zone, host string, addrs []netip.Addr) string {
	if len(addrs) == 0 {
		return fmt.Sprintf("%s has no address (missing glue)", host)
	}
	for _, a := range addrs {
		r, err := c.Ask(ctx, netip.AddrPortFrom(a, 53), NewMessage(Query{Name: zone, Type: TypeSOA, ID: RandomID()}))
		switch {
		case err != nil:
			return fmt.Sprintf("%s (%s) does not answer: lame delegation", host, a)
		case !r.m.Authoritative || r.m.Rcode != miekg.RcodeSuccess:
			return fmt.Sprintf("%s (%s) does not serve the zone (it replies %s, AA %t): lame delegation", host, a, Code(r.m.Rcode), r.m.Authoritative)
		}
	}
	return ""
}
