package queue_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"glassmail/mail"
	"glassmail/queue"
	"glassmail/wire"
)

// A stranger's name server cannot send the relay to where only this machine or its
// network can go. The sender hears why, and nothing of what listens there.
func TestAddressesAreJudged(t *testing.T) {
	const secret = "inner service 4711"
	own := netip.MustParseAddrPort("198.51.100.1:25")
	tests := []struct {
		name   string
		dest   string
		a      map[string][]netip.Addr // hosts in the order of their preferences, a.example first
		equal  bool                    // the hosts have the same
		dialed string
		status queue.Status
		reply  string
	}{
		{"loopback", "d.example", map[string][]netip.Addr{"a.example": addrs("127.0.0.1")}, false, "", queue.Failed,
			"550 5.4.4 a.example has the address 127.0.0.1, to which this server does not relay: it is a loopback address"},
		{"unspecified", "d.example", map[string][]netip.Addr{"a.example": addrs("0.0.0.0")}, false, "", queue.Failed, "550 5.4.4"},
		{"loopback of version 6", "d.example", map[string][]netip.Addr{"a.example": addrs("::1")}, false, "", queue.Failed, "550 5.4.4"},
		{"metadata of a cloud", "d.example", map[string][]netip.Addr{"a.example": addrs("169.254.169.254")}, false, "", queue.Failed, "550 5.4.4"},
		{"mapped", "d.example", map[string][]netip.Addr{"a.example": addrs("::ffff:127.0.0.1")}, false, "", queue.Failed, "550 5.4.4"},
		{"translated", "d.example", map[string][]netip.Addr{"a.example": addrs("64:ff9b::7f00:1")}, false, "", queue.Failed, "550 5.4.4"},
		{"private", "d.example", map[string][]netip.Addr{"a.example": addrs("192.168.1.1")}, false, "", queue.Failed,
			"550 5.4.4 a.example has the address 192.168.1.1, to which this server does not relay: it is an address of a private network"},
		{"literal", "[127.0.0.1]", nil, false, "", queue.Failed, "550 5.4.4 [127.0.0.1] has the address"},
		{"literal of version 6", "[IPv6:::1]", nil, false, "", queue.Failed, "550 5.4.4"},
		{"no MX", "a.example", map[string][]netip.Addr{"a.example": addrs("127.0.0.1")}, false, "", queue.Failed, "550 5.4.4"},
		{"several, all of them", "d.example", map[string][]netip.Addr{"a.example": addrs("127.0.0.1", "::1"), "b.example": addrs("0.0.0.0")}, false, "", queue.Failed, "550 5.4.4 a.example"},
		{"one of two addresses", "d.example", map[string][]netip.Addr{"a.example": addrs("127.0.0.1", "192.0.2.7")}, false, "192.0.2.7", queue.Deferred, "421 4.4.1"},
		{"one of two hosts", "d.example", map[string][]netip.Addr{"a.example": addrs("127.0.0.1"), "b.example": addrs("192.0.2.7")}, false, "192.0.2.7", queue.Deferred, "421 4.4.1"},
		{"named by the operator", "d.example", map[string][]netip.Addr{"a.example": addrs("127.0.0.3")}, false, "127.0.0.3", queue.Deferred, "421 4.4.1"},

		{"ourselves", "d.example", map[string][]netip.Addr{"a.example": addrs("198.51.100.1")}, false, "", queue.Failed,
			"554 5.4.6 The mail loops back: a.example has the address 198.51.100.1, which is this server's"},
		{"ourselves beside another address", "d.example", map[string][]netip.Addr{"a.example": addrs("192.0.2.7", "198.51.100.1")}, false, "", queue.Failed, "554 5.4.6"},
		{"ourselves, then one that is worse", "d.example", map[string][]netip.Addr{"a.example": addrs("198.51.100.1"), "b.example": addrs("192.0.2.7")}, false, "", queue.Failed, "554 5.4.6"},
		{"ourselves, and one that is no better", "d.example", map[string][]netip.Addr{"a.example": addrs("192.0.2.7"), "b.example": addrs("198.51.100.1")}, true, "", queue.Failed, "554 5.4.6"},
		{"a better one, then ourselves", "d.example", map[string][]netip.Addr{"a.example": addrs("192.0.2.7"), "b.example": addrs("198.51.100.1"), "c.example": addrs("192.0.2.8")}, false, "192.0.2.7", queue.Deferred, "421 4.4.1"},
		{"our own literal", "[198.51.100.1]", nil, false, "", queue.Failed, "554 5.4.6"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t)
			s.names.a = tt.a
			s.names.mx = map[string][]*net.MX{}
			for i, host := range []string{"a.example", "b.example", "c.example"} {
				if tt.a[host] != nil {
					pref := uint16(10 * i)
					if tt.equal {
						pref = 10
					}
					s.names.mx["d.example"] = append(s.names.mx["d.example"], &net.MX{Host: host + ".", Pref: pref})
				}
			}
			for _, ip := range []string{"127.0.0.1", "0.0.0.0", "::1", "169.254.169.254", "192.168.1.1", "198.51.100.1"} {
				s.at(ip, newPeer(t, map[string][]string{"greeting": {"554 " + secret}}))
			}
			s.opts.Reach = &wire.Reach{
				Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.3/32")},
				Own:      func(to netip.AddrPort) bool { return wire.Listens([]netip.AddrPort{own}, to) },
			}
			res := s.attempt(mail.Options{}, to(mail.Address{Local: "x", Domain: tt.dest})...)[0]
			var dialed []string
			for _, a := range s.world.dialed {
				dialed = append(dialed, a.String())
			}
			if got := strings.Join(dialed, " "); got != tt.dialed {
				t.Errorf("dialled %q, want %q", got, tt.dialed)
			}
			if res.Status != tt.status || !strings.HasPrefix(res.Reply.Error(), tt.reply) || res.Host != "" {
				t.Errorf("%s: %s by %q; want %s: %s", res.Status, res.Reply.Error(), res.Host, tt.status, tt.reply)
			}
			if tt.status == queue.Failed {
				report := s.report()
				wantText(t, "the report", report, "Status: "+tt.reply[4:9])
				if strings.Contains(report, secret) {
					t.Errorf("the report tells what listens there:\n%s", report)
				}
			}
		})
	}
}

