package dns

import (
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"glassmail/wire"

	miekg "github.com/miekg/dns"
)

// Limits of a cache.
const (
	defaultEntries = 50_000
	maxTTL         = 24 * time.Hour // no record is kept longer
	maxNegative    = 3 * time.Hour  // RFC 2308 §5
)

// Cache keeps what a resolver learned until its TTL is over. It is safe for
// concurrent use, and holds a bounded number of entries: when it is full, those
// nearest to their end go first.
type Cache struct {
	clock wire.Clock
	most  int

	version atomic.Uint64 // goes up when something is forgotten before its time
	dnames  atomic.Bool   // a DNAME record was put in here at some time

	mu      sync.Mutex
	entries map[key]*entry
	cuts    map[string]*delegation
}

// key names a set. The type 0 stands for "the name does not exist".
type key struct {
	name string
	typ  Type
}

// entry is one set of records, or the knowledge that there is none. Apart from
// its verdict it never changes once it is in a cache.
type entry struct {
	key
	code    Code       // NoError or NameError
	rrs     []miekg.RR // empty: there is no such record
	sigs    []miekg.RR
	proof   []miekg.RR // SOA and NSEC with their signatures
	dname   *entry     // the DNAME record that made this alias, or nil
	zone    string     // whose server said so
	from    netip.AddrPort
	expires time.Time
	verdict atomic.Int32 // what checking signatures said
}

// delegation says who serves a zone. Addresses come from glue and are used for
// asking only, never for answering.
type delegation struct {
	zone    string
	servers []NameServer
	from    netip.AddrPort // who referred to them; invalid for root hints
	expires time.Time
}

// NameServer is a name server's name and addresses.
type NameServer struct {
	Name  string
	Addrs []netip.Addr
}

// NewCache holds up to most entries; 0 is 50,000.
func NewCache(clock wire.Clock, most int) *Cache {
	if most <= 0 {
		most = defaultEntries
	}
	return &Cache{clock: clock, most: most, entries: map[key]*entry{}, cuts: map[string]*delegation{}}
}

// Entry is one line of the view of a cache.
type Entry struct {
	Name    string        `json:"name"`
	Type    string        `json:"type"`    // of the records; "NXDOMAIN" when the name does not exist, "referral" for the servers of a zone
	Data    []string      `json:"data"`    // the values; empty when there are none
	From    string        `json:"from"`    // address of the server that said so
	Zone    string        `json:"zone"`    // the zone for which that server was asked
	Left    time.Duration `json:"left"`    // until it is forgotten, in nanoseconds
	Verdict string        `json:"verdict"` // what checking signatures said: secure, insecure; "" when not checked
}

// Entries lists what is in the cache, by name from the root down.
func (c *Cache) Entries() []Entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock.Now()
	out := make([]Entry, 0, len(c.entries)+len(c.cuts))
	for _, d := range c.cuts {
		if left := d.expires.Sub(now); left > 0 {
			out = append(out, Entry{Name: d.zone, Type: "referral", Data: d.text(), From: d.from.String(), Zone: Parent(d.zone), Left: left})
		}
	}
	for _, e := range c.entries {
		if left := e.expires.Sub(now); left > 0 {
			out = append(out, e.view(left))
		}
	}
	slices.SortFunc(out, func(a, b Entry) int {
		if n := CompareNames(a.Name, b.Name); n != 0 {
			return n
		}
		return strings.Compare(a.Type, b.Type)
	})
	return out
}

func (e *entry) view(left time.Duration) Entry {
	v := Entry{Name: e.name, Type: e.typ.String(), Data: []string{}, From: e.from.String(), Zone: e.zone, Left: left, Verdict: verdictWord(e.verdict.Load())}
	if e.code == NameError {
		v.Type = NameError.String()
	}
	for _, rr := range e.rrs {
		v.Data = append(v.Data, Record{rr}.Data())
	}
	return v
}

func (d *delegation) text() []string {
	var out []string
	for _, s := range d.servers {
		t := s.Name
		for _, a := range s.Addrs {
			t += " " + a.String()
		}
		out = append(out, t)
	}
	return out
}

