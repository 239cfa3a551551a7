package queue_test

import (
	"crypto/tls"
	"fmt"
	"strings"
	"testing"
	"time"

	"glassmail/mail"
	"glassmail/queue"
	"glassmail/wire"
)

// short are times after which a silent peer is given up in tests.
func short() queue.Timeouts {
	const d = 3 * time.Second
	return queue.Timeouts{Connect: 10 * time.Second, TLS: d, Greet: d, Command: d, Data: d, Block: d, Final: d, Quit: d}
}

// TestFirstHost has the first host fail in all ways, with a second host that
// takes everything: who ends up with the message?
func TestFirstHost(t *testing.T) {
	script := func(kv ...string) map[string][]string {
		m := map[string][]string{}
		for i := 0; i < len(kv); i += 2 {
			m[kv[i]] = []string{kv[i+1]}
		}
		return m
	}
	const first, second = "mail.hamburger.edu", "backup.hamburger.edu"
	tests := []struct {
		name   string
		script map[string][]string // nil: nobody listens
		status queue.Status
		host   string // whose reply decides
		reply  string // its beginning
		other  bool   // the second host is asked
	}{
		{"refused", nil, queue.Delivered, second, "250", true},
		{"greeting 4xx", script("greeting", "421 4.3.2 too busy"), queue.Delivered, second, "250", true},
		{"greeting 5xx", script("greeting", "554 no mail here"), queue.Delivered, second, "250", true},
		{"greeting silent", script("greeting", silent), queue.Delivered, second, "250", true},
		{"greeting lost", script("greeting", hangUp), queue.Delivered, second, "250", true},
		{"greeting odd", script("greeting", "SSH-2.0-OpenSSH"), queue.Delivered, second, "250", true},
		{"EHLO 4xx", script("EHLO", "451 4.3.0 later"), queue.Delivered, second, "250", true},
		{"EHLO and HELO 5xx", script("EHLO", "550 no", "HELO", "550 no"), queue.Delivered, second, "250", true},
		{"EHLO 5xx", script("EHLO", "500 what"), queue.Delivered, first, "250", false},
		{"MAIL 4xx", script("MAIL", "451 4.3.0 later"), queue.Delivered, second, "250", true},
		{"MAIL 5xx", script("MAIL", "550 5.7.1 not you"), queue.Failed, first, "550 5.7.1 not you", false},
		{"MAIL lost", script("MAIL", hangUp), queue.Delivered, second, "250", true},
		{"MAIL out of turn", script("MAIL", "354 go on"), queue.Delivered, second, "250", true},
		{"RCPT 4xx", script("RCPT", "450 4.2.1 greylisted"), queue.Delivered, second, "250", true},
		{"RCPT 5xx", script("RCPT", "550 5.1.1 who?"), queue.Failed, first, "550 5.1.1 who?", false},
		{"RCPT 251", script("RCPT", "251 will forward"), queue.Delivered, first, "250", false},
		{"RCPT silent", script("RCPT", silent), queue.Delivered, second, "250", true},
		{"DATA 4xx", script("DATA", "452 4.3.1 disk full"), queue.Delivered, second, "250", true},
		{"DATA 5xx", script("DATA", "554 5.5.1 no"), queue.Failed, first, "554 5.5.1 no", false},
		{"DATA lost", script("DATA", hangUp), queue.Delivered, second, "250", true},
		{"dot 4xx", script(".", "451 4.7.1 later"), queue.Delivered, second, "250", true},
		{"dot 5xx", script(".", "554 5.6.0 spam"), queue.Failed, first, "554 5.6.0 spam", false},
		{"dot silent", script(".", silent), queue.Deferred, "", "421 4.4.2", false},
		{"dot lost", script(".", hangUp), queue.Deferred, "", "421 4.4.2", false},
		{"dot 251", script(".", "251 taken"), queue.Delivered, first, "251", false},
		{"dot 200", script(".", "200 taken"), queue.Delivered, first, "200", false},
		{"MAIL 251", script("MAIL", "251 fine"), queue.Delivered, first, "250", false},
		{"RCPT 200", script("RCPT", "200 fine"), queue.Delivered, first, "250", false},
		{"EHLO 550", script("EHLO", "550 no"), queue.Delivered, first, "250", false},
		{"reply of 100 MB", script("EHLO", strings.Repeat("250-x\r\n", 1<<16)+"250 x"), queue.Delivered, second, "250", true},
		{"reply without end", script("MAIL", "250 "+strings.Repeat("x", 1<<20)), queue.Delivered, second, "250", true},
		{"two codes in a reply", script("MAIL", "250-x\r\n550 y"), queue.Delivered, second, "250", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			if strings.Contains(tt.name, "silent") {
				s.opts.Timeouts = short()
			}
			if tt.script != nil {
				s.at("192.0.2.1", newPeer(t, tt.script))
			}
			other := newPeer(t, nil)
			s.at("192.0.2.2", other)
			res := s.attempt(mail.Options{}, to(bob)...)[0]
			if res.Status != tt.status || res.Host != tt.host || !strings.HasPrefix(res.Reply.Error(), tt.reply) {
				t.Errorf("%s by %q: %s; want %s by %q: %s…\n%s", res.Status, res.Host, res.Reply.Error(), tt.status, tt.host, tt.reply, s.transcript())
			}
			if _, _, conns := other.heard(); (conns > 0) != tt.other {
				t.Errorf("the second host was asked %d times", conns)
			}
		})
	}
}

