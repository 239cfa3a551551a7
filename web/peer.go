package web

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// maxProxies bounds the proxies that are remembered for having been noted.
const maxProxies = 64

// peer is where a request comes from.
type peer struct {
	here   bool // a program of this machine, with nothing between
	secure bool // the client's connection is TLS
}

// peerKey is where the peer of a request stands in its context.
type peerKey struct{}

func peerOf(r *http.Request) peer {
	p, _ := r.Context().Value(peerKey{}).(peer)
	return p
}

// place finds out where each request comes from, before anybody else sees it. Behind
// a proxy that is trusted, RemoteAddr becomes the client's address; behind another
// it stays the proxy's, under which then all its clients are counted and noted.
func (s *Server) place(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		addr := peerAddr(r)
		trusted := within(addr, s.o.Proxies)
		p := peer{secure: s.o.Secure, here: s.o.Local && addr.IsLoopback() && !trusted && !forwarded(r)}
		r = r.WithContext(context.WithValue(r.Context(), peerKey{}, p))
		switch {
		case trusted:
			p.secure = p.secure || forwardedProto(r) == "https"
			r = r.WithContext(context.WithValue(r.Context(), peerKey{}, p))
			if client := s.client(r, addr); client != addr {
				r.RemoteAddr = netip.AddrPortFrom(client, 0).String()
			}
		case forwarded(r):
			s.noteProxy(addr)
		}
		next.ServeHTTP(w, r)
	})
}

// client is the address for which trusted proxies hand a request on: the last of
// X-Forwarded-For that is not one of theirs. What stands left of it the client wrote
// itself.
func (s *Server) client(r *http.Request, proxy netip.Addr) netip.Addr {
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	client := proxy
	for i := len(hops) - 1; i >= 0 && within(client, s.o.Proxies); i-- {
		hop, err := parseHop(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		client = hop
	}
	return client
}

// parseHop reads an address with or without a port, as proxies write it.
func parseHop(text string) (netip.Addr, error) {
	if ap, err := netip.ParseAddrPort(text); err == nil {
		return ap.Addr().Unmap().WithZone(""), nil
	}
	a, err := netip.ParseAddr(strings.Trim(text, "[]"))
	return a.Unmap().WithZone(""), err
}

// forwardedProto is what the nearest proxy says of its client's connection.
func forwardedProto(r *http.Request) string {
	all := strings.Join(r.Header.Values("X-Forwarded-Proto"), ",")
	return strings.ToLower(strings.TrimSpace(all[strings.LastIndexByte(all, ',')+1:]))
}

// forwarded reports a request that a proxy hands on for somebody else: then it is
// not from this machine, wherever the connection comes from. Proxies say so by a
// field (RFC 7239 §4, RFC 9110 §7.6.3, and X-Forwarded- anything); some say nothing,
// but speak HTTP/1.0 to the server behind them, as no browser does.
func forwarded(r *http.Request) bool {
	if !r.ProtoAtLeast(1, 1) {
		return true
	}
	for name := range r.Header {
		switch {
		case name == "Forwarded", name == "Via", name == "X-Real-Ip", strings.HasPrefix(name, "X-Forwarded-"),
			name == "X-Client-Ip", name == "X-Cluster-Client-Ip", name == "True-Client-Ip", name == "Cf-Connecting-Ip":
			return true
		}
	}
	return false
}

// noteProxy says once of each proxy that it is not trusted.
func (s *Server) noteProxy(addr netip.Addr) {
	s.proxyMu.Lock()
	known := s.proxies[addr] || len(s.proxies) >= maxProxies
	if !known {
		s.proxies[addr] = true
	}
	s.proxyMu.Unlock()
	if !known {
		s.o.Log.Warn("a proxy hands requests on; its clients are counted as one, and need a login, until web.trusted_proxies names it", "proxy", addr)
	}
}

func within(addr netip.Addr, networks []netip.Prefix) bool {
	for _, n := range networks {
		if n.Contains(addr) {
			return true
		}
	}
	return false
}

func isLocalName(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// peerAddr is the address of the other end of the connection, or of the client of a
// trusted proxy.
func peerAddr(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}
