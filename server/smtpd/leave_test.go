package smtpd_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"

	"glassmail/mail"
	"glassmail/server/smtpd"
	"glassmail/wire"
)

// turn is what a client sends, and how the reply begins; "" is none.
type turn struct{ send, want string }

// spoken are dialogues that a client can leave at any byte.
func spoken() map[string][]turn {
	ehlo, from, to := turn{"EHLO crepes.fr\r\n", "250"}, turn{"MAIL FROM:<alice@crepes.fr>\r\n", "250"}, turn{"RCPT TO:<bob@hamburger.edu>\r\n", "250"}
	return map[string][]turn{
		"a message": {
			ehlo, from, to, {"DATA\r\n", "354"}, {"Subject: x\r\n\r\ntext\r\n", ""}, {"..more\r\n", ""}, {".\r\n", "250"},
			{"RSET\r\n", "250"}, {"NOOP\r\n", "250"}, {"VRFY bob\r\n", "252"}, {"HELP\r\n", "214"}, {"XYZZY\r\n", "500"}, {"QUIT\r\n", "221"},
		},
		"chunks":     {ehlo, from, to, {"BDAT 10\r\n", ""}, {"0123456789", "250"}, {"BDAT 4 LAST\r\n", ""}, {"text", "250"}},
		"AUTH PLAIN": {ehlo, {"AUTH PLAIN\r\n", "334"}, {"AGFsaWNlAHNlc2FtZQ==\r\n", "235"}},
		"AUTH LOGIN": {ehlo, {"AUTH LOGIN\r\n", "334"}, {"YWxpY2U=\r\n", "334"}, {"c2VzYW1l\r\n", "235"}},
		"STARTTLS":   {ehlo, {"STARTTLS\r\n", "220"}, {"\x16\x03\x01\x02\x00\x01\x00", ""}},
	}
}

// ways are those in which a connection ends that nobody said good-bye on.
func ways() map[string]func(*client, *rig) {
	return map[string]func(*client, *rig){
		"FIN":           func(c *client, _ *rig) { c.Close() },
		"RST":           func(c *client, _ *rig) { c.Conn.(*net.TCPConn).SetLinger(0); c.Close() },
		"half of it":    func(c *client, _ *rig) { c.Conn.(*net.TCPConn).CloseWrite() },
		"server's stop": func(c *client, r *rig) { r.stopNow(c.t) },
	}
}

// stopNow stops the server when the time for what is under way is over.
func (r *rig) stopNow(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if n := r.srv.Shutdown(ctx); n.Left > 0 {
		t.Errorf("%+v", n)
	}
}

// TestClientsLeave: whatever a client was about to say, nothing is left of it soon
// after it has gone, nor after a stop.
func TestClientsLeave(t *testing.T) {
	for name, turns := range spoken() {
		for how, leave := range ways() {
			for at := range turns {
				for _, part := range []int{len(turns[at].send) / 2, len(turns[at].send)} {
					t.Run(fmt.Sprintf("%s, %s in turn %d after %d bytes", name, how, at, part), func(t *testing.T) {
						t.Parallel()
						r := serve(t, func(o *smtpd.Options) {
							withTLS(t, new(*wire.Authority), o)
							o.Submission = strings.HasPrefix(name, "AUTH")
						})
						c := r.dial(t)
						c.expect("220")
						for _, x := range turns[:at] {
							if c.send(x.send); x.want != "" {
								c.expect(x.want)
							}
						}
						c.send(turns[at].send[:part])
						leave(c, r)
						waitFor(t, func() bool { return len(r.srv.Clients()) == 0 })
					})
				}
			}
		}
	}
}

// TestClientsLeaveHandshakes: the same for a port with TLS from the first byte.
func TestClientsLeaveHandshakes(t *testing.T) {
	for how, leave := range ways() {
		for _, hello := range []string{"", "\x16", "\x16\x03\x01\x02\x00\x01\x00", "EHLO crepes.fr\r\n"} {
			t.Run(fmt.Sprintf("%s after %q", how, hello), func(t *testing.T) {
				t.Parallel()
				r := serve(t, func(o *smtpd.Options) { withTLS(t, new(*wire.Authority), o); o.Implicit = true })
				c := r.dial(t)
				c.send(hello)
				leave(c, r)
				waitFor(t, func() bool { return len(r.srv.Clients()) == 0 })
			})
		}
	}
}

// slow is a Backend at which a login takes for ever.
type slow struct {
	*backend
	asked chan struct{}
}

func (s slow) Login(ctx context.Context, _ mail.Peer, _, _ string) (mail.Address, error) {
	close(s.asked)
	<-ctx.Done()
	return mail.Address{}, ctx.Err()
}

// TestClientsLeaveLogins: who goes while its password waits to be checked gives up its
// place.
func TestClientsLeaveLogins(t *testing.T) {
	for how, leave := range ways() {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			s := slow{&backend{}, make(chan struct{})}
			r := serve(t, func(o *smtpd.Options) { o.Submission, o.Backend = true, s })
			c := r.greeted(t)
			c.send("AUTH PLAIN AGFsaWNlAHNlc2FtZQ==\r\n")
			<-s.asked
			leave(c, r)
			waitFor(t, func() bool { return len(r.srv.Clients()) == 0 })
		})
	}
}

// TestClientsLeaveTheirMessage: a message that was sent to its end is accepted although
// its sender has gone before it was told.
func TestClientsLeaveTheirMessage(t *testing.T) {
	r := serve(t, nil)
	r.hold, r.reading = make(chan struct{}), make(chan struct{}, 1)
	c := r.greeted(t)
	c.begin()
	c.send("text\r\n.\r\n")
	<-r.reading
	c.Close()
	close(r.hold)
	waitFor(t, func() bool { return len(r.srv.Clients()) == 0 })
	if got := r.messages(); len(got) != 1 {
		t.Errorf("%d messages", len(got))
	}
}
