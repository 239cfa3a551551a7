package smtpd_test

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"io"
	"net"
	"net/smtp"
	"strings"
	"testing"
	"time"

	"glassmail/server/smtpd"
	"glassmail/trace"
	"glassmail/wire"
)

func secure(t testing.TB, set func(*smtpd.Options)) *rig {
	var ca *wire.Authority
	r := serve(t, func(o *smtpd.Options) {
		withTLS(t, &ca, o)
		if set != nil {
			set(o)
		}
	})
	r.ca = ca
	return r
}

// upgrade says STARTTLS and shakes hands.
func (r *rig) upgrade(c *client) *client {
	c.t.Helper()
	c.say("STARTTLS", "220")
	tc := tls.Client(c.Conn, trusting(r.ca))
	if err := tc.Handshake(); err != nil {
		c.t.Fatal(err)
	}
	return &client{c.t, tc, bufio.NewReader(tc)}
}

func TestSTARTTLS(t *testing.T) {
	r := secure(t, nil)
	c := r.dial(t)
	c.expect("220 hamburger.edu\r\n")
	if got := c.say("EHLO crepes.fr", "250"); !strings.Contains(got, "-STARTTLS\r\n") || strings.Contains(got, "REQUIRETLS") {
		t.Errorf("in plain text: %q", got)
	}
	c.say("STARTTLS now", "501 5.5.4")
	c.say("MAIL FROM:<alice@crepes.fr>", "250")
	c.say("STARTTLS", "503 5.5.1")
	c.say("RSET", "250")
	c = r.upgrade(c)
	c.say("MAIL FROM:<alice@crepes.fr>", "503 First say HELO or EHLO") // RFC 3207 §4.2: all is forgotten
	if got := c.say("EHLO crepes.fr", "250-hamburger.edu Hello crepes.fr"); strings.Contains(got, "STARTTLS") || !strings.Contains(got, "250-REQUIRETLS\r\n") {
		t.Errorf("inside TLS: %q", got)
	}
	c.say("STARTTLS", "503 5.5.1")
	c.say("MAIL FROM: <alice@crepes.fr> REQUIRETLS", "250 2.1.0 alice@crepes.fr... Sender ok\r\n")
	c.say("RCPT TO: <bob@hamburger.edu>", "250 2.1.5 bob@hamburger.edu ... Recipient ok\r\n")
	c.say("DATA", "354")
	c.say("Do you like ketchup?\r\nHow about pickles?\r\n.", "250 2.0.0 Message accepted for delivery\r\n")
	c.say("QUIT", "221 2.0.0 hamburger.edu closing connection\r\n")
	lectureArrived(t, r)
	e := r.messages()[0].env
	if !strings.HasPrefix(e.Peer.TLS, "TLS 1.3") || !e.RequireTLS || e.Peer.Protocol(false) != "ESMTPS" {
		t.Errorf("%+v", e)
	}
}

// TestSTARTTLSInjection: commands sent in plain text behind STARTTLS are not
// obeyed inside TLS (RFC 3207 §4.2).
func TestSTARTTLSInjection(t *testing.T) {
	r := secure(t, nil)
	c := r.greeted(t)
	c.send("STARTTLS\r\nNOOP injected\r\nQUIT\r\n")
	c.expect("220")
	tc := tls.Client(c.Conn, trusting(r.ca))
	if err := tc.Handshake(); err != nil {
		t.Fatal(err)
	}
	s := &client{t, tc, bufio.NewReader(tc)}
	if got := s.say("EHLO crepes.fr", "250-"); strings.Contains(got, "Ok") {
		t.Errorf("%q", got)
	}
	if !traced(r, trace.Note, "bytes sent in plain text after STARTTLS are dropped") || traced(r, trace.Line, "injected") {
		t.Error("the trace is wrong about what happened")
	}
}

func TestBrokenHandshake(t *testing.T) {
	r := secure(t, nil)
	c := r.greeted(t)
	c.say("STARTTLS", "220")
	c.send("QUIT\r\nQUIT\r\nQUIT\r\n")
	b, _ := io.ReadAll(c.r)
	if strings.Contains(string(b), "221") {
		t.Errorf("%q", b)
	}
	waitFor(t, func() bool { return traced(r, trace.Close, "TLS handshake failed") })
}

func TestSilentHandshake(t *testing.T) {
	for _, implicit := range []bool{false, true} {
		r := secure(t, func(o *smtpd.Options) {
			o.Limits.Handshake = 50 * time.Millisecond
			o.Implicit = implicit
		})
		c := r.dial(t)
		if !implicit {
			c.expect("220")
			c.say("STARTTLS", "220")
		}
		c.ended()
	}
}