// TestAllHosts has every host fail: the last reply for now decides, and only if
// there is none a refusal for ever.
func TestAllHosts(t *testing.T) {
	tests := []struct {
		name          string
		first, second string // greetings, "" for nobody
		status        queue.Status
		reply         string
	}{
		{"both refused", "", "", queue.Deferred, "421 4.4.1 No connection to backup.hamburger.edu [192.0.2.2]: the connection was refused"},
		{"both never", "554 no", "521 host takes no mail", queue.Failed, "554 no"},
		{"later and never", "421 later", "554 no", queue.Deferred, "421 later"},
		{"never and later", "554 no", "421 later", queue.Deferred, "421 later"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t)
			for ip, greeting := range map[string]string{"192.0.2.1": tt.first, "192.0.2.2": tt.second} {
				if greeting != "" {
					s.at(ip, newPeer(t, map[string][]string{"greeting": {greeting}}))
				}
			}
			res := s.attempt(mail.Options{}, to(bob)...)[0]
			if res.Status != tt.status || !strings.HasPrefix(res.Reply.Error(), tt.reply) {
				t.Errorf("%s: %s; want %s: %s", res.Status, res.Reply.Error(), tt.status, tt.reply)
			}
			if want := start.Add(time.Minute); tt.status == queue.Deferred && !res.Retry.Equal(want) {
				t.Errorf("the next attempt is at %s, want %s", res.Retry, want)
			}
		})
	}
}

func TestRecipientsOneByOne(t *testing.T) {
	s := newStage(t)
	p := newPeer(t, map[string][]string{
		"RCPT TO:<carol@hamburger.edu>": {"550 5.1.1 no carol"},
		"RCPT TO:<dave@hamburger.edu>":  {"450 4.2.1 dave later"},
	})
	s.at("192.0.2.1", p)
	dave := mail.Address{Local: "dave", Domain: "hamburger.edu"}
	res := s.attempt(mail.Options{}, to(bob, carol, dave)...)
	for i, want := range []string{"delivered 250 2.0.0 taken", "failed 550 5.1.1 no carol", "deferred 450 4.2.1 dave later"} {
		if got := res[i].Status.String() + " " + res[i].Reply.Error(); got != want {
			t.Errorf("%s: %s, want %s", res[i].Address, got, want)
		}
	}
	r := s.report()
	wantText(t, "the report", r, "Final-Recipient: rfc822;carol@hamburger.edu")
	if strings.Contains(r, "bob") || strings.Contains(r, "dave") {
		t.Errorf("the report speaks of others than carol:\n%s", r)
	}
}

