package wire

import "net/netip"

// SameMachine reports that both ends of a connection are this machine: both addresses
// are loopback, or they are the same address. What passes between them crosses no
// network, so that a password need not be encrypted (RFC 8314 §4.1 is about networks).
func SameMachine(local, remote netip.Addr) bool {
	local, remote = local.Unmap(), remote.Unmap()
	return remote.IsLoopback() && local.IsLoopback() || remote.IsValid() && remote == local && !remote.IsUnspecified()
}

// PlainLogin is from where a password may come without TLS. The zero value is the rule
// for everybody: from this machine only.
type PlainLogin struct {
	Networks []netip.Prefix // others from which it may come, by the operator's wish
	All      bool           // from everywhere: a lab, whose network is in this process
}

// Allows decides for one connection.
func (p PlainLogin) Allows(local, remote netip.Addr) bool {
	if p.All || SameMachine(local, remote) {
		return true
	}
	for _, n := range p.Networks {
		if n.Contains(remote.Unmap()) {
			return true
		}
	}
	return false
}
