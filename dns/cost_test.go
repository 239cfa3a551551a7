package dns

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"glassmail/wire"
)

// sameTag makes n keys with one number: it is a sum, and these have the same
// 16-bit words in another order.
func sameTag(t *testing.T, n int) []miekg.RR {
	t.Helper()
	pub, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	var out []miekg.RR
	for i := range n {
		b := append([]byte(nil), pub...)
		a, z := 2*(i%16), 2*((i/16+1+i)%16)
		b[a], b[z] = b[z], b[a]
		b[a+1], b[z+1] = b[z+1], b[a+1]
		out = append(out, &miekg.DNSKEY{Hdr: header("evil.com.", TypeDNSKEY, 60), Flags: miekg.ZONE | miekg.SEP, Protocol: 3, Algorithm: miekg.ED25519, PublicKey: base64.StdEncoding.EncodeToString(b)})
	}
	return out
}

// Keys and signatures made to keep a resolver busy cost it no more than stated, for
// one set and for all sets of a lookup.
func TestSignatureCost(t *testing.T) {
	clock := wire.NewManual(time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC))
	now := uint32(clock.Now().Unix())
	root, err := NewKeys(".", Ed25519, false)
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewResolver(ResolverOptions{Host: still{clock: clock}, Roots: []NameServer{{Name: "a.root."}}, Anchors: root.Public()})
	if err != nil {
		t.Fatal(err)
	}
	keys := sameTag(t, 30)
	tag := keys[0].(*miekg.DNSKEY).KeyTag()
	set := []miekg.RR{&miekg.TXT{Hdr: header("evil.com.", TypeTXT, 60), Txt: []string{"x"}}}
	var sigs []miekg.RR
	for range 30 {
		sigs = append(sigs, &miekg.RRSIG{Hdr: header("evil.com.", TypeRRSIG, 60), TypeCovered: miekg.TypeTXT, Algorithm: miekg.ED25519, Labels: 2, OrigTtl: 60,
			Expiration: now + 1000, Inception: now - 1000, KeyTag: tag, SignerName: "evil.com.", Signature: base64.StdEncoding.EncodeToString(make([]byte, 64))})
	}
	w := newWalk(r)
	fails := func(want string, sigs, keys []miekg.RR) {
		t.Helper()
		var broken *ChainError
		if err := w.signedBy("evil.com.", TypeTXT, set, sigs, keys); !errors.As(err, &broken) || !strings.Contains(err.Error(), want) {
			t.Fatalf("%v, want %s", err, want)
		}
	}
	fails("with the same number", sigs, keys)
	if w.verified != maxVerify {
		t.Errorf("%d signatures computed for one set, want %d", w.verified, maxVerify)
	}
	for w.verified < maxSignatures {
		fails("", sigs, keys)
	}
	fails("for one lookup", sigs, keys)
	fails("no more than 32", sigs, append(keys, keys[:3]...))
	fails("no more than 32", append(sigs, sigs[:3]...), keys)

	w = newWalk(r)
	many := &entry{key: key{".", TypeDNSKEY}, zone: "."}
	for range maxKeys + 1 {
		many.rrs = append(many.rrs, keys[0])
	}
	var broken *ChainError
	if _, err := w.judgeKeys(t.Context(), many); !errors.As(err, &broken) || !strings.Contains(err.Error(), "33 keys") {
		t.Errorf("a zone with many keys: %v", err)
	}

}

// Of a long proof a bounded part is looked at.
func TestDenialCost(t *testing.T) {
	clock := wire.NewManual(time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC))
	r, err := NewResolver(ResolverOptions{Host: still{clock: clock}, Roots: []NameServer{{Name: "a.root."}}})
	if err != nil {
		t.Fatal(err)
	}
	k, err := NewKeys("evil.com", Ed25519, false)
	if err != nil {
		t.Fatal(err)
	}
	w := newWalk(r)
	own := &entry{key: key{"evil.com.", TypeDNSKEY}, rrs: []miekg.RR{k.pairs[0].pub}, zone: "evil.com."}
	own.verdict.Store(secure)
	w.seen[own.key] = own
	nsec := &rrset{typ: TypeNSEC, rrs: []miekg.RR{&miekg.NSEC{Hdr: header("evil.com.", TypeNSEC, 60), NextDomain: "z.evil.com."}}}
	if err := k.signSet(nsec, clock.Now().Add(-time.Hour), clock.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	denied := &entry{key: key{"a.evil.com.", TypeA}, zone: "evil.com.", proof: nsec.sigs}
	for range 500 {
		denied.proof = append(denied.proof, nsec.rrs...)
	}
	if d, err := w.denial(t.Context(), denied); err != nil || len(d.nsecs) != maxDenials || w.verified > maxSignatures {
		t.Errorf("a long proof: %d records, %d signatures, %v", len(d.nsecs), w.verified, err)
	}
}
