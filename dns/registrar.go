package dns

import (
	"errors"
	"fmt"
	"slices"
	"sync"
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
	return r.owner(canonical(domain))
}

func (r *Registrar) owner(domain string) string {
	if o := r.owners[domain]; o != "" {
		return o
	}
	up, err := r.above(domain)
	if err == nil && up.Find(domain, TypeNS) != nil {
		return lectureOwner
	}
	return ""
}

// above is the top-level zone that takes a domain.
func (r *Registrar) above(domain string) (*Zone, error) {
	if labels(domain) != 2 {
		return nil, fmt.Errorf("%s: register a name right below a top-level domain, such as networkutopia.com", domain)
	}
	up := r.h.Zone(parent(domain))
	if up == nil {
		return nil, fmt.Errorf("%s: there is no top-level domain %s here", domain, parent(domain))
	}
	return up, nil
}

// Register takes a free domain for owner and names its servers. A server whose
// name lies inside the domain needs its address: nobody could find it otherwise
// (glue).
func (r *Registrar) Register(domain, owner string, servers []NameServer) (Difference, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	domain = canonical(domain)
	if owner == "" {
		return Difference{}, errors.New("register: no owner")
	}
	if have := r.owner(domain); have != "" {
		return Difference{}, fmt.Errorf("register: %s is taken by %s", domain, have)
	}
	d, err := r.enter(domain, servers, nil)
	if err != nil {
		return d, fmt.Errorf("register: %w", err)
	}
	r.owners[domain] = owner
	return d, nil
}

// SetServers replaces the servers of a domain. The digest of its key stays.
func (r *Registrar) SetServers(domain, owner string, servers []NameServer) (Difference, error) {
	return r.asOwner(domain, owner, func(domain string) (Difference, error) {
		return r.enter(domain, servers, r.published(domain))
	})
}

// PublishDS vouches for the keys of a domain, or no longer if there are none.
func (r *Registrar) PublishDS(domain, owner string, ds []Record) (Difference, error) {
	return r.asOwner(domain, owner, func(domain string) (Difference, error) {
		for _, x := range ds {
			if x.Type() != TypeDS || canonical(x.Name()) != domain {
				return Difference{}, fmt.Errorf("%q is not a DS record of %s", x, domain)
			}
		}
		up, err := r.above(domain)
		if err != nil {
			return Difference{}, err
		}
		return r.change(up, ds, r.published(domain))
	})
}

// Transfer gives a domain to another owner.
func (r *Registrar) Transfer(domain, owner, to string) error {
	if to == "" {
		return errors.New("transfer: to nobody")
	}
	_, err := r.asOwner(domain, owner, func(domain string) (Difference, error) {
		r.owners[domain] = to
		return Difference{}, nil
	})
	return err
}

// Delete gives a domain back: the zone above forgets it.
func (r *Registrar) Delete(domain, owner string) (Difference, error) {
	return r.asOwner(domain, owner, func(domain string) (Difference, error) {
		up, err := r.above(domain)
		if err != nil {
			return Difference{}, err
		}
		d, err := r.change(up, nil, delegationOf(up, domain))
		if err == nil {
			delete(r.owners, domain)
		}
		return d, err
	})
}

func (r *Registrar) asOwner(domain, owner string, act func(string) (Difference, error)) (Difference, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	domain = canonical(domain)
	switch have := r.owner(domain); have {
	case owner:
		return act(domain)
	case "":
		return Difference{}, fmt.Errorf("%s is not registered", domain)
	default:
		return Difference{}, fmt.Errorf("%s belongs to %s", domain, have)
	}
}

// published is the DS records of a domain in the zone above.
func (r *Registrar) published(domain string) []Record {
	up, err := r.above(domain)
	if err != nil {
		return nil
	}
	return up.Find(domain, TypeDS)
}

// enter writes the delegation of a domain.
func (r *Registrar) enter(domain string, servers []NameServer, ds []Record) (Difference, error) {
	up, err := r.above(domain)
	if err != nil {
		return Difference{}, err
	}
	add, err := delegationRecords(domain, servers)
	if err != nil {
		return Difference{}, err
	}
	return r.change(up, append(add, ds...), delegationOf(up, domain))
}

// delegationRecords is the NS records of a domain and the glue they need.
func delegationRecords(domain string, servers []NameServer) ([]Record, error) {
	const ttl = 86400
	if len(servers) == 0 {
		return nil, fmt.Errorf("%s: no name server given", domain)
	}
	var out []Record
	for _, s := range servers {
		name, err := Name(s.Name)
		if err != nil {
			return nil, err
		}
		name = canonical(name)
		out = append(out, NSRecord(domain, name, ttl))
		if !below(domain, name) {
			continue
		}
		if len(s.Addrs) == 0 {
			return nil, fmt.Errorf("%s lies inside %s and has no address: whoever looks for it would have to ask it for its own address; give the address too (glue)", name, domain)
		}
		for _, a := range s.Addrs {
			out = append(out, AddressRecord(name, a, ttl))
		}
	}
	return out, nil
}

// change edits the zone above and reports what is different afterwards.
func (r *Registrar) change(up *Zone, add, remove []Record) (Difference, error) {
	if err := r.h.Change(up.Origin(), add, remove); err != nil {
		return Difference{}, err
	}
	same := func(list []Record, x Record) bool {
		return slices.ContainsFunc(list, func(y Record) bool { return x.String() == y.String() })
	}
	d := Difference{Zone: up.Origin()}
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
func delegate(z, child *Zone) (*Zone, error) {
	var servers []NameServer
	for _, r := range child.Find(child.Origin(), TypeNS) {
		name, _ := r.Target()
		name = canonical(name)
		servers = append(servers, NameServer{Name: name, Addrs: addresses(child.Find(name, TypeA))})
	}
	add, err := delegationRecords(child.Origin(), servers)
	if err != nil {
		return nil, err
	}
	return z.With(add, delegationOf(z, child.Origin()))
}

// delegation is the records that z holds about the zone child: at its name and
// below.
func delegationOf(z *Zone, child string) []Record {
	return slices.DeleteFunc(z.Unsigned(), func(r Record) bool { return !below(child, r.Name()) })
}
