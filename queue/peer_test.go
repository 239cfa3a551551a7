package queue_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"glassmail/wire"
)

// Special replies of a peer.
const (
	hangUp = "hang up" // close the connection instead of answering
	silent = "silent"  // say nothing more
	vanish = "vanish"  // leave as peer.leave does, and wait for the relay to close its end
)

// peer is a mail host on loopback that answers by script. Replies are keyed by
// "greeting", "." or the verb; the first of a list is used up by each command,
// the last one stays. Without a script the answer is friendly.
type peer struct {
	t      testing.TB
	l      net.Listener
	ehlo   []string // extensions
	tls    *tls.Config
	deaf   bool              // reads the body no further than its first line
	babble bool              // says its greeting without listening, and hangs up
	before func(verb string) // called before a command is answered, if set
	leave  func(net.Conn)    // for vanish
	ending chan struct{}     // closed when the test ends

	mu       sync.Mutex
	script   map[string][]string
	commands []string // all that were received, in order
	messages []string // texts, dot-stuffed as received, that were answered with 250
	conns    int
	wg       sync.WaitGroup
	open     map[net.Conn]struct{}
}

// newPeer makes a peer that begins to serve when it gets its address by stage.at.
func newPeer(t testing.TB, script map[string][]string, ehlo ...string) *peer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{t: t, l: l, ehlo: ehlo, script: map[string][]string{}, ending: make(chan struct{}), open: map[net.Conn]struct{}{}}
	for k, v := range script {
		p.script[k] = append([]string(nil), v...)
	}
	t.Cleanup(p.stop)
	return p
}

func (p *peer) stop() {
	_ = p.l.Close()
	p.mu.Lock()
	select {
	case <-p.ending:
	default:
		close(p.ending)
	}
	for c := range p.open {
		_ = c.Close()
	}
	p.mu.Unlock()
	p.wg.Wait()
}

func (p *peer) accept() {
	for {
		c, err := p.l.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		p.conns++
		p.open[c] = struct{}{}
		p.mu.Unlock()
		p.wg.Go(func() {
			p.serve(c)
			p.mu.Lock()
			delete(p.open, c)
			p.mu.Unlock()
			_ = c.Close()
		})
	}
}

// answer picks the scripted reply.
func (p *peer) answer(key, friendly string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.script[key]
	if len(list) == 0 {
		return friendly
	}
	if len(list) > 1 {
		p.script[key] = list[1:]
	}
	if list[0] == "" {
		return friendly
	}
	return list[0]
}

// say writes a reply; it returns false when the connection is over.
func (p *peer) say(c net.Conn, reply string) bool {
	switch reply {
	case hangUp:
		return false
	case silent:
		<-p.ending
		return false
	case vanish:
		p.leave(c)
		_, _ = io.Copy(io.Discard, c)
		return false
	}
	_, err := io.WriteString(c, reply+"\r\n")
	return err == nil
}

func (p *peer) serve(c net.Conn) {
	if !p.say(c, p.answer("greeting", "220 peer.example ESMTP")) {
		return
	}
	if p.babble {
		_ = c.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, c)
		return
	}
	r := bufio.NewReader(c)
	secure := false
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		p.mu.Lock()
		p.commands = append(p.commands, line)
		p.mu.Unlock()
		verb := strings.ToUpper(strings.Fields(line + " ?")[0])
		if p.before != nil {
			p.before(verb)
		}
		reply := p.answer(verb, p.friendly(verb, line, secure))
		if !p.say(c, reply) {
			return
		}
		switch {
		case verb == "QUIT":
			return
		case verb == "STARTTLS" && strings.HasPrefix(reply, "220"):
			if p.answer("handshake", "") == vanish {
				p.say(c, vanish)
				return
			}
			t := tls.Server(c, p.tls)
			if t.Handshake() != nil {
				return
			}
			c, r, secure = t, bufio.NewReader(t), true
		case verb == "DATA" && strings.HasPrefix(reply, "354"):
			if !p.data(c, r) {
				return
			}
		}
	}
}

