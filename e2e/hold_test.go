package e2e_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The lesson of docs/hold.md is what happens.
func TestHoldLesson(t *testing.T) {
	p := startLab(t)
	runExamples(t, "hold.md", "sh", map[string]string{
		"http://127.0.0.1:8025": p.ready.Web, "127.0.0.1:2525": p.ready.Nodes["crepes.fr"].SMTP,
	})
}

// serveOne runs one server, and returns what is needed to call it as its operator.
func serveOne(t *testing.T, more ...string) (p *process, call func(method, path, body string, answer any) int) {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	p = start(t, append([]string{"serve", "--domain", "hamburger.edu", "--data", data, "--user", "bob:secret", "--smtp", "127.0.0.1:0",
		"--submission", "", "--submissions", "", "--imap", "127.0.0.1:0", "--imaps", "", "--web", "127.0.0.1:0"}, more...)...)
	token, err := os.ReadFile(filepath.Join(data, "web-token"))
	if err != nil {
		t.Fatal(err)
	}
	return p, func(method, path, body string, answer any) int {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, p.ready.Web+"/api/v1"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
		if body != "" {
			req.Header.Set("Content-Type", "application/json")
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if answer != nil {
			if err := json.Unmarshal(b, answer); err != nil {
				t.Fatalf("%s %s: %d %s", method, path, resp.StatusCode, b)
			}
		}
		return resp.StatusCode
	}
}

// features is what a server's page can do.
type features struct{ Features map[string]bool }

// A server for real mail has no interceptor, and nobody can make it one: not its operator,
// and not its configuration.
func TestServeHoldsNothing(t *testing.T) {
	p, call := serveOne(t)
	for _, c := range [][3]string{
		{"GET", "/hold", ""}, {"POST", "/hold/pause", ""}, {"POST", "/hold/breakpoints", `{"command":"MAIL"}`}, {"GET", "/faults", ""},
		{"POST", "/faults", `{"command":"MAIL","action":"drop"}`}, {"POST", "/clock", `{"advance":"1m"}`},
		{"POST", "/whatif", `{"journey":"x","change":{"kind":"mx-down"}}`},
	} {
		if status := call(c[0], c[1], c[2], nil); status != http.StatusNotFound {
			t.Errorf("%s %s: %d", c[0], c[1], status)
		}
	}
	var f features
	call("GET", "/node", "", &f)
	for _, name := range []string{"hold", "faults", "clock", "whatif"} {
		if f.Features[name] {
			t.Errorf("the page offers %s", name)
		}
	}
	eventually(t, "it says who can connect", func() bool { return strings.Contains(p.out.String(), "Only this machine can connect") })
	if strings.Contains(p.out.String(), "--hold") {
		t.Errorf("it says that it holds:\n%s", p.out.String())
	}
	file := filepath.Join(t.TempDir(), "glassmail.toml")
	for _, key := range []string{"hold = true\n", "[web]\nhold = true\n", "[lab]\nhold = true\n"} {
		if err := os.WriteFile(file, []byte("domains = ['hamburger.edu']\n"+key), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, code := run(t, "", "serve", "--config", file, "--data", t.TempDir()); code == 0 || !strings.Contains(out, "there is no key") {
			t.Errorf("%q: exit code %d\n%s", key, code, out)
		}
	}
}

// With --hold it has one, says so, and stops at once while a line is held.
func TestServeHold(t *testing.T) {
	p, call := serveOne(t, "--hold")
	eventually(t, "it says that it holds", func() bool { return strings.Contains(p.out.String(), "for lessons, not for real mail") })
	var f features
	call("GET", "/node", "", &f)
	if !f.Features["hold"] || f.Features["clock"] || f.Features["whatif"] {
		t.Errorf("features %v", f.Features)
	}
	var state struct {
		Held []struct{ ID, Text string }
	}
	call("POST", "/hold/pause", "", &state)
	conn, err := net.Dial("tcp", p.ready.Nodes["hamburger.edu"].SMTP)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	eventually(t, "the greeting is held", func() bool {
		call("GET", "/hold", "", &state)
		return len(state.Held) == 1 && strings.HasPrefix(state.Held[0].Text, "220 ")
	})
	call("POST", "/hold/held/"+state.Held[0].ID, `{"action":"edit","text":"220 edited"}`, nil)
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || line != "220 edited\r\n" {
		t.Errorf("the client got %q, %v", line, err)
	}
	if _, err := io.WriteString(conn, "NOOP\r\n"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the command is held", func() bool {
		call("GET", "/hold", "", &state)
		return len(state.Held) == 1 && state.Held[0].Text == "NOOP"
	})
	began := time.Now()
	p.stop()
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("the stop took %s: it waited for a line that was held", took)
	}
}

// Nobody could let a line go where there is no page.
func TestHoldNeedsThePage(t *testing.T) {
	out, code := run(t, "", "serve", "--domain", "hamburger.edu", "--data", t.TempDir(), "--web", "", "--hold")
	if code == 0 || !strings.Contains(out, "--hold needs the web page") {
		t.Errorf("exit code %d\n%s", code, out)
	}
}

// The lab sends a message again over its API, with one fact changed.
func TestWhatIfOverTheAPI(t *testing.T) {
	p := startLab(t)
	must(t, "", "send", "--server", p.ready.Nodes["crepes.fr"].SMTP, "--from", "alice@crepes.fr", "--to", "bob@hamburger.edu", "--subject", "Lunch", "--body", "Hungry?")
	ask := func(path, body string, answer any) {
		t.Helper()
		method := http.MethodGet
		if body != "" {
			method = http.MethodPost
		}
		req, err := http.NewRequestWithContext(t.Context(), method, p.ready.Web+"/api/v1"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if body != "" {
			req.Header.Set("Content-Type", "application/json")
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var b bytes.Buffer
		if _, err := b.ReadFrom(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %s %v", path, resp.StatusCode, b.String(), err)
		}
		if err := json.Unmarshal(b.Bytes(), answer); err != nil {
			t.Fatalf("%s: %v in %s", path, err, b.String())
		}
	}
	var journeys struct{ Items []struct{ ID, State string } }
	eventually(t, "the message is delivered", func() bool {
		ask("/journeys", "", &journeys)
		return len(journeys.Items) == 1 && journeys.Items[0].State == "delivered"
	})
	first := journeys.Items[0].ID
	var second struct{ Journey, State string }
	ask("/whatif", `{"journey":"`+first+`","change":{"kind":"reply","command":"RCPT","text":"550 5.1.1 Who?"}}`, &second)
	if second.State != "bounced" || second.Journey == first {
		t.Errorf("the repetition: %+v", second)
	}
	var both struct {
		Rungs []struct {
			A, B       *struct{ Text string }
			Difference string
		}
	}
	ask("/whatif/compare?a="+first+"&b="+second.Journey, "", &both)
	marked := false
	for _, r := range both.Rungs {
		marked = marked || r.Difference == "only-b" && r.B.Text == "550 5.1.1 Who?"
	}
	if !marked {
		t.Errorf("the other reply is not marked among %d rungs", len(both.Rungs))
	}
}
