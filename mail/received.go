package mail

import (
	"net/netip"
	"strings"
	"time"
)

// Received is a trace line (RFC 5321 §4.4).
type Received struct {
	Helo     string     // what the client called itself
	Addr     netip.Addr // its address
	By       string     // the server that writes the line
	Protocol string     // ESMTPS and so on
	TLS      string     // noted in a comment
	ID       string     // the message's name on that server
	For      Address    // only when there is a single recipient, else null
	Time     time.Time
}

// String is the header field with its folding and final CRLF, ready to be put
// before the message.
func (r Received) String() string {
	var b strings.Builder
	helo := r.Helo
	if helo == "" || strings.ContainsAny(helo, " ()<>\"\\") || strings.ContainsFunc(helo, IsControl) {
		helo = "unknown"
	}
	b.Grow(256)
	say := func(parts ...string) {
		for _, part := range parts {
			b.WriteString(part)
		}
	}
	say("Received: from ", helo, " (", literal(r.Addr), ")\r\n\tby ", r.By, " with ", r.Protocol)
	if r.TLS != "" {
		say("\r\n\t(", r.TLS, ")")
	}
	say(" id ", r.ID)
	if !r.For.IsNull() {
		say("\r\n\tfor ", r.For.Path())
	}
	say("; ", Date(r.Time), "\r\n")
	return b.String()
}

// Date is a time in the form of RFC 5322 §3.3.
func Date(t time.Time) string { return t.Format("Mon, 2 Jan 2006 15:04:05 -0700") }

// literal is an IP address as RFC 5321 §4.1.3 writes it.
func literal(ip netip.Addr) string {
	switch {
	case !ip.IsValid():
		return "[unknown]"
	case ip.Unmap().Is4():
		return "[" + ip.Unmap().String() + "]"
	}
	return "[IPv6:" + ip.WithZone("").String() + "]"
}
