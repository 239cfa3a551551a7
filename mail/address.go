// Package mail holds the words of mail that every other package speaks:
// addresses, envelopes, replies, trace lines and delivery reports. It imports
// nothing of glassmail.
package mail

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// Size limits of RFC 5321 §4.5.3.1, in bytes.
const (
	MaxLocal  = 64
	MaxDomain = 255
	MaxPath   = 256 // with the angle brackets
)

// Address is a mailbox as SMTP names it, local-part@domain (RFC 5321 §4.1.2).
// Local is kept without quoting and with its case as it came; Domain is in lower
// case, in the form in which it arrived (A-labels or U-labels). The zero Address
// is the null reverse-path <>.
type Address struct {
	Local, Domain string
}

// IsNull reports whether a is the null reverse-path.
func (a Address) IsNull() bool { return a == Address{} }

// String is the address with its local part quoted if it must be; the null
// reverse-path prints as "". What it prints, ParseAddress reads back.
func (a Address) String() string {
	switch {
	case a.IsNull():
		return ""
	case a.Domain == "": // RFC 5321 §4.5.1: <postmaster> without a domain
		return quoteLocal(a.Local)
	}
	return quoteLocal(a.Local) + "@" + a.Domain
}

// Path is the address in angle brackets.
func (a Address) Path() string { return "<" + a.String() + ">" }

// Named is the address as people and logs name a reverse-path: the null one is <>.
func (a Address) Named() string {
	if a.IsNull() {
		return "<>"
	}
	return a.String()
}

// ASCII reports whether the address can be sent to a server that does not offer
// SMTPUTF8.
func (a Address) ASCII() bool { return isASCII(a.Local) && isASCII(a.Domain) }

// Route is the domain as DNS knows it, in A-labels and lower case; an address
// literal is returned as it is. It is the unit by which mail is scheduled.
func (a Address) Route() string {
	if strings.HasPrefix(a.Domain, "[") {
		return a.Domain
	}
	d, err := idna.Lookup.ToASCII(a.Domain)
	if err != nil {
		return a.Domain
	}
	return strings.ToLower(d)
}

// Literal returns the IP address of a domain such as [192.0.2.1] or
// [IPv6:2001:db8::1] (RFC 5321 §4.1.3).
func (a Address) Literal() (netip.Addr, bool) {
	s, ok := strings.CutPrefix(a.Domain, "[")
	if !ok {
		return netip.Addr{}, false
	}
	s = strings.TrimSuffix(s, "]")
	if v6, ok := cutPrefixFold(s, "IPv6:"); ok {
		ip, err := netip.ParseAddr(v6)
		return ip, err == nil && ip.Is6()
	}
	ip, err := netip.ParseAddr(s)
	return ip, err == nil && ip.Is4()
}

// ParseAddress reads local-part@domain, all of s. Addresses with bytes above 127
// are accepted only if utf8ok (RFC 6531 §3.3). Source routes are not accepted.
func ParseAddress(s string, utf8ok bool) (Address, error) {
	local, rest, err := parseLocal(s, utf8ok)
	if err != nil {
		return Address{}, err
	}
	d, ok := strings.CutPrefix(rest, "@")
	if !ok {
		if rest == "" && strings.EqualFold(local, "postmaster") {
			return Address{Local: local}, nil // RFC 5321 §4.5.1
		}
		if rest == "" {
			return Address{}, errors.New("the @domain is missing")
		}
		return Address{}, fmt.Errorf("%q may not stand in a local part without quotes", firstRune(rest))
	}
	d, err = ParseDomain(d, utf8ok)
	if err != nil {
		return Address{}, err
	}
	if len(local)+len(d)+3 > MaxPath {
		return Address{}, fmt.Errorf("the path is longer than %d bytes", MaxPath)
	}
	return Address{Local: local, Domain: d}, nil
}

// ParsePath reads a path, <local-part@domain> or <>, at the start of s and
// returns what follows it. A source route, <@a,@b:user@c>, is read and dropped
// (RFC 5321 §4.1.2, Appendix C). An address without brackets ends at the first
// blank: many people type it so.
func ParsePath(s string, utf8ok bool) (Address, string, error) {
	inner, bracketed := strings.CutPrefix(s, "<")
	if !bracketed {
		end := endOfPath(s, ' ')
		a, err := ParseAddress(s[:end], utf8ok)
		return a, s[end:], err
	}
	end := endOfPath(inner, '>')
	if end == len(inner) {
		return Address{}, "", errors.New("the closing > is missing")
	}
	rest := inner[end+1:]
	if rest != "" && rest[0] != ' ' {
		return Address{}, "", fmt.Errorf("a blank is missing after %q", s[:end+2])
	}
	inner = inner[:end]
	if inner == "" {
		return Address{}, rest, nil
	}
	if strings.HasPrefix(inner, "@") {
		i := strings.IndexByte(inner, ':')
		if i < 0 {
			return Address{}, "", errors.New("the source route has no colon")
		}
		inner = inner[i+1:]
	}
	a, err := ParseAddress(inner, utf8ok)
	return a, rest, err
}

// endOfPath is the index of stop outside quotes, or len(s).
func endOfPath(s string, stop byte) int {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && c == stop:
			return i
		}
	}
	return len(s)
}

