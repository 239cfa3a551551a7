package auth

import (
	"context"
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// cheap is a hash of "ketchup" that takes little to check.
func cheap(t testing.TB) string {
	t.Helper()
	h := passwordHash{memory: 8, time: 1, threads: 1, salt: []byte("saltsalt")}
	h.key = h.derive("ketchup", 16)
	return h.String()
}

func TestPassword(t *testing.T) {
	h, err := HashPassword("pickles")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(h, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hash is %s", h)
	}
	if again, _ := HashPassword("pickles"); again == h {
		t.Error("two hashes have the same salt")
	}
	for password, want := range map[string]bool{"pickles": true, "Pickles": false, "": false, strings.Repeat("x", MaxPassword+1): false} {
		if ok, err := CheckPassword(h, password); ok != want || err != nil {
			t.Errorf("%.20q: %v, %v", password, ok, err)
		}
	}
	for _, bad := range []string{"", strings.Repeat("x", MaxPassword+1)} {
		if _, err := HashPassword(bad); err == nil {
			t.Errorf("%.20q: no error", bad)
		}
	}
}

// The reference implementation's own vector: argon2 -id, "password", "somesalt",
// t=2, m=65536, p=1.
func TestPasswordVector(t *testing.T) {
	const stored = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	if ok, err := CheckPassword(stored, "password"); !ok || err != nil {
		t.Errorf("got %v, %v", ok, err)
	}
}

func TestPasswordStored(t *testing.T) {
	good := cheap(t)
	if ok, err := CheckPassword(good, "ketchup"); !ok || err != nil {
		t.Fatalf("got %v, %v", ok, err)
	}
	if ok, err := CheckPassword("", "ketchup"); ok || err != nil {
		t.Errorf("locked account: %v, %v", ok, err)
	}
	for _, change := range [][2]string{
		{"argon2id", "argon2i"}, {"v=19", "v=16"}, {"m=8", "m=0"}, {"m=8", "m=999999999"}, {"m=8", "m=99999999999"}, {"m=8", "8"},
		{"t=1", "t=0"}, {"t=1", "t=17"}, {"p=1", "p=0"}, {"p=1", "p=300"}, {"p=1", "p=1,x=2"}, {"$argon", "argon"},
		{"c2FsdHNhbHQ", "c2Fsd"}, {"c2FsdHNhbHQ", "!"}, {"c2FsdHNhbHQ", strings.Repeat("AAAA", 50)},
	} {
		bad := strings.Replace(good, change[0], change[1], 1)
		if bad == good {
			t.Fatalf("%s is not in %s", change[0], good)
		}
		if ok, err := CheckPassword(bad, "ketchup"); ok || err == nil {
			t.Errorf("%s: %v, %v", bad, ok, err)
		}
	}
}

func FuzzParseHash(f *testing.F) {
	f.Add(cheap(f))
	f.Add("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	f.Fuzz(func(t *testing.T, s string) {
		h, err := parseHash(s)
		if err != nil {
			return
		}
		if h.memory > maxHashMemory || h.time == 0 || h.time > maxHashTime || h.threads == 0 || h.threads > maxHashLanes {
			t.Errorf("%s has the cost %+v", s, h)
		}
		if again, err := parseHash(h.String()); err != nil || again.String() != h.String() {
			t.Errorf("%s: %v", s, err)
		}
	})
}

// verifier is one with a clock of its own.
func verifier(t *testing.T, concurrent int) (v *Verifier, advance func(time.Duration)) {
	t.Helper()
	now := time.Unix(1, 0)
	v, err := NewVerifier(concurrent, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	return v, func(d time.Duration) { now = now.Add(d) }
}

func TestVerifierRemembers(t *testing.T) {
	v, advance := verifier(t, 1)
	ctx := context.Background()
	stored := cheap(t)
	if ok, err := v.Check(ctx, netip.Addr{}, stored, "ketchup"); !ok || err != nil {
		t.Fatalf("got %v, %v", ok, err)
	}
	v.turns.Take(ctx, "") // from here on nothing can be hashed
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if ok, err := v.Check(gone, netip.Addr{}, stored, "ketchup"); !ok || err != nil {
		t.Errorf("a success was not remembered: %v, %v", ok, err)
	}
	for _, password := range []string{"", "pickles"} {
		if ok, err := v.Check(gone, netip.Addr{}, stored, password); ok || !errors.Is(err, context.Canceled) {
			t.Errorf("%q was not hashed: %v, %v", password, ok, err)
		}
	}
	if ok, err := v.Check(gone, netip.Addr{}, strings.Replace(stored, "m=8", "m=9", 1), "ketchup"); ok || !errors.Is(err, context.Canceled) {
		t.Errorf("remembered for another hash: %v, %v", ok, err)
	}
	advance(rememberFor)
	if ok, err := v.Check(gone, netip.Addr{}, stored, "ketchup"); ok || !errors.Is(err, context.Canceled) {
		t.Errorf("remembered too long: %v, %v", ok, err)
	}
}

func TestVerifierUnknownUserIsHashed(t *testing.T) {
	v, _ := verifier(t, 1)
	v.turns.Take(context.Background(), "")
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	for _, c := range [][2]string{{"", "x"}, {cheap(t), strings.Repeat("x", MaxPassword+1)}} {
		if ok, err := v.Check(gone, netip.Addr{}, c[0], c[1]); ok || !errors.Is(err, context.Canceled) {
			t.Errorf("%.20q, %.5q: answered without a hash: %v, %v", c[0], c[1], ok, err)
		}
	}
	v.turns.Give()
	for _, password := range []string{"x", ""} {
		if ok, err := v.Check(context.Background(), netip.Addr{}, "", password); ok || err != nil {
			t.Errorf("got %v, %v", ok, err)
		}
	}
}

func TestVerifierConcurrent(t *testing.T) {
	v, _ := verifier(t, 2)
	stored := cheap(t)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			password := map[bool]string{true: "ketchup", false: "pickles" + strconv.Itoa(i)}[i%2 == 0]
			if ok, err := v.Check(context.Background(), netip.Addr{}, stored, password); ok != (i%2 == 0) || err != nil {
				t.Errorf("%s: %v, %v", password, ok, err)
			}
		})
	}
	wg.Wait()
	if v.turns.free != 2 || len(v.turns.waiting) != 0 {
		t.Errorf("%d places are free, %d clients wait", v.turns.free, len(v.turns.waiting))
	}
}

func TestVerifierMemoryIsBounded(t *testing.T) {
	v, _ := verifier(t, 1)
	for i := range 3 * rememberMost {
		v.remember(v.mark("x", strconv.Itoa(i)))
		if len(v.known) > rememberMost {
			t.Fatalf("%d successes are remembered", len(v.known))
		}
	}
}

func BenchmarkVerifier(b *testing.B) {
	v, err := NewVerifier(2, time.Now)
	if err != nil {
		b.Fatal(err)
	}
	stored, _ := HashPassword("ketchup")
	for name, password := range map[string]string{"remembered": "ketchup", "wrong": "pickles"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := v.Check(context.Background(), netip.Addr{}, stored, password); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
