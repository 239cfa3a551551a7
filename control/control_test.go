package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errMissing = errors.New("not found")

// serve runs a server with some calls and returns its file.
func serve(t *testing.T) (string, *Server) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "control.json")
	s, err := Serve(file, Table{
		"double": Func(func(_ context.Context, n int) (any, error) { return 2 * n, nil }),
		"fail": Func(func(_ context.Context, name string) (any, error) {
			return "a part", fmt.Errorf("%s: %w", name, errMissing)
		}),
		"long": func(_ context.Context, _ json.RawMessage, p Progress) (any, error) {
			p(1, 2)
			p(2, 2) // within a quarter of a second: left out
			return "done", nil
		},
		"odd": Func(func(context.Context, int) (any, error) { return func() {}, nil }),
	}, errMissing)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		s.Run()
		close(done)
	}()
	t.Cleanup(func() {
		s.Close()
		<-done
	})
	return file, s
}

func dial(t *testing.T, file string) *Client {
	t.Helper()
	c, err := Dial(file, "the test")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCalls(t *testing.T) {
	file, _ := serve(t)
	c := dial(t, file)
	var n int
	if err := c.Call(t.Context(), "double", 21, &n, nil); err != nil || n != 42 {
		t.Errorf("double: %d, %v", n, err)
	}
	var text string
	err := c.Call(t.Context(), "fail", "gaia", &text, nil)
	if !errors.Is(err, errMissing) || err.Error() != "gaia: not found" || text != "a part" {
		t.Errorf("fail: %q, %v", text, err)
	}
	if errors.Is(err, fs.ErrExist) {
		t.Error("the error is every other error too")
	}
	var seen []int64
	if err := c.Call(t.Context(), "long", nil, &text, func(done, _ int64) { seen = append(seen, done) }); err != nil || text != "done" || !slices.Equal(seen, []int64{1}) {
		t.Errorf("long: %q, %v, progress %v", text, err, seen)
	}
}

// What cannot be called is an error that names the server.
func TestWrongCalls(t *testing.T) {
	file, _ := serve(t)
	c := dial(t, file)
	for name, request := range map[string]any{"nothing": 1, "double": "a text", "odd": 1, "prove": 1, "": 1, "long": func() {}} {
		if err := c.Call(t.Context(), name, request, nil, nil); err == nil {
			t.Errorf("%q with %T is no error", name, request)
		}
	}
	if err := c.Call(t.Context(), "nothing", 1, nil, nil); err == nil || !strings.Contains(err.Error(), "the test: 404") {
		t.Errorf("unknown call: %v", err)
	}
	if err := c.Call(t.Context(), "double", strings.Repeat("x", maxBody), nil, nil); err == nil {
		t.Error("a request without end was taken")
	}
}

func TestClosed(t *testing.T) {
	file, s := serve(t)
	c := dial(t, file)
	s.Close()
	if _, err := Dial(file, "the test"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("dial after the end: %v", err)
	}
	if err := c.Call(t.Context(), "double", 1, nil, nil); err == nil || !strings.Contains(err.Error(), "the test: ") {
		t.Errorf("call after the end: %v", err)
	}
}

// A port that another program has now is not told the token.
func TestStaleFile(t *testing.T) {
	file, asked := filepath.Join(t.TempDir(), "control.json"), false
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = asked || r.Header.Get("Authorization") != ""
	}))
	defer other.Close()
	text := `{"addr":"` + strings.TrimPrefix(other.URL, "http://") + `","token":"secret"}`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(file, "the test"); !errors.Is(err, fs.ErrNotExist) || asked {
		t.Errorf("%v; the token was told: %v", err, asked)
	}
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(file, "the test"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("half a file is of a server that runs: %v", err)
	}
}

func TestTokenIsNeeded(t *testing.T) {
	file, s := serve(t)
	resp, err := http.Post("http://"+s.l.Addr().String()+"/double", "application/json", strings.NewReader("1"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("without the token: %s", resp.Status)
	}
	if i, err := os.Stat(file); err != nil || runtime.GOOS != "windows" && i.Mode().Perm()&0o077 != 0 {
		t.Errorf("the file: %v, %v", i.Mode(), err)
	}
	if _, err := Serve(filepath.Join(file, "x"), nil); err == nil {
		t.Error("a file that cannot be written is no error")
	}
}

// A call that waits is told to end when the server closes.
func TestCloseEndsCalls(t *testing.T) {
	file := filepath.Join(t.TempDir(), "control.json")
	began, ended := make(chan struct{}), make(chan struct{})
	s, err := Serve(file, Table{"wait": Func(func(ctx context.Context, _ int) (any, error) {
		close(began)
		<-ctx.Done()
		close(ended)
		return nil, ctx.Err()
	})})
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(s.Run)
	c := dial(t, file)
	running.Go(func() {
		if err := c.Call(context.Background(), "wait", 1, nil, nil); err == nil {
			t.Error("a call that was cut is no error")
		}
	})
	<-began
	s.Close()
	select {
	case <-ended:
	default:
		t.Error("the server closed before its call had ended")
	}
	running.Wait()
}