// TestTooManyRecipients has a server that takes two recipients a transaction.
func TestTooManyRecipients(t *testing.T) {
	for _, tt := range []struct {
		name, refusal string
		ehlo          []string
		transactions  int
	}{
		{"452", "452 4.5.3 too many recipients", nil, 3},
		{"552 of old", "552 too many recipients", nil, 3},
		{"LIMITS", "", []string{"LIMITS MAILMAX=9 RCPTMAX=2"}, 3},
		{"452 of one mailbox", "452 4.2.2 mailbox full", nil, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t)
			var list []mail.Address
			var replies []string
			for i := range 5 {
				list = append(list, mail.Address{Local: fmt.Sprint("u", i), Domain: "hamburger.edu"})
			}
			if tt.refusal != "" {
				// two are taken, the third is refused; it comes first in the next one
				replies = []string{"250 ok", "250 ok", tt.refusal, "250 ok", "250 ok", tt.refusal, "250 ok"}
			}
			if tt.transactions == 1 {
				replies = []string{"250 ok", "250 ok", tt.refusal, "250 ok"}
			}
			p := newPeer(t, map[string][]string{"RCPT": replies}, tt.ehlo...)
			s.at("192.0.2.1", p)
			res := s.attempt(mail.Options{}, to(list...)...)
			s.stop()
			delivered := 0
			for _, r := range res {
				if r.Status == queue.Delivered {
					delivered++
				}
			}
			_, messages, conns := p.heard()
			if len(messages) != tt.transactions || conns != 1 {
				t.Errorf("%d transactions on %d connections, want %d on 1\n%s", len(messages), conns, tt.transactions, s.transcript())
			}
			if want := map[bool]int{true: 4, false: 5}[tt.transactions == 1]; delivered != want {
				t.Errorf("%d of 5 delivered, want %d", delivered, want)
			}
		})
	}
}

func TestSlowReader(t *testing.T) {
	s := newStage(t)
	s.opts.Timeouts = short()
	p := newPeer(t, nil)
	p.deaf = true
	s.at("192.0.2.1", p)
	s.store.texts["big"] = "Subject: big\r\n\r\n" + strings.Repeat("0123456789abcdef0123456789abcdef\r\n", 1<<20)
	s.run()
	s.store.add("big", s.store.texts["big"], alice, mail.Options{}, to(bob)...)
	s.settled(1)
	h, _, _ := s.store.snapshot()
	if r := h[0][0]; r.Status != queue.Deferred || !strings.HasSuffix(r.Reply.Text, "broke in the midst of the text: no answer in time") {
		t.Errorf("%s: %s", r.Status, r.Reply.Error())
	}
}

func TestEarlyRefusalOfText(t *testing.T) {
	s := newStage(t)
	// The peer's 552 comes in place of reading the text.
	p := newPeer(t, map[string][]string{"DATA": {"354 go ahead\r\n552 5.3.4 too large"}})
	s.at("192.0.2.1", p)
	res := s.attempt(mail.Options{}, to(bob)...)
	if r := res[0]; r.Status != queue.Failed || r.Reply.Error() != "552 5.3.4 too large" {
		t.Errorf("%s: %s", r.Status, r.Reply.Error())
	}
}

