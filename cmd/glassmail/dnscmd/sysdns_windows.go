package dnscmd

import (
	"net/netip"
	"slices"
	"unsafe"

	"golang.org/x/sys/windows"
)

// systemServers are the name servers that Windows has for the network adapters
// that are up, and where that stands.
func systemServers() ([]netip.AddrPort, string) {
	const where = "the settings of the network adapters"
	size := uint32(32 << 10)
	for range 3 { // the table may grow between two calls
		buf := make([]byte, size)
		first := (*windows.IpAdapterAddresses)(unsafe.Pointer(&buf[0]))
		err := windows.GetAdaptersAddresses(windows.AF_UNSPEC, windows.GAA_FLAG_SKIP_ANYCAST|windows.GAA_FLAG_SKIP_MULTICAST, 0, first, &size)
		if err == nil {
			return serversOf(first), where
		}
		if err != windows.ERROR_BUFFER_OVERFLOW {
			break
		}
	}
	return nil, where
}

func serversOf(first *windows.IpAdapterAddresses) []netip.AddrPort {
	var out []netip.AddrPort
	for a := first; a != nil; a = a.Next {
		if a.OperStatus != windows.IfOperStatusUp {
			continue
		}
		for s := a.FirstDnsServerAddress; s != nil; s = s.Next {
			addr, ok := netip.AddrFromSlice(s.Address.IP())
			if !ok {
				continue
			}
			if at := netip.AddrPortFrom(addr.Unmap(), 53); !slices.Contains(out, at) {
				out = append(out, at)
			}
		}
	}
	return out
}

// serversBehind are the name servers that a forwarder on this machine asks.
func serversBehind() ([]netip.AddrPort, string) { return nil, "" }
