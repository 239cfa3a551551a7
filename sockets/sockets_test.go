package sockets

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// long is a time that no test waits for when all is well.
const long = 30 * time.Second

var (
	readyOn  = regexp.MustCompile(`is ready on (?:port )?(\S+?)\.?\n`)
	fromPort = regexp.MustCompile(`from my port (\d+) to`)
)

// serve runs a server of this package and returns its address. It is stopped,
// and must stop without an error, when the test ends.
func serve(t *testing.T, server func(context.Context, string, io.Writer) error) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := server(ctx, "127.0.0.1:0", w)
		w.CloseWithError(io.EOF)
		done <- err
	}()
	addr := readAddress(t, r)
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	return addr
}

// readAddress waits for the line that says where a server is ready, and lets
// the rest of its output go.
func readAddress(t *testing.T, r io.Reader) string {
	t.Helper()
	out := bufio.NewReader(r)
	l, err := out.ReadString('\n')
	m := readyOn.FindStringSubmatch(l)
	if m == nil {
		t.Fatalf("the server printed %q (%v)", l, err)
	}
	go io.Copy(io.Discard, out)
	return m[1]
}

func TestUDP(t *testing.T) {
	addr := serve(t, UDPServer)
	var out strings.Builder
	in := strings.NewReader("do you like ketchup?\nสวัสดี straße é\n")
	if err := UDPClient(t.Context(), addr, long, 1, in, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`Sent "do you like ketchup?" from my port `,
		`Got "DO YOU LIKE KETCHUP?" from ` + addr + ".",
		fmt.Sprintf("Got %q from %s.", strings.ToUpper("สวัสดี straße é"), addr),
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
	if !strings.Contains(out.String(), "สวัสดี") {
		t.Error("Thai letters changed")
	}
}

func TestUDPEachClientGetsItsOwnAnswer(t *testing.T) {
	addr := serve(t, UDPServer)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			var out strings.Builder
			if err := UDPClient(t.Context(), addr, long, 1, strings.NewReader(fmt.Sprintf("client %d\n", i)), &out); err != nil {
				t.Error(err)
			}
			if want := fmt.Sprintf(`Got "CLIENT %d" from`, i); !strings.Contains(out.String(), want) {
				t.Errorf("%q is missing in\n%s", want, out.String())
			}
		})
	}
	wg.Wait()
}

func TestUDPClientTriesAgain(t *testing.T) {
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	done := make(chan struct{})
	go func() { // loses the first datagram
		defer close(done)
		b := make([]byte, 100)
		socket.ReadFrom(b)
		n, from, err := socket.ReadFrom(b)
		if err == nil {
			socket.WriteTo([]byte(strings.ToUpper(string(b[:n]))), from)
		}
	}()
	var out strings.Builder
	err = UDPClient(t.Context(), socket.LocalAddr().String(), 20*time.Millisecond, 500, strings.NewReader("x\n"), &out)
	if err != nil {
		t.Error(err)
	}
	<-done
	if !strings.Contains(out.String(), "No answer within 20ms (try 1 of 500).") || !strings.Contains(out.String(), `Got "X"`) {
		t.Errorf("printed\n%s", out.String())
	}
}

func TestUDPClientGivesUp(t *testing.T) {
	socket, err := net.ListenPacket("udp", "127.0.0.1:0") // never answers
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	var out strings.Builder
	err = UDPClient(t.Context(), socket.LocalAddr().String(), time.Millisecond, 3, strings.NewReader("x\n"), &out)
	if err == nil || !strings.Contains(err.Error(), "does not answer") {
		t.Errorf("error %v", err)
	}
	if n := strings.Count(out.String(), "No answer within 1ms"); n != 3 {
		t.Errorf("%d tries, want 3:\n%s", n, out.String())
	}
}

// A late answer to one sentence must not be taken for the answer to the next.
func TestUDPLateAnswer(t *testing.T) {
	addr := serve(t, UDPServer)
	var out strings.Builder
	if err := UDPClient(t.Context(), addr, long, 1, strings.NewReader("a\nb\n"), &out); err != nil {
		t.Fatal(err)
	}
	ports := fromPort.FindAllStringSubmatch(out.String(), -1)
	if len(ports) != 2 || ports[0][1] == ports[1][1] {
		t.Errorf("both sentences used one port:\n%s", out.String())
	}
}

func TestTCP(t *testing.T) {
	addr := serve(t, TCPServer)
	var out strings.Builder
	if err := TCPClient(t.Context(), addr, long, strings.NewReader("do you like ketchup?\nไทย é\n\n"), &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Connected: my side is 127.0.0.1:", `Got "DO YOU LIKE KETCHUP?" from ` + addr, `Got "ไทย É" from `, `Got "" from `} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}

// Segments are not messages: pieces, several lines at once, CR LF and a last
// line without an end all give the same bytes back in upper case.
func TestTCPStream(t *testing.T) {
	addr := serve(t, TCPServer)
	for _, pieces := range [][]string{
		{"he", "l", "lo\n"}, {"a\nb\nc\n"}, {"one\r\n"}, {"no end"}, {"\xe0\xb8", "\x81 x\n"}, {strings.Repeat("y", maxSentence-1) + "\n"},
	} {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range pieces {
			if _, err := io.WriteString(c, p); err != nil {
				t.Fatal(err)
			}
		}
		c.(*net.TCPConn).CloseWrite()
		got, err := io.ReadAll(c)
		c.Close()
		if want := strings.ToUpper(strings.Join(pieces, "")); err != nil || string(got) != want {
			t.Errorf("%.40q came back as %.40q (%v)", pieces, got, err)
		}
	}
}

func TestTCPTooLongLine(t *testing.T) {
	addr := serve(t, TCPServer)
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, strings.Repeat("x", maxSentence)); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(c)
	if err != nil || !strings.HasPrefix(string(got), "A line may have") {
		t.Errorf("the server answered %.60q (%v)", got, err)
	}
}

func TestTCPServesClientsSideBySide(t *testing.T) {
	addr := serve(t, TCPServer)
	idle, err := net.Dial("tcp", addr) // is connected and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			var out strings.Builder
			if err := TCPClient(t.Context(), addr, long, strings.NewReader(fmt.Sprintf("a%d\nb%d\n", i, i)), &out); err != nil {
				t.Error(err)
			}
			if !strings.Contains(out.String(), fmt.Sprintf(`Got "B%d"`, i)) {
				t.Errorf("client %d printed\n%s", i, out.String())
			}
		})
	}
	wg.Wait()
}