func (p *peer) friendly(verb, line string, secure bool) string {
	switch verb {
	case "EHLO":
		lines := append([]string{"peer.example"}, p.ehlo...)
		if p.tls != nil && !secure {
			lines = append(lines, "STARTTLS")
		}
		for i := range lines {
			sep := "-"
			if i == len(lines)-1 {
				sep = " "
			}
			lines[i] = "250" + sep + lines[i]
		}
		return strings.Join(lines, "\r\n")
	case "HELO", "RSET", "NOOP":
		return "250 ok"
	case "MAIL":
		return "250 2.1.0 sender ok"
	case "RCPT":
		return p.answer(line, "250 2.1.5 recipient ok")
	case "STARTTLS":
		return "220 2.0.0 go ahead"
	case "DATA":
		return "354 go ahead"
	case "QUIT":
		return "221 2.0.0 bye"
	}
	return "500 5.5.1 what"
}

func (p *peer) data(c net.Conn, r *bufio.Reader) bool {
	var b strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return false
		}
		if p.deaf {
			<-p.ending
			return false
		}
		if line == ".\r\n" {
			break
		}
		if p.answer("text", "") == vanish {
			return p.say(c, vanish)
		}
		b.WriteString(line)
	}
	reply := p.answer(".", "250 2.0.0 taken")
	p.mu.Lock()
	if strings.HasPrefix(reply, "250") {
		p.messages = append(p.messages, b.String())
	}
	p.mu.Unlock()
	return p.say(c, reply)
}

func (p *peer) heard() (commands, messages []string, conns int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.commands...), append([]string(nil), p.messages...), p.conns
}

// count is the number of commands that begin with prefix.
func (p *peer) count(prefix string) int {
	commands, _, _ := p.heard()
	n := 0
	for _, c := range commands {
		if strings.HasPrefix(c, prefix) {
			n++
		}
	}
	return n
}

// certificate makes a self-signed certificate for name, and its pool.
func certificate(t *testing.T, name string) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{name},
		NotBefore: start.Add(-time.Hour), NotAfter: start.AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, pool
}

// world is a wire.Host on which addresses of the story lead to peers. An address
// that leads nowhere refuses.
type world struct {
	wire.OS
	clock wire.Clock

	mu     sync.Mutex
	peers  map[netip.Addr]*peer
	dialed []netip.Addr

	open atomic.Int64 // connections that the relay has not closed
}

// dialedConn is a connection of the relay's that its world counts.
type dialedConn struct {
	net.Conn
	world *world
	once  sync.Once
}

func (d *dialedConn) Close() error {
	d.once.Do(func() { d.world.open.Add(-1) })
	return d.Conn.Close()
}

func (w *world) Clock() wire.Clock { return w.clock }

func (w *world) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	ap, err := netip.ParseAddrPort(addr)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	w.dialed = append(w.dialed, ap.Addr())
	p := w.peers[ap.Addr()]
	w.mu.Unlock()
	if p == nil || ap.Port() != 25 {
		return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
	}
	c, err := w.OS.Dial(ctx, network, p.l.Addr().String())
	if err != nil {
		return nil, err
	}
	w.open.Add(1)
	return &dialedConn{Conn: c, world: w}, nil
}

// names is a queue.Resolver of two maps. A missing name is not found; a nil entry
// is a failure of the name system.
type names struct {
	mu sync.Mutex
	mx map[string][]*net.MX
	a  map[string][]netip.Addr
}

func (n *names) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	v, ok := n.mx[strings.TrimSuffix(name, ".")]
	return v, lookupError(name, ok, v == nil)
}

func (n *names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	v, ok := n.a[strings.TrimSuffix(host, ".")]
	return v, lookupError(host, ok, v == nil)
}

func lookupError(name string, found, broken bool) error {
	if !strings.HasSuffix(name, ".") {
		return errors.New("a name without its final dot would be searched for")
	}
	switch {
	case !found:
		return &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	case broken:
		return &net.DNSError{Err: "server misbehaving", Name: name, IsTemporary: true}
	}
	return nil
}
