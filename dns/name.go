package dns

import (
	"fmt"
	"net/netip"
	"strings"

	miekg "github.com/miekg/dns"
	"golang.org/x/net/idna"
)

// Canonical is name in lower case with its final dot.
func Canonical(name string) string { return miekg.CanonicalName(name) }

// Parent is the name without its first label; the root is its own parent.
func Parent(name string) string {
	off, end := miekg.NextLabel(name, 0)
	if end {
		return "."
	}
	return name[off:]
}

// Below reports whether name is zone or lies below it. Both are canonical.
func Below(zone, name string) bool {
	if zone == "." || name == zone {
		return true
	}
	if !strings.HasSuffix(name, zone) {
		return false
	}
	i := len(name) - len(zone)
	if name[i-1] != '.' {
		return false
	}
	// The dot is a separator unless an odd number of backslashes precedes it.
	n := 0
	for j := i - 2; j >= 0 && name[j] == '\\'; j-- {
		n++
	}
	return n%2 == 0
}

// suffix is the last n labels of name; it is the root for n = 0.
func suffix(name string, n int) string {
	for Labels(name) > n {
		name = Parent(name)
	}
	return name
}

func Labels(name string) int { return miekg.CountLabel(name) }

// CompareNames is the canonical order of names, from the root down (RFC 4034 §6.1).
func CompareNames(a, b string) int {
	la, lb := miekg.SplitDomainName(a), miekg.SplitDomainName(b)
	for i := 1; i <= len(la) && i <= len(lb); i++ {
		x, y := rawLabel(la[len(la)-i]), rawLabel(lb[len(lb)-i])
		if c := strings.Compare(x, y); c != 0 {
			return c
		}
	}
	return len(la) - len(lb)
}

// rawLabel resolves the escapes of a label in presentation form.
func rawLabel(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] != '\\' || i+1 == len(s):
			b.WriteByte(s[i])
		case i+3 < len(s) && digits(s[i+1:i+4]):
			b.WriteByte((s[i+1]-'0')*100 + (s[i+2]-'0')*10 + s[i+3] - '0')
			i += 3
		default:
			i++
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func digits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// Name turns what a person types into a name for the wire: letters outside
// ASCII become their xn-- form (RFC 5891), a final dot is added. The error says
// which rule of RFC 1035 §2.3.4 the name breaks.
func Name(s string) (string, error) {
	if s == "" {
		return "", fmt.Errorf("empty name: write a name such as www.example.com, or . for the root")
	}
	if !ascii(s) {
		u, err := idna.Lookup.ToASCII(strings.TrimSuffix(s, "."))
		if err != nil {
			return "", fmt.Errorf("name %q: %w", s, err)
		}
		s = u
	}
	fq := miekg.Fqdn(s)
	if _, ok := miekg.IsDomainName(fq); !ok {
		return "", fmt.Errorf("name %q: labels have 1 to 63 bytes and names at most 255", s)
	}
	return fq, nil
}

func ascii(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// ReverseName is the name under in-addr.arpa (RFC 1035 §3.5) or ip6.arpa (RFC
// 3596 §2.5) at which the PTR record of addr lives.
func ReverseName(addr netip.Addr) string {
	addr = addr.Unmap().WithZone("")
	s, err := miekg.ReverseAddr(addr.String())
	if err != nil { // the zero Addr
		return "."
	}
	return s
}