// The name may have another address when it is looked up again: what was judged is
// what is dialled.
func TestAddressIsLookedUpOnce(t *testing.T) {
	s := newStage(t)
	turning := &turningNames{names: s.names, answers: [][]netip.Addr{addrs("192.0.2.1"), addrs("127.0.0.1")}}
	s.names.mx = map[string][]*net.MX{"hamburger.edu": mxs("mail.hamburger.edu")}
	s.opts.Resolver, s.opts.Reach = turning, &wire.Reach{}
	p := newPeer(t, nil)
	s.at("192.0.2.1", p)
	if res := s.attempt(mail.Options{}, to(bob)...)[0]; res.Status != queue.Delivered {
		t.Errorf("%s: %s", res.Status, res.Reply.Error())
	}
	if slices.ContainsFunc(s.world.dialed, netip.Addr.IsLoopback) {
		t.Errorf("dialled %v", s.world.dialed)
	}
}

// Nothing of what does not speak SMTP comes back in a report, and of what does only
// its replies.
func TestBannersStayOutOfReports(t *testing.T) {
	for _, banner := range []string{
		"SSH-2.0-OpenSSH_9.2p1 SECRET", "* OK [CAPABILITY IMAP4rev1] SECRET", "+OK SECRET", "HTTP/1.1 400 SECRET", "-ERR SECRET",
		"220", "220x SECRET", "100 SECRET", "600 SECRET", "22", "\x1b]0;SECRET\x07", "<html>SECRET</html>", "",
	} {
		t.Run(fmt.Sprintf("%q", banner), func(t *testing.T) {
			s := newStage(t)
			s.names.mx = map[string][]*net.MX{"hamburger.edu": mxs("mail.hamburger.edu")}
			s.opts.Retry.Expire = time.Minute
			s.opts.Timeouts = short()
			s.at("192.0.2.1", newPeer(t, map[string][]string{"greeting": {banner}, "EHLO": {"SECRET"}, "HELO": {"SECRET"}}))
			if res := s.attempt(mail.Options{}, to(bob)...)[0]; res.Status != queue.Deferred || res.Host != "" || strings.Contains(res.Reply.Error(), "SECRET") {
				t.Errorf("%s by %q: %s", res.Status, res.Host, res.Reply.Error())
			}
			s.clock.Advance(time.Minute)
			s.settled(1)
			if report := s.report(); strings.Contains(report, "SECRET") {
				t.Errorf("the report tells what was heard:\n%s", report)
			}
		})
	}
}

// turningNames gives another answer each time.
type turningNames struct {
	*names
	answers [][]netip.Addr
}

func (n *turningNames) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	a := n.answers[0]
	if len(n.answers) > 1 {
		n.answers = n.answers[1:]
	}
	return a, nil
}