func TestImplicitTLS(t *testing.T) {
	r := secure(t, func(o *smtpd.Options) { o.Implicit, o.Submission, o.AuthRequiresTLS = true, true, true })
	tc, err := tls.Dial("tcp", r.addr, trusting(r.ca))
	if err != nil {
		t.Fatal(err)
	}
	c := over(t, tc)
	c.expect("220 hamburger.edu\r\n")
	if got := c.say("EHLO crepes.fr", "250"); !strings.Contains(got, "AUTH PLAIN LOGIN") || strings.Contains(got, "STARTTLS") {
		t.Errorf("%q", got)
	}
	c.say("AUTH PLAIN "+credentials("alice", "sesame"), "235 2.7.0")
	c.begin()
	c.say(".", "250")
	if p := r.messages()[0].env.Peer; p.Protocol(false) != "ESMTPSA" || !p.Submission || p.User.String() != "alice@crepes.fr" {
		t.Errorf("%+v", p)
	}
}

func credentials(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + password))
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func submission(t testing.TB) *rig {
	return serve(t, func(o *smtpd.Options) { o.Submission = true })
}

func TestAUTH(t *testing.T) {
	r := submission(t)
	for _, tt := range []struct{ name, dialogue string }{
		{"PLAIN with the command", "C: AUTH PLAIN " + credentials("alice", "sesame") + "\nS: 235 2.7.0 You are logged in"},
		{"PLAIN after it", "C: auth plain\nS: 334 \r\nC: " + credentials("alice", "sesame") + "\nS: 235 2.7.0"},
		{"LOGIN", "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: " + b64("alice") + "\nS: 334 UGFzc3dvcmQ6\nC: " + b64("sesame") + "\nS: 235 2.7.0"},
		{"LOGIN with the name", "C: AUTH LOGIN " + b64("alice") + "\nS: 334 UGFzc3dvcmQ6\nC: " + b64("sesame") + "\nS: 235 2.7.0"},
		{"wrong, then right", "C: AUTH PLAIN " + credentials("alice", "x") + "\nS: 535 5.7.8\nC: AUTH PLAIN " + credentials("alice", "sesame") + "\nS: 235"},
		{"cancelled, then right", "C: AUTH LOGIN\nS: 334\nC: *\nS: 501 5.7.0 Authentication cancelled\nC: AUTH PLAIN " + credentials("alice", "sesame") + "\nS: 235"},
		{"not base64", "C: AUTH PLAIN !!!\nS: 501 5.5.2 That is not base64\nC: AUTH LOGIN\nS: 334\nC: !!!\nS: 501 5.5.2 That is not base64\nC: NOOP\nS: 250\nC: AUTH PLAIN " + credentials("alice", "sesame") + "\nS: 235"},
		{"a line too long", "C: AUTH PLAIN\nS: 334\nC: " + strings.Repeat("A", 13000) + "\nS: 500 5.5.2\nC: NOOP\nS: 250\nC: AUTH PLAIN " + credentials("alice", "sesame") + "\nS: 235"},
		{"12,000 bytes are not", "C: AUTH LOGIN\nS: 334\nC: " + strings.Repeat("A", 12000) + "\nS: 334\nC: =\nS: 535 5.7.8\nC: AUTH PLAIN " + credentials("alice", "sesame") + "\nS: 235"},
		{"an empty line", "C: AUTH LOGIN\nS: 334\nC: \nS: 334\nC: \nS: 535\nC: AUTH PLAIN " + credentials("alice", "sesame") + "\nS: 235"},
		{"no credentials", "C: AUTH PLAIN =\nS: 501 5.5.2\nC: AUTH PLAIN " + credentials("alice", "sesame") + "\nS: 235"},
		{"for another", "C: AUTH PLAIN " + b64("bob\x00alice\x00sesame") + "\nS: 535 5.7.8\nC: AUTH PLAIN " + b64("alice\x00alice\x00sesame") + "\nS: 235"},
		{"trouble of ours", "C: AUTH PLAIN " + credentials("dave", "x") + "\nS: 451 4.3.0 Local trouble\nC: AUTH PLAIN " + credentials("alice", "sesame") + "\nS: 235"},
		{"unknown mechanism", "C: AUTH GSSAPI\nS: 504 5.5.4\nC: AUTH\nS: 501 5.5.4\nC: AUTH PLAIN " + credentials("alice", "sesame") + "\nS: 235"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := r.greeted(t)
			c.say("MAIL FROM:<alice@crepes.fr>", "530 5.7.0")
			talk(t, c, strings.ReplaceAll(tt.dialogue, "\r\n", "\n")+"\n")
			c.say("AUTH PLAIN "+credentials("alice", "sesame"), "503 5.5.1 You are logged in already")
			c.say("MAIL FROM:<alice@crepes.fr>", "250")
			c.say("AUTH PLAIN", "503 5.5.1")
		})
	}
	for _, e := range r.log.Since(0) {
		for _, secret := range []string{b64("sesame"), credentials("alice", "sesame"), "sesame"} {
			if strings.Contains(e.Text, secret) {
				t.Fatalf("the trace holds a secret: %s", e)
			}
		}
	}
	if !traced(r, trace.Line, "AUTH PLAIN ********") || !traced(r, trace.Note, "disk of dave") {
		t.Error("the trace lacks a login, or the cause of trouble")
	}
}

