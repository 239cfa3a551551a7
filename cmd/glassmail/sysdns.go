package main

import (
	"bufio"
	"net/netip"
	"os"
	"strings"
)

// resolvConf is where Unix systems name their name servers.
const resolvConf = "/etc/resolv.conf"

// systemServers are the name servers of this system as /etc/resolv.conf names
// them; a system without that file has the user name one.
func systemServers() []netip.AddrPort {
	f, err := os.Open(resolvConf)
	if err != nil {
		return nil
	}
	defer f.Close()
	var out []netip.AddrPort
	for in := bufio.NewScanner(f); in.Scan(); {
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
