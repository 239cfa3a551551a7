package mailbox

import (
	"strings"

	"golang.org/x/text/unicode/norm"

	"glassmail/mail"
	"glassmail/message"
)

// Separator divides a local part from its detail (RFC 5233 §1).
const Separator = '+'

// Canonical is the form of an address under which accounts and aliases are kept,
// so that people need not type it as it was created: the local part in lower
// case as far as it is ASCII and composed (Unicode NFC, RFC 6532 §3.1), without
// quotes; the domain in A-labels and lower case. A local part without a domain,
// such as <postmaster>, stays without.
func Canonical(a mail.Address) string {
	local := message.Lower(norm.NFC.String(a.Local))
	if a.Domain == "" {
		return local
	}
	return local + "@" + a.Route()
}

// CanonicalString is Canonical for an address as a person types it. It reports
// false if it is none.
func CanonicalString(s string) (string, bool) {
	a, err := mail.ParseAddress(strings.TrimSpace(s), true)
	if err != nil || a.Domain == "" {
		return "", false
	}
	return Canonical(a), true
}

// Detail divides an address with a detail, such as bob+lists@hamburger.edu, into
// the address without it and the detail. An address that has none, or nothing in
// front of it, is returned as it is.
func Detail(a mail.Address) (base mail.Address, detail string) {
	i := strings.IndexByte(a.Local, Separator)
	if i <= 0 {
		return a, ""
	}
	return mail.Address{Local: a.Local[:i], Domain: a.Domain}, a.Local[i+1:]
}