// TestSecretsAreMasked: whatever a client does with a password, the trace does not
// show it.
func TestSecretsAreMasked(t *testing.T) {
	r := submission(t)
	c := r.greeted(t)
	secret := credentials("alice", "sesame")
	c.say("AUTH\tPLAIN\t"+secret+" "+secret, "501")
	c.say("AUHT PLAIN "+secret, "500")
	c.say("LOGIN PLAIN "+secret, "500")
	c.say("AUTH GSSAPI "+secret, "504")
	c.say(secret, "500 5.5.1 That is no command")
	c.say("c2VzYW1l", "500 5.5.1 That is no command")
	c.say("NOOP", "250")
	c.say("AUTH LOGIN", "334")
	c.say("!"+secret, "501")
	c.say(secret, "500 5.5.1 That is no command")
	for _, e := range r.log.Since(0) {
		if strings.Contains(strings.ToUpper(e.Text), strings.ToUpper(secret)) || strings.Contains(strings.ToUpper(e.Text), "C2VZYW1L") {
			t.Errorf("the trace shows %s", e)
		}
	}
}

func TestAUTHNeedsTLS(t *testing.T) {
	r := secure(t, func(o *smtpd.Options) { o.Submission, o.AuthRequiresTLS = true, true })
	c := r.dial(t)
	c.expect("220")
	if got := c.say("EHLO crepes.fr", "250"); strings.Contains(got, "AUTH") {
		t.Errorf("%q", got)
	}
	c.say("AUTH PLAIN "+credentials("alice", "sesame"), "538 5.7.11")
	c = r.upgrade(c)
	if got := c.say("EHLO crepes.fr", "250"); !strings.Contains(got, "AUTH PLAIN LOGIN") {
		t.Errorf("%q", got)
	}
	c.say("AUTH PLAIN "+credentials("alice", "sesame"), "235")
}

func TestLoginIsForgottenAtSTARTTLS(t *testing.T) {
	r := secure(t, func(o *smtpd.Options) { o.Submission = true })
	c := r.greeted(t)
	c.say("AUTH PLAIN "+credentials("alice", "sesame"), "235")
	c = r.upgrade(c)
	c.say("EHLO crepes.fr", "250")
	c.say("MAIL FROM:<alice@crepes.fr>", "530")
	c.say("AUTH PLAIN "+credentials("alice", "sesame"), "235")
}

func TestFailedLogins(t *testing.T) {
	r := submission(t)
	c := r.greeted(t)
	for range 5 {
		c.say("AUTH PLAIN "+credentials("alice", "guess"), "535 5.7.8")
	}
	c.expect("421 4.7.0 hamburger.edu too many failed logins")
	c.ended()
}

// TestNetSMTP: Go's own client, over STARTTLS with AUTH.
func TestNetSMTP(t *testing.T) {
	r := secure(t, func(o *smtpd.Options) { o.Submission, o.AuthRequiresTLS = true, true })
	nc, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	c, err := smtp.NewClient(nc, "hamburger.edu")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, err := range []error{
		c.StartTLS(trusting(r.ca)), c.Auth(smtp.PlainAuth("", "alice", "sesame", "hamburger.edu")),
		c.Mail("alice@crepes.fr"), c.Rcpt("bob@hamburger.edu"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	w, err := c.Data()
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, "Subject: dots\r\n\r\n..\r\n.\r\n")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.Quit(); err != nil {
		t.Fatal(err)
	}
	if got := r.messages(); len(got) != 1 || got[0].text != "Subject: dots\r\n\r\n..\r\n.\r\n" {
		t.Errorf("%+v", got)
	}
}