func TestOneConnectionForSeveral(t *testing.T) {
	s := newStage(t)
	s.opts.PerDest = 1
	p := newPeer(t, nil)
	s.at("192.0.2.1", p)
	for i := range 30 {
		s.store.add(fmt.Sprint("m", i), ketchup, alice, mail.Options{}, to(bob)...)
	}
	s.run()
	s.settled(30)
	s.store.add("late", ketchup, alice, mail.Options{}, to(bob)...) // it meets a connection that is kept
	s.settled(1)
	s.stop()
	_, messages, conns := p.heard()
	if len(messages) != 31 || conns != 1 {
		t.Errorf("%d messages over %d connections, want 31 over 1", len(messages), conns)
	}
	if n := p.count("EHLO"); n != 1 {
		t.Errorf("EHLO was said %d times, want once", n)
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	s := newStage(t)
	s.opts.PerDest, s.opts.MaxMessages = 3, 10
	p := newPeer(t, nil)
	s.at("192.0.2.1", p)
	for i := range 100 {
		s.store.add(fmt.Sprint("m", i), ketchup, alice, mail.Options{}, to(bob)...)
	}
	s.run()
	s.settled(100)
	s.stop()
	_, messages, conns := p.heard()
	if len(messages) != 100 || conns < 10 || conns > 13 {
		t.Errorf("%d messages over %d connections, want 100 over 10 to 13", len(messages), conns)
	}
}

// TestKeptConnectionEnds: a connection without messages is closed after a while.
func TestKeptConnectionEnds(t *testing.T) {
	s := newStage(t)
	p := newPeer(t, nil)
	s.at("192.0.2.1", p)
	s.attempt(mail.Options{}, to(bob)...)
	for range 3 {
		if p.count("QUIT") != 0 {
			t.Errorf("QUIT came after %s, want 3 s", s.clock.Now().Sub(start))
		}
		s.clock.Sleepers(1)
		s.clock.Advance(time.Second)
	}
	eventually(t, func() bool { return p.count("QUIT") == 1 })
}

// TestKeptConnectionGone: the peer closes a kept connection, and nobody notices.
func TestKeptConnectionGone(t *testing.T) {
	for _, death := range []string{hangUp, "421 4.4.2 idle for too long"} {
		t.Run(death, func(t *testing.T) {
			s := newStage(t)
			p := newPeer(t, map[string][]string{"MAIL": {"250 ok", death, "250 ok"}})
			s.at("192.0.2.1", p)
			s.attempt(mail.Options{}, to(bob)...)
			s.store.add("m2", ketchup, alice, mail.Options{}, to(bob)...)
			s.settled(1)
			h, _, _ := s.store.snapshot()
			if r := h[1][0]; r.Status != queue.Delivered {
				t.Errorf("%s: %s", r.Status, r.Reply.Error())
			}
			if _, messages, conns := p.heard(); len(messages) != 2 || conns != 2 {
				t.Errorf("%d messages over %d connections, want 2 over 2", len(messages), conns)
			}
		})
	}
}

// TestResetAfterRefusal: a refused transaction does not spoil the next.
func TestResetAfterRefusal(t *testing.T) {
	s := newStage(t)
	p := newPeer(t, map[string][]string{"RCPT": {"550 5.1.1 no", "250 ok"}})
	s.at("192.0.2.1", p)
	s.attempt(mail.Options{}, to(bob)...)
	s.store.add("m2", ketchup, alice, mail.Options{}, to(carol)...)
	s.settled(1)
	s.stop()
	commands, messages, conns := p.heard()
	want := "EHLO MAIL RCPT RSET EHLO MAIL RCPT DATA QUIT"
	var verbs []string
	for _, c := range commands {
		verb, _, _ := strings.Cut(c, " ")
		verbs = append(verbs, verb)
	}
	if got := strings.Join(verbs, " "); got != want || len(messages) != 1 || conns != 1 {
		t.Errorf("the peer heard %s on %d connections, want %s on 1", got, conns, want)
	}
}

func TestSTARTTLS(t *testing.T) {
	conf, pool := certificate(t, "mail.hamburger.edu")
	other, _ := certificate(t, "elsewhere.example")
	tests := []struct {
		name    string
		conf    *tls.Config
		script  map[string][]string
		policy  queue.TLSPolicy
		require bool
		ehlo    []string
		status  queue.Status
		reply   string // its beginning
		note    string // in the transcript
		conns   int
	}{
		{name: "opportunistic", conf: conf, status: queue.Delivered, note: "encrypted with TLS 1.3", conns: 1},
		{name: "unverified is good enough", conf: other, status: queue.Delivered, note: "the certificate is not verified", conns: 1},
		{name: "never", conf: conf, policy: queue.Never, status: queue.Delivered, conns: 1},
		{name: "refused", conf: conf, script: map[string][]string{"STARTTLS": {"454 4.7.0 not now"}}, status: queue.Delivered, note: "going on in plain text", conns: 1},
		{name: "handshake fails", conf: &tls.Config{}, status: queue.Delivered, note: "the TLS handshake failed", conns: 2},
		{name: "text behind the reply", conf: conf, script: map[string][]string{"STARTTLS": {"220 go\r\n250 injected"}}, status: queue.Delivered, conns: 2},
		{name: "always", conf: conf, policy: queue.Always, status: queue.Delivered, note: "valid for the host's name", conns: 1},
		{name: "always, wrong name", conf: other, policy: queue.Always, status: queue.Failed, reply: "550 5.7.10", conns: 1},
		{name: "always, not offered", policy: queue.Always, status: queue.Failed, reply: "550 5.7.10", conns: 1},
		{name: "always, handshake fails", conf: &tls.Config{}, policy: queue.Always, status: queue.Deferred, reply: "454 4.7.5", conns: 1},
		{name: "REQUIRETLS", conf: conf, require: true, ehlo: []string{"REQUIRETLS"}, status: queue.Delivered, conns: 1},
		{name: "REQUIRETLS not offered", conf: conf, require: true, status: queue.Failed, reply: "550 5.7.30", conns: 1},
		{name: "REQUIRETLS in plain text", require: true, ehlo: []string{"REQUIRETLS"}, status: queue.Failed, reply: "550 5.7.10", conns: 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t)
			s.names.mx["hamburger.edu"] = mxs("mail.hamburger.edu")
			s.opts.TLS, s.opts.TLSConfig = tt.policy, &tls.Config{RootCAs: pool}
			p := newPeer(t, tt.script, tt.ehlo...)
			p.tls = tt.conf
			s.at("192.0.2.1", p)
			res := s.attempt(mail.Options{RequireTLS: tt.require}, to(bob)...)[0]
			s.stop()
			if res.Status != tt.status || !strings.HasPrefix(res.Reply.Error(), tt.reply) {
				t.Errorf("%s: %s; want %s: %s", res.Status, res.Reply.Error(), tt.status, tt.reply)
			}
			wantText(t, "the transcript", s.transcript(), tt.note)
			if _, _, conns := p.heard(); conns != tt.conns {
				t.Errorf("%d connections, want %d\n%s", conns, tt.conns, s.transcript())
			}
			if tt.require && tt.status == queue.Delivered && p.count("MAIL FROM:<alice@crepes.fr> REQUIRETLS") != 1 {
				t.Errorf("MAIL was said without REQUIRETLS:\n%s", s.transcript())
			}
			for _, e := range s.log.Since(0) {
				if strings.HasPrefix(e.Text, "DATA") && e.Secure == (tt.policy == queue.Never) && tt.note == "encrypted with TLS 1.3" {
					t.Errorf("DATA was said in the clear")
				}
			}
		})
	}
}