// Flush forgets everything.
func (c *Cache) Flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.entries)
	clear(c.cuts)
	c.version.Add(1)
}

// FlushName forgets what is known at and below name, referrals too, and returns
// the number of entries that went.
func (c *Cache) FlushName(name string) int {
	name = Canonical(name)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.version.Add(1)
	n := 0
	for k := range c.entries {
		if Below(name, k.name) {
			delete(c.entries, k)
			n++
		}
	}
	for z := range c.cuts {
		if Below(name, z) {
			delete(c.cuts, z)
			n++
		}
	}
	return n
}

// get finds what is known about name and t: the records, or that there are none.
// A name that does not exist has no names below it either (RFC 8020 §2).
func (c *Cache) get(name string, t Type) *entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock.Now()
	if e := c.live(key{name, t}, now); e != nil {
		return e
	}
	for n := name; ; n = Parent(n) {
		if e := c.live(key{n, 0}, now); e != nil {
			return e
		}
		if n == "." {
			return nil
		}
	}
}

func (c *Cache) live(k key, now time.Time) *entry {
	e := c.entries[k]
	if e == nil || !e.expires.After(now) {
		return nil
	}
	return e
}

// put keeps e for at most ttl. What is known already about an existing name
// gives way: the newest word of an authority holds.
func (c *Cache) put(e *entry, ttl time.Duration) {
	limit := maxTTL
	if len(e.rrs) == 0 {
		limit = maxNegative
	}
	if ttl = min(ttl, limit); ttl <= 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e.expires = c.clock.Now().Add(ttl)
	if _, ok := c.entries[e.key]; !ok {
		c.room()
	}
	c.entries[e.key] = e
	if e.typ == TypeDNAME && len(e.rrs) > 0 {
		c.dnames.Store(true)
	}
	if e.typ != 0 {
		delete(c.entries, key{e.name, 0})
	}
}

// drop forgets e, unless something newer stands in its place.
func (c *Cache) drop(e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries[e.key] == e {
		delete(c.entries, e.key)
		c.version.Add(1)
	}
}

// room makes place for one more entry or referral.
func (c *Cache) room() {
	const look = 16 // entries weighed against each other
	if len(c.entries)+len(c.cuts) < c.most {
		return
	}
	var victim *entry
	n := 0
	for _, e := range c.entries { // a random few: map order
		if victim == nil || e.expires.Before(victim.expires) {
			victim = e
		}
		if n++; n == look {
			break
		}
	}
	if victim != nil {
		delete(c.entries, victim.key)
		return
	}
	for z := range c.cuts {
		delete(c.cuts, z)
		return
	}
}

// closest is the known delegation nearest to name, nil if only the root is left.
func (c *Cache) closest(name string) *delegation {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock.Now()
	for ; name != "."; name = Parent(name) {
		if d := c.cuts[name]; d != nil && d.expires.After(now) {
			return d
		}
	}
	return nil
}

func (c *Cache) putCut(d *delegation, ttl time.Duration) {
	if ttl = min(ttl, maxTTL); ttl <= 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	d.expires = c.clock.Now().Add(ttl)
	if c.cuts[d.zone] == nil {
		c.room()
	}
	c.cuts[d.zone] = d
}

// ttlOf is the time to live of a set in seconds; a value with the top bit set
// counts as 0 (RFC 2181 §8).
func ttlOf(sets ...[]miekg.RR) time.Duration {
	least := uint32(1<<31 - 1)
	for _, rrs := range sets {
		for _, rr := range rrs {
			t := rr.Header().Ttl
			if t > 1<<31-1 {
				t = 0
			}
			least = min(least, t)
		}
	}
	return time.Duration(least) * time.Second
}

// aged copies records with their TTL set to what is left of it.
func aged(section, rrs []miekg.RR, left time.Duration) []miekg.RR {
	ttl := uint32(max(left/time.Second, 0))
	for _, rr := range rrs {
		rr = miekg.Copy(rr)
		rr.Header().Ttl = min(ttl, rr.Header().Ttl)
		section = append(section, rr)
	}
	return section
}
