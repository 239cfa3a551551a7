package dns

import (
	"crypto"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	miekg "github.com/miekg/dns"
)

// Algorithm is how a zone is signed (RFC 8624 §3.1).
type Algorithm uint8

// The algorithms that Keys can have.
const (
	ECDSAP256 Algorithm = 13
	Ed25519   Algorithm = 15
)

// Lifetimes of signatures that Sign makes.
const (
	signedBefore  = time.Hour           // how far inception lies back, for clocks that go wrong
	SignatureLife = 30 * 24 * time.Hour // until expiration
)

// Keys signs one zone: with one key for all (a combined signing key), or with a
// key-signing key for the DNSKEY set and a zone-signing key for the rest.
type Keys struct {
	zone  string
	pairs []pair // one, or the key-signing key and then the zone-signing key
}

type pair struct {
	pub  *miekg.DNSKEY
	sign crypto.Signer
}

// NewKeys makes fresh keys for a zone; split makes two.
func NewKeys(zone string, a Algorithm, split bool) (*Keys, error) {
	if a != ECDSAP256 && a != Ed25519 {
		return nil, fmt.Errorf("keys for %s: algorithm %d: want 13 (ECDSA P-256) or 15 (Ed25519)", zone, a)
	}
	k := &Keys{zone: Canonical(zone)}
	flags := []uint16{miekg.ZONE | miekg.SEP}
	if split {
		flags = append(flags, miekg.ZONE)
	}
	for _, f := range flags {
		p, err := newPair(k.zone, a, f)
		if err != nil {
			return nil, fmt.Errorf("keys for %s: %w", zone, err)
		}
		k.pairs = append(k.pairs, p)
	}
	return k, nil
}

func newPair(zone string, a Algorithm, flags uint16) (pair, error) {
	pub := &miekg.DNSKEY{
		Hdr:   miekg.RR_Header{Name: zone, Rrtype: miekg.TypeDNSKEY, Class: miekg.ClassINET, Ttl: 3600},
		Flags: flags, Protocol: 3, Algorithm: uint8(a),
	}
	priv, err := pub.Generate(256)
	for err == nil && pub.KeyTag() == 0 { // one in 65536; the library does not sign with such a key
		priv, err = pub.Generate(256)
	}
	if err != nil {
		return pair{}, err
	}
	s, ok := priv.(crypto.Signer)
	if !ok {
		return pair{}, errors.New("the key cannot sign")
	}
	return pair{pub, s}, nil
}

// DS is the record that the zone above publishes to vouch for the keys: the
// SHA-256 digest of the key that signs the others (RFC 4509).
func (k *Keys) DS() Record {
	ds := k.pairs[0].pub.ToDS(miekg.SHA256)
	ds.Hdr = miekg.RR_Header{Name: k.zone, Rrtype: miekg.TypeDS, Class: miekg.ClassINET, Ttl: 3600}
	return Record{ds}
}

// Public is the DNSKEY records.
func (k *Keys) Public() []Record {
	var out []Record
	for _, p := range k.pairs {
		out = append(out, Record{p.pub})
	}
	return out
}

// Sign is a copy of the zone with keys, denial records and signatures that hold
// around now: from an hour before to 30 days after.
func (z *Zone) Sign(k *Keys, now time.Time) (*Zone, error) {
	return z.SignBetween(k, now.Add(-signedBefore), now.Add(SignatureLife))
}

// SignBetween is Sign with signatures that hold from one time until another.
func (z *Zone) SignBetween(k *Keys, from, until time.Time) (*Zone, error) {
	if k.zone != z.origin {
		return nil, fmt.Errorf("sign %s: the keys belong to %s", z.origin, k.zone)
	}
	b := newBuilder(z.origin)
	for _, rr := range z.rrs(false) {
		if err := b.add(rr); err != nil {
			return nil, fmt.Errorf("sign %s: %w", z.origin, err)
		}
	}
	for _, p := range k.pairs {
		if err := b.add(p.pub); err != nil {
			return nil, fmt.Errorf("sign %s: %w", z.origin, err)
		}
	}
	owners := b.z.owners()
	if err := b.addDenials(owners); err != nil {
		return nil, fmt.Errorf("sign %s: %w", z.origin, err)
	}
	for _, name := range owners {
		for _, s := range b.z.nodes[name].sets {
			if cut := b.z.Cut(name); cut != "" && s.typ != TypeDS && s.typ != TypeNSEC {
				continue // NS and glue at a cut belong to the zone below, RFC 4035 §2.2
			}
			if err := k.signSet(s, from, until); err != nil {
				return nil, fmt.Errorf("sign %s %s: %w", name, s.typ, err)
			}
		}
	}
	nz, err := b.finish()
	if err != nil {
		return nil, fmt.Errorf("sign %s: %w", z.origin, err)
	}
	return nz, nil
}