// TestNeeds checks what a message needs of a server against what it offers.
func TestNeeds(t *testing.T) {
	jose := mail.Address{Local: "josé", Domain: "hamburger.edu"}
	buecher := mail.Address{Local: "bob", Domain: "bücher.example"}
	const eight = "Subject: x\r\n\r\nüber\r\n"
	const eightHeader = "Subject: über\r\n\r\nx\r\n"
	tests := []struct {
		name  string
		text  string
		from  mail.Address
		to    mail.Address
		o     mail.Options
		ehlo  []string
		reply string // beginning
		said  string // a command that was said
	}{
		{"8 bit to a 7 bit server", eight, alice, bob, mail.Options{Body: mail.Body8Bit}, nil, "554 5.6.3", ""},
		{"8 bit, not announced", eight, alice, bob, mail.Options{}, nil, "554 5.6.3", ""},
		{"announced as 8 bit, and is not", ketchup, alice, bob, mail.Options{Body: mail.Body8Bit}, nil, "250", "MAIL FROM:<alice@crepes.fr>"},
		{"8 bit", eight, alice, bob, mail.Options{}, []string{"8bitmime"}, "250", "MAIL FROM:<alice@crepes.fr> BODY=8BITMIME"},
		{"binary", ketchup, alice, bob, mail.Options{Body: mail.BodyBinary}, []string{"8BITMIME"}, "554 5.6.3", ""},
		{"too large", ketchup, alice, bob, mail.Options{}, []string{"SIZE 10"}, "552 5.3.4", ""},
		{"size without limit", ketchup, alice, bob, mail.Options{}, []string{"SIZE 0"}, "250", ""},
		{"recipient in UTF-8", ketchup, alice, jose, mail.Options{UTF8: true}, nil, "553 5.6.7", ""},
		{"recipient in UTF-8, offered", ketchup, alice, jose, mail.Options{UTF8: true}, []string{"SMTPUTF8", "8BITMIME"}, "250", "RCPT TO:<josé@hamburger.edu>"},
		{"sender in UTF-8", ketchup, jose, bob, mail.Options{UTF8: true}, nil, "553 5.6.7", ""},
		{"header in UTF-8", eightHeader, alice, bob, mail.Options{UTF8: true}, []string{"8BITMIME"}, "554 5.6.9", ""},
		{"asked for SMTPUTF8, and does not need it", ketchup, alice, bob, mail.Options{UTF8: true}, nil, "250", "MAIL FROM:<alice@crepes.fr>"},
		{"domain in UTF-8", ketchup, alice, buecher, mail.Options{UTF8: true}, nil, "250", "RCPT TO:<bob@xn--bcher-kva.example>"},
		{"quoted local part", ketchup, alice, mail.Address{Local: `victim@other.com> NOTIFY=NEVER "`, Domain: "hamburger.edu"}, mail.Options{}, nil, "250",
			`RCPT TO:<"victim@other.com> NOTIFY=NEVER \""@hamburger.edu>`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t)
			s.names.mx["hamburger.edu"] = mxs("mail.hamburger.edu")
			s.names.mx["xn--bcher-kva.example"] = mxs("mail.hamburger.edu")
			p := newPeer(t, nil, tt.ehlo...)
			s.at("192.0.2.1", p)
			s.run()
			s.store.add("m1", tt.text, tt.from, tt.o, to(tt.to)...)
			s.settled(1)
			h, _, _ := s.store.snapshot()
			if got := h[0][0].Reply.Error(); !strings.HasPrefix(got, tt.reply) {
				t.Errorf("the reply is %s, want %s", got, tt.reply)
			}
			if tt.said != "" && p.count(tt.said) == 0 {
				commands, _, _ := p.heard()
				t.Errorf("the peer heard %q, want %q", commands, tt.said)
			}
		})
	}
}

