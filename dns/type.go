package dns

import (
	"fmt"
	"strconv"
	"strings"

	miekg "github.com/miekg/dns"
)

// Type is the type of a record (RFC 1035 §3.2.2).
type Type uint16

// The types that this package treats in some way of their own. All others are
// carried, printed and served as well.
const (
	TypeA      Type = 1
	TypeNS     Type = 2
	TypeCNAME  Type = 5
	TypeSOA    Type = 6
	TypePTR    Type = 12
	TypeMX     Type = 15
	TypeTXT    Type = 16
	TypeAAAA   Type = 28
	TypeSRV    Type = 33
	TypeDNAME  Type = 39
	TypeOPT    Type = 41
	TypeDS     Type = 43
	TypeRRSIG  Type = 46
	TypeNSEC   Type = 47
	TypeDNSKEY Type = 48
	TypeIXFR   Type = 251
	TypeAXFR   Type = 252
	TypeANY    Type = 255
)

// String is the mnemonic, or TYPE123 for a type without one (RFC 3597 §5).
func (t Type) String() string {
	if s, ok := miekg.TypeToString[uint16(t)]; ok {
		return s
	}
	return "TYPE" + strconv.Itoa(int(t))
}

// MarshalText writes the mnemonic.
func (t Type) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads what ParseType reads.
func (t *Type) UnmarshalText(b []byte) error {
	v, err := ParseType(string(b))
	*t = v
	return err
}

// ParseType reads a mnemonic in any case, or TYPE123.
func ParseType(s string) (Type, error) {
	u := strings.ToUpper(s)
	if t, ok := miekg.StringToType[u]; ok {
		return Type(t), nil
	}
	if d, ok := strings.CutPrefix(u, "TYPE"); ok {
		if n, err := strconv.ParseUint(d, 10, 16); err == nil {
			return Type(n), nil
		}
	}
	return 0, fmt.Errorf("%q is not a record type; usual ones are A, AAAA, MX, NS, CNAME, TXT, SOA, PTR, ANY", s)
}

// Code is the outcome of a query (RFC 1035 §4.1.1, field RCODE).
type Code int

// The codes that servers of this package send.
const (
	NoError        Code = 0
	FormatError    Code = 1
	ServerFailure  Code = 2
	NameError      Code = 3 // the name does not exist: NXDOMAIN
	NotImplemented Code = 4
	Refused        Code = 5
	BadVersion     Code = 16 // of EDNS, RFC 6891 §9
)

// String is the mnemonic that dig prints.
func (c Code) String() string {
	if c == BadVersion { // the same number means BADSIG in TSIG
		return "BADVERS"
	}
	if s, ok := miekg.RcodeToString[int(c)]; ok {
		return s
	}
	return "RCODE" + strconv.Itoa(int(c))
}

// ClassText is the mnemonic of a class; IN for all usual records.
func ClassText(class uint16) string { return miekg.Class(class).String() }