// owners lists the names with authoritative data or a delegation, in canonical
// order: those that get an NSEC record (RFC 4035 §2.3).
func (z *Zone) owners() []string {
	var out []string
	for name, n := range z.nodes {
		if cut := z.Cut(name); len(n.sets) > 0 && (cut == "" || cut == name) {
			out = append(out, name)
		}
	}
	slices.SortFunc(out, CompareNames)
	return out
}

// addDenials links the owners by NSEC records (RFC 4034 §4).
func (b *builder) addDenials(owners []string) error {
	soa := b.z.soa()
	for i, name := range owners {
		types := []uint16{miekg.TypeRRSIG, miekg.TypeNSEC}
		for _, s := range b.z.nodes[name].sets {
			if b.z.Cut(name) == "" || s.typ == TypeNS || s.typ == TypeDS {
				types = append(types, uint16(s.typ))
			}
		}
		slices.Sort(types)
		err := b.add(&miekg.NSEC{
			Hdr:        miekg.RR_Header{Name: name, Rrtype: miekg.TypeNSEC, Class: miekg.ClassINET, Ttl: min(soa.Minttl, soa.Hdr.Ttl)}, // RFC 9077 §3.1
			NextDomain: owners[(i+1)%len(owners)], TypeBitMap: types,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// signSet signs one set: DNSKEY with the key that the zone above vouches for,
// others with the last key.
func (k *Keys) signSet(s *rrset, from, until time.Time) error {
	p := k.pairs[len(k.pairs)-1]
	if s.typ == TypeDNSKEY {
		p = k.pairs[0]
	}
	h := s.rrs[0].Header()
	sig := &miekg.RRSIG{
		Hdr:       miekg.RR_Header{Name: h.Name, Rrtype: miekg.TypeRRSIG, Class: miekg.ClassINET, Ttl: h.Ttl},
		Algorithm: p.pub.Algorithm, KeyTag: p.pub.KeyTag(), SignerName: k.zone,
		Inception: uint32(from.Unix()), Expiration: uint32(until.Unix()),
	}
	if err := sig.Sign(p.sign, s.rrs); err != nil {
		return err
	}
	s.sigs = []miekg.RR{sig}
	return nil
}

// AnchorFile is trust anchors in the form that delv and named read.
func AnchorFile(anchors []Record) string {
	var b strings.Builder
	b.WriteString("trust-anchors {\n")
	for _, a := range anchors {
		if k, ok := a.rr.(*miekg.DNSKEY); ok {
			fmt.Fprintf(&b, "\t%q static-key %d %d %d %q;\n", k.Hdr.Name, k.Flags, k.Protocol, k.Algorithm, k.PublicKey)
		}
	}
	b.WriteString("};\n")
	return b.String()
}

// AnchorRecords is trust anchors as lines of master text: the form of Unbound's
// trust-anchor-file.
func AnchorRecords(anchors []Record) string {
	var b strings.Builder
	for _, a := range anchors {
		b.WriteString(a.String() + "\n")
	}
	return b.String()
}

// HintsFile is root hints in the form that recursive servers read.
func HintsFile(roots []NameServer) string {
	var b strings.Builder
	for _, s := range roots {
		fmt.Fprintf(&b, ".\t3600000\tIN\tNS\t%s\n", s.Name)
		for _, a := range s.Addrs {
			b.WriteString(AddressRecord(s.Name, a, 3600000).String() + "\n")
		}
	}
	return b.String()
}