func TestDSNParameters(t *testing.T) {
	s := newStage(t)
	p := newPeer(t, nil, "DSN")
	s.at("192.0.2.1", p)
	s.attempt(mail.Options{Return: mail.ReturnHdrs, EnvID: "a+b c"}, mail.Recipient{Address: bob, Notify: []string{"SUCCESS", "DELAY"}, ORcpt: "rfc822;Bob@crepes.fr"})
	s.stop()
	commands, _, _ := p.heard()
	if want := "MAIL FROM:<alice@crepes.fr> RET=HDRS ENVID=a+2Bb+20c"; commands[1] != want {
		t.Errorf("said %q, want %q", commands[1], want)
	}
	if want := "RCPT TO:<bob@hamburger.edu> NOTIFY=SUCCESS,DELAY ORCPT=RFC822;Bob@crepes.fr"; commands[2] != want {
		t.Errorf("said %q, want %q", commands[2], want)
	}
	if _, reports, _ := s.store.snapshot(); len(reports) != 0 {
		t.Error("there is a report, though the next server makes it")
	}
}

func TestRealClock(t *testing.T) {
	s := newStage(t)
	s.world.clock = wire.System{}
	s.store.clock = wire.System{}
	s.opts.Idle = time.Millisecond
	p := newPeer(t, nil)
	s.at("192.0.2.1", p)
	s.attempt(mail.Options{}, to(bob)...)
	eventually(t, func() bool { return p.count("QUIT") == 1 }) // the kept connection ends by itself
}
