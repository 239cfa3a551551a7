package pcap_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"glassmail/explain"
	"glassmail/lab"
	"glassmail/pcap"
	"glassmail/trace"
)

// tshark runs Wireshark's dissectors over a file.
func tshark(t *testing.T, file string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("needs tshark: Debian package tshark")
	}
	cmd := exec.CommandContext(t.Context(), path, append([]string{"-r", file, "-n"}, args...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("tshark %v: %v\n%s", args, err, stderr.String())
	}
	return string(out)
}

// say plays lines, each after a reply line with the given beginning.
func say(t *testing.T, addr string, turns ...[2]string) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	in := bufio.NewReader(c)
	for _, turn := range turns {
		fmt.Fprint(c, turn[0])
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				t.Fatalf("after %q: %v", turn[0], err)
			}
			if strings.HasPrefix(line, turn[1]) {
				break
			}
		}
	}
}

// record runs a lab in which alice sends two messages, one of them long, and bob
// reads both, and returns the trace.
func record(t *testing.T) *trace.Log {
	t.Helper()
	l, err := lab.New(t.Context(), lab.Options{Dir: t.TempDir(), Wording: "lecture"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done, ready := make(chan error, 1), make(chan struct{})
	go func() { done <- l.Run(ctx, func() { close(ready) }) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	<-ready
	crepes, hamburger := l.Ready.Nodes["crepes.fr"], l.Ready.Nodes["hamburger.edu"]
	long := strings.Repeat("Do you like ketchup? How about pickles?\r\n", 500)
	follow := l.Trace.Follow(0)
	for i, body := range []string{"Do you like ketchup?\r\n..\r\n", long} {
		say(t, crepes.SMTP, [2]string{"", "220"}, [2]string{"EHLO crepes.fr\r\n", "250 "}, [2]string{"MAIL FROM:<alice@crepes.fr>\r\n", "250"},
			[2]string{"RCPT TO:<bob@hamburger.edu>\r\n", "250"}, [2]string{"DATA\r\n", "354"},
			[2]string{fmt.Sprintf("From: alice@crepes.fr\r\nSubject: message %d\r\n\r\n%s.\r\n", i, body), "250"}, [2]string{"QUIT\r\n", "221"})
	}
	for n := 0; n < 2; {
		ready, _ := follow.Ready()
		<-ready
		for _, e := range follow.Next() {
			if e.Kind == trace.Delivered && e.Proto == trace.Store {
				n++
			}
		}
	}
	say(t, hamburger.IMAP, [2]string{"", "* OK"}, [2]string{"a LOGIN bob bob\r\n", "a OK"}, [2]string{"b SELECT INBOX\r\n", "b OK"},
		[2]string{"c FETCH 1:2 (FLAGS BODY[])\r\n", "c OK"}, [2]string{"d APPEND INBOX {14}\r\n", "+"}, [2]string{"Subject: x\r\n\r\n\r\n", "d OK"},
		[2]string{"e LOGOUT\r\n", "e OK"})
	return l.Trace
}

// Wireshark's dissectors know everything in a file for what it is, and find
// nothing malformed.
func TestWiresharkReadsIt(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("needs tshark: Debian package tshark")
	}
	path := filepath.Join(t.TempDir(), "lab.pcapng")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := pcap.Write(f, record(t).Since(0), pcap.Options{Words: explain.New("th")}); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	bad := "_ws.malformed || _ws.short || tcp.analysis.lost_segment || tcp.analysis.ack_lost_segment || tcp.analysis.retransmission || tcp.analysis.out_of_order || ip.checksum.status == 0 || tcp.checksum.status == 0 || udp.checksum.status == 0"
	if out := tshark(t, path, "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-Y", bad); out != "" {
		t.Errorf("Wireshark finds fault with\n%s", out)
	}
	for filter, least := range map[string]int{
		`smtp.req.command == "MAIL"`: 4, `smtp.response.code == 354`: 4, `smtp.command_line contains "STARTTLS"`: 1,
		`imf.subject == "message 0"`: 2, `imf.subject contains "message"`: 4, `imap.request.command == "FETCH"`: 1, `imap.request.command == "LOGIN"`: 1, `imap.response.status == "OK"`: 4,
		`dns.flags.response == 0 && dns.qry.type == 15`: 4, `dns.flags.authoritative == 1`: 1, `dns.mx.mail_exchange == "mail.hamburger.edu"`: 1,
		`frame.comment contains "envelope"`: 4, `frame.comment contains "ผู้ส่งบน envelope"`: 4,
	} {
		if n := strings.Count(tshark(t, path, "-Y", filter), "\n"); n < least {
			t.Errorf("%s: %d packets, want at least %d", filter, n, least)
		}
	}
	if out := tshark(t, path, "-Y", "tcp && !(tcp.port in {25, 143, 587})"); out != "" {
		t.Errorf("connections on odd ports:\n%s", out)
	}
	if out := tshark(t, path, "-q", "-z", "hosts"); !strings.Contains(out, "crepes.fr") || !strings.Contains(out, "a.edu") {
		t.Errorf("the names are\n%s", out)
	}
}