// parseLocal reads a dot-string or a quoted string (RFC 5321 §4.1.2).
func parseLocal(s string, utf8ok bool) (local, rest string, err error) {
	if strings.HasPrefix(s, `"`) {
		local, rest, err = parseQuoted(s[1:], utf8ok)
	} else {
		i := 0
		for i < len(s) && (isAtext(s[i]) || s[i] == '.' || s[i] >= 0x80 && utf8ok) {
			i++
		}
		local, rest = s[:i], s[i:]
		switch {
		case rest != "" && rest[0] >= 0x80:
			return "", "", errors.New("it has non-ASCII characters: that needs the parameter SMTPUTF8")
		case local == "":
			return "", "", errors.New("the part before the @ is missing")
		case local[0] == '.' || local[i-1] == '.' || strings.Contains(local, ".."):
			return "", "", errors.New("a dot may only stand between other characters")
		case !utf8.ValidString(local):
			return "", "", errors.New("it is not valid UTF-8")
		}
	}
	if err == nil && strings.ContainsFunc(local, IsControl) {
		err = errors.New("it has a control character")
	}
	if err == nil && len(local) > MaxLocal {
		err = fmt.Errorf("the part before the @ is longer than %d bytes", MaxLocal)
	}
	return local, rest, err
}

// parseQuoted reads up to the closing quote of a quoted string.
func parseQuoted(s string, utf8ok bool) (local, rest string, err error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '"':
			if !utf8.ValidString(b.String()) {
				return "", "", errors.New("it is not valid UTF-8")
			}
			return b.String(), s[i+1:], nil
		case c == '\\':
			i++
			if i == len(s) || s[i] < ' ' || s[i] > '~' {
				return "", "", errors.New(`a \ must be followed by a printable ASCII character`)
			}
			b.WriteByte(s[i])
		case c < ' ' || c == 0x7f:
			return "", "", errors.New("it has a control character")
		case c >= 0x80 && !utf8ok:
			return "", "", errors.New("it has non-ASCII characters: that needs the parameter SMTPUTF8")
		default:
			b.WriteByte(c)
		}
	}
	return "", "", errors.New("the closing quote is missing")
}

// ParseDomain checks a domain name or an address literal (RFC 5321 §2.3.5,
// §4.1.3) and returns it in lower case.
func ParseDomain(d string, utf8ok bool) (string, error) {
	switch {
	case d == "":
		return "", errors.New("the domain is empty")
	case len(d) > MaxDomain:
		return "", fmt.Errorf("the domain is longer than %d bytes", MaxDomain)
	case strings.HasPrefix(d, "["):
		if _, ok := (Address{Domain: d}).Literal(); !ok || !strings.HasSuffix(d, "]") {
			return "", fmt.Errorf("%s is not an address literal such as [192.0.2.1]", printable(d))
		}
		return d, nil
	case !isASCII(d):
		return parseIDN(d, utf8ok)
	}
	for label := range strings.SplitSeq(d, ".") {
		if err := checkLabel(label); err != nil {
			return "", err
		}
	}
	return strings.ToLower(d), nil
}

func parseIDN(d string, utf8ok bool) (string, error) {
	if !utf8ok {
		return "", errors.New("it has non-ASCII characters: that needs the parameter SMTPUTF8")
	}
	ascii, err := idna.Lookup.ToASCII(d)
	if err != nil || !utf8.ValidString(d) {
		return "", fmt.Errorf("%s is not an internationalised domain name", printable(d))
	}
	for label := range strings.SplitSeq(ascii, ".") {
		if err := checkLabel(label); err != nil {
			return "", err
		}
	}
	return strings.ToLower(d), nil
}

// checkLabel holds one label to RFC 5321 §4.1.2 (sub-domain) and RFC 1035 §2.3.4.
func checkLabel(l string) error {
	switch {
	case l == "":
		return errors.New("the domain has an empty label")
	case len(l) > 63:
		return errors.New("a label of the domain is longer than 63 bytes")
	case l[0] == '-' || l[len(l)-1] == '-':
		return fmt.Errorf("the label %q begins or ends with a hyphen", l)
	}
	for i := 0; i < len(l); i++ {
		if c := l[i]; !isLetDig(c) && c != '-' && c != '_' { // the underscore is not allowed, yet in use
			return fmt.Errorf("%s may not stand in a domain", printable(firstRune(l[i:])))
		}
	}
	return nil
}

// quoteLocal writes a local part as a dot-string if it is one, else quoted.
func quoteLocal(l string) string {
	if got, rest, err := parseLocal(l, true); err == nil && rest == "" && got == l {
		return l
	}
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(l); i++ {
		if l[i] == '"' || l[i] == '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(l[i])
	}
	b.WriteByte('"')
	return b.String()
}

func isLetDig(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// isAtext reports a character of an atom (RFC 5322 §3.2.3).
func isAtext(c byte) bool {
	return isLetDig(c) || strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

func firstRune(s string) string {
	_, n := utf8.DecodeRuneInString(s)
	return s[:n]
}

// printable makes client text fit to stand in a reply.
func printable(s string) string { return fmt.Sprintf("%q", s) }

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
		return s[len(prefix):], true
	}
	return s, false
}
