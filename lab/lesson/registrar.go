package lesson

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"glassmail/dns"
)

// Registrar enters domains into the top-level zones of a hierarchy: the servers
// of a domain, their addresses, and the digest of its key. It remembers who
// registered what. It is safe for concurrent use.
type Registrar struct {
	h *Hierarchy

	mu     sync.Mutex
	owners map[string]string // domain → who registered it
}

// NewRegistrar makes a registrar for h. Domains that are delegated already
// belong to "the lecture".
func NewRegistrar(h *Hierarchy) *Registrar {
	return &Registrar{h: h, owners: map[string]string{}}
}

const lectureOwner = "the lecture"

// Owner is who registered a domain; "" if it is free.
func (r *Registrar) Owner(domain string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.owner(dns.Canonical(domain))
}

func (r *Registrar) owner(domain string) string {
	if o := r.owners[domain]; o != "" {
		return o
	}
	up, err := r.above(domain)
	if err == nil && up.Find(domain, dns.TypeNS) != nil {
		return lectureOwner
	}
	return ""
}

// above is the top-level zone that takes a domain.
func (r *Registrar) above(domain string) (*dns.Zone, error) {
	if dns.Labels(domain) != 2 {
		return nil, fmt.Errorf("%s: register a name right below a top-level domain, such as networkutopia.com", domain)
	}
	up := r.h.Zone(dns.Parent(domain))
	if up == nil {
		return nil, fmt.Errorf("%s: there is no top-level domain %s here", domain, dns.Parent(domain))
	}
	return up, nil
}

// Register takes a free domain for owner and names its servers. A server whose
// name lies inside the domain needs its address: nobody could find it otherwise
// (glue).
func (r *Registrar) Register(domain, owner string, servers []dns.NameServer) (dns.Difference, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	domain = dns.Canonical(domain)
	if owner == "" {
		return dns.Difference{}, errors.New("register: no owner")
	}
	if have := r.owner(domain); have != "" {
		return dns.Difference{}, fmt.Errorf("register: %s is taken by %s", domain, have)
	}
	d, err := r.enter(domain, servers, nil)
	if err != nil {
		return d, fmt.Errorf("register: %w", err)
	}
	r.owners[domain] = owner
	return d, nil
}

// SetServers replaces the servers of a domain. The digest of its key stays.
func (r *Registrar) SetServers(domain, owner string, servers []dns.NameServer) (dns.Difference, error) {
	return r.asOwner(domain, owner, func(domain string) (dns.Difference, error) {
		return r.enter(domain, servers, r.published(domain))
	})
}

// PublishDS vouches for the keys of a domain, or no longer if there are none.
func (r *Registrar) PublishDS(domain, owner string, ds []dns.Record) (dns.Difference, error) {
	return r.asOwner(domain, owner, func(domain string) (dns.Difference, error) {
		for _, x := range ds {
			if x.Type() != dns.TypeDS || dns.Canonical(x.Name()) != domain {
				return dns.Difference{}, fmt.Errorf("%q is not a DS record of %s", x, domain)
			}
		}
		up, err := r.above(domain)
		if err != nil {
			return dns.Difference{}, err
		}
		return r.change(up, ds, r.published(domain))
	})
}

// Transfer gives a domain to another owner.
func (r *Registrar) Transfer(domain, owner, to string) error {
	if to == "" {
		return errors.New("transfer: to nobody")
	}
	_, err := r.asOwner(domain, owner, func(domain string) (dns.Difference, error) {
		r.owners[domain] = to
		return dns.Difference{}, nil
	})
	return err
}

// Delete gives a domain back: the zone above forgets it.
func (r *Registrar) Delete(domain, owner string) (dns.Difference, error) {
	return r.asOwner(domain, owner, func(domain string) (dns.Difference, error) {
		up, err := r.above(domain)
		if err != nil {
			return dns.Difference{}, err
		}
		d, err := r.change(up, nil, delegationOf(up, domain))
		if err == nil {
			delete(r.owners, domain)
		}
		return d, err
	})
}

func (r *Registrar) asOwner(domain, owner string, act func(string) (dns.Difference, error)) (dns.Difference, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	domain = dns.Canonical(domain)
	switch have := r.owner(domain); have {
	case owner:
		return act(domain)
	case "":
		return dns.Difference{}, fmt.Errorf("%s is not registered", domain)
	default:
		return dns.Difference{}, fmt.Errorf("%s belongs to %s", domain, have)
	}
}

// published is the DS records of a domain in the zone above.
func (r *Registrar) published(domain string) []dns.Record {
	up, err := r.above(domain)
	if err != nil {
		return nil
	}
	return up.Find(domain, dns.TypeDS)
}

// enter writes the delegation of a domain.
func (r *Registrar) enter(domain string, servers []dns.NameServer, ds []dns.Record) (dns.Difference, error) {
	up, err := r.above(domain)
	if err != nil {
		return dns.Difference{}, err
	}
	add, err := delegationRecords(domain, servers)
	if err != nil {
		return dns.Difference{}, err
	}
	return r.change(up, append(add, ds...), delegationOf(up, domain))
}

// delegationRecords is the NS records of a domain and the glue they need.
func delegationRecords(domain string, servers []dns.NameServer) ([]dns.Record, error) {
	const ttl = 86400
	if len(servers) == 0 {
		return nil, fmt.Errorf("%s: no name server given", domain)
	}
	var out []dns.Record
	for _, s := range servers {
		name, err := dns.Name(s.Name)
		if err != nil {
			return nil, err
		}
		name = dns.Canonical(name)
		out = append(out, dns.NSRecord(domain, name, ttl))
		if !dns.Below(domain, name) {
			continue
		}
		if len(s.Addrs) == 0 {
			return nil, fmt.Errorf("%s lies inside %s and has no address: whoever looks for it would have to ask it for its own address; give the address too (glue)", name, domain)
		}
		for _, a := range s.Addrs {
			out = append(out, dns.AddressRecord(name, a, ttl))
		}
	}
	return out, nil
}

// change edits the zone above and reports what is different afterwards.
func (r *Registrar) change(up *dns.Zone, add, remove []dns.Record) (dns.Difference, error) {
	if err := r.h.Change(up.Origin(), add, remove); err != nil {
		return dns.Difference{}, err
	}
	same := func(list []dns.Record, x dns.Record) bool {
		return slices.ContainsFunc(list, func(y dns.Record) bool { return x.String() == y.String() })
	}
	d := dns.Difference{Zone: up.Origin()}
	for _, x := range add {
		if !same(remove, x) {
			d.Added = append(d.Added, x)
		}
	}
	for _, x := range remove {
		if !same(add, x) {
			d.Removed = append(d.Removed, x)
		}
	}
	return d, nil
}

// delegate is a copy of the zone that names the servers of child: its NS
// records and the addresses of those below child (glue).
func delegate(z, child *dns.Zone) (*dns.Zone, error) {
	var servers []dns.NameServer
	for _, r := range child.Find(child.Origin(), dns.TypeNS) {
		name, _ := r.Target()
		name = dns.Canonical(name)
		servers = append(servers, dns.NameServer{Name: name, Addrs: addresses(child.Find(name, dns.TypeA))})
	}
	add, err := delegationRecords(child.Origin(), servers)
	if err != nil {
		return nil, err
	}
	return z.With(add, delegationOf(z, child.Origin()))
}

// delegationOf is the records that z holds about the zone child: at its name and
// below.
func delegationOf(z *dns.Zone, child string) []dns.Record {
	return slices.DeleteFunc(z.Unsigned(), func(r dns.Record) bool { return !dns.Below(child, r.Name()) })
}
