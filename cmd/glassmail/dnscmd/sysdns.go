//go:build !windows

package dnscmd

import (
	"bufio"
	"io"
	"net/netip"
	"os"
	"strings"
)

// resolvConf is where Unix systems, macOS too, name their name servers.
const resolvConf = "/etc/resolv.conf"

// resolvedConf is where systemd-resolved, which itself stands in resolvConf as
// 127.0.0.53, tells whom it asks.
const resolvedConf = "/run/systemd/resolve/resolv.conf"

// systemServers are the name servers that programs of this system ask, and the
// file that says so.
func systemServers() ([]netip.AddrPort, string) {
	return serversIn(resolvConf), resolvConf
}

// serversBehind are the name servers that a forwarder on this machine asks.
func serversBehind() ([]netip.AddrPort, string) {
	return serversIn(resolvedConf), resolvedConf
}

func serversIn(file string) []netip.AddrPort {
	f, err := os.Open(file)
	if err != nil {
		return nil
	}
	defer f.Close()
	return parseResolvConf(f)
}

// parseResolvConf reads the "nameserver" lines of resolv.conf(5).
func parseResolvConf(r io.Reader) []netip.AddrPort {
	var out []netip.AddrPort
	for in := bufio.NewScanner(r); in.Scan(); {
		words := strings.Fields(in.Text())
		if len(words) < 2 || words[0] != "nameserver" {
			continue
		}
		if a, err := netip.ParseAddr(words[1]); err == nil {
			out = append(out, netip.AddrPortFrom(a, 53))
		}
	}
	return out
}