func TestTCPBoundsItsClients(t *testing.T) {
	addr := serve(t, TCPServer)
	var all []net.Conn
	defer func() {
		for _, c := range all {
			c.Close()
		}
	}()
	for range maxClients { // each is served before the next comes
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
		io.WriteString(c, "x\n")
		if _, err := io.ReadFull(c, make([]byte, 2)); err != nil {
			t.Fatal(err)
		}
	}
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	all = append(all, c)
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("one client too many was served")
	}
}

func TestClientsSayWhatIsWrong(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			bufio.NewReader(c).ReadString('\n')
			c.Close()
		}
	}()
	err = TCPClient(t.Context(), addr, long, strings.NewReader("x\n"), io.Discard)
	if err == nil || !strings.Contains(err.Error(), "without an answer") {
		t.Errorf("a server that closes: %v", err)
	}
	l.Close()
	if err := TCPClient(t.Context(), addr, long, strings.NewReader("x\n"), io.Discard); err == nil || !strings.Contains(err.Error(), "connect") {
		t.Errorf("no server: %v", err)
	}
	if err := UDPClient(t.Context(), "127.0.0.1", long, 1, strings.NewReader("x\n"), io.Discard); err == nil {
		t.Error("an address without a port was taken")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := UDPClient(ctx, "127.0.0.1:9", long, 1, strings.NewReader("x\n"), io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("a stopped client: %v", err)
	}
}

func TestServersRefuseATakenPort(t *testing.T) {
	addr := serve(t, TCPServer)
	if err := TCPServer(t.Context(), addr, io.Discard); err == nil {
		t.Error("two TCP servers on one port")
	}
	addr = serve(t, UDPServer)
	if err := UDPServer(t.Context(), addr, io.Discard); err == nil {
		t.Error("two UDP servers on one port")
	}
}

func TestAnnounce(t *testing.T) {
	for addr, want := range map[string]string{
		"127.0.0.1:12000": "Only programs on this machine",
		"[::1]:12000":     "Only programs on this machine",
		"0.0.0.0:12000":   "A firewall",
		"[::]:12000":      "A firewall",
	} {
		at, err := net.ResolveTCPAddr("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		announce(&out, "TCP", at)
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s is announced as\n%s", addr, out.String())
		}
	}
}

func TestSourceIsWhole(t *testing.T) {
	for _, name := range []string{"udp_server", "udp_client", "tcp_server", "tcp_client"} {
		for _, file := range []string{name + ".go", "python/" + name + ".py"} {
			b, err := Source.ReadFile(file)
			if err != nil || len(b) == 0 {
				t.Errorf("%s: %d bytes, %v", file, len(b), err)
			}
		}
	}
}

// python starts one of the Python programs.
func python(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed (Debian package python3)")
	}
	cmd := exec.CommandContext(t.Context(), path, append([]string{filepath.Join("python", name)}, args...)...)
	cmd.Env = append(cmd.Environ(), "PYTHONIOENCODING=utf-8")
	return cmd
}

func TestPythonClients(t *testing.T) {
	for name, server := range map[string]func(context.Context, string, io.Writer) error{
		"udp_client.py": UDPServer, "tcp_client.py": TCPServer,
	} {
		t.Run(name, func(t *testing.T) {
			host, port, _ := net.SplitHostPort(serve(t, server))
			cmd := python(t, name, host, port)
			cmd.Stdin = strings.NewReader("do you like กิน?\n")
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), "DO YOU LIKE กิน?") {
				t.Errorf("printed %q (%v)", out, err)
			}
		})
	}
}

func TestPythonServers(t *testing.T) {
	clients := map[string]func(addr string, in io.Reader, out io.Writer) error{
		"udp_server.py": func(addr string, in io.Reader, out io.Writer) error {
			return UDPClient(t.Context(), addr, long, 1, in, out)
		},
		"tcp_server.py": func(addr string, in io.Reader, out io.Writer) error {
			return TCPClient(t.Context(), addr, long, in, out)
		},
	}
	for name, client := range clients {
		t.Run(name, func(t *testing.T) {
			cmd := python(t, name, "0")
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer cmd.Wait()
			defer cmd.Process.Kill()
			addr := net.JoinHostPort("127.0.0.1", readAddress(t, stdout))
			var out strings.Builder
			if err := client(addr, strings.NewReader("first กิน\nsecond\n"), &out); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(out.String(), `Got "FIRST กิน"`) || !strings.Contains(out.String(), `Got "SECOND"`) {
				t.Errorf("printed\n%s", out.String())
			}
		})
	}
}
