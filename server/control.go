package server

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"glassmail/mailbox"
	"glassmail/queue"
)

// The control socket is how commands reach a running node: JSON over HTTP on a
// loopback port that the system chooses. Where it is, and the token that each
// request must carry, stand in control.json in the data folder, readable by its
// owner only.
const (
	controlFile    = "control.json"
	maxControlBody = 1 << 20 // bytes of a request
	controlGrace   = 2 * time.Second
)

type controlInfo struct {
	Addr  string `json:"addr"`
	Token string `json:"token"`
	PID   int    `json:"pid"`
}

// control serves an Admin.
type control struct {
	file string
	http http.Server
	l    net.Listener
}

// newControl listens and writes control.json into dir.
func newControl(dir string, a Admin) (*control, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	info := controlInfo{Addr: l.Addr().String(), Token: rand.Text(), PID: os.Getpid()}
	c := &control{file: filepath.Join(dir, controlFile), l: l}
	c.http = http.Server{Handler: controlHandler(info.Token, a), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute}
	b, err := json.Marshal(info)
	if err == nil {
		err = replaceFile(c.file, b)
	}
	if err != nil {
		l.Close()
		return nil, fmt.Errorf("control socket: %w", err)
	}
	return c, nil
}

func replaceFile(name string, b []byte) error {
	tmp := name + ".new"
	if err := os.WriteFile(tmp, b, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, name)
}

func (c *control) serve() { c.http.Serve(c.l) }

func (c *control) close() {
	os.Remove(c.file)
	ctx, cancel := context.WithTimeout(context.Background(), controlGrace)
	defer cancel()
	if c.http.Shutdown(ctx) != nil { // a long task is cut: it is one that can be done again
		c.http.Close()
	}
}

// request and reply of every call; each call uses some of the fields.
type controlCall struct {
	Address   string          `json:"address,omitempty"`
	Password  string          `json:"password,omitempty"`
	MaxBytes  int64           `json:"maxBytes,omitempty"`
	Targets   []string        `json:"targets,omitempty"`
	Dest      string          `json:"dest,omitempty"`
	ID        string          `json:"id,omitempty"`
	IDs       []string        `json:"ids,omitempty"`
	All       bool            `json:"all,omitempty"`
	Amendment queue.Amendment `json:"amendment,omitempty"`
	Task      Task            `json:"task,omitzero"`

	progress func(done, total int64)
}

// controlReply is one line of the answer: any number with Progress, then one
// without.
type controlReply struct {
	Progress *[2]int64       `json:"progress,omitempty"` // done, total
	Result   json.RawMessage `json:"result,omitempty"`
	Error    string          `json:"error,omitempty"`
	Kind     string          `json:"kind,omitempty"` // "not found", "exists already"
}

// controlTable maps the name of a call to what it does.
func controlTable(a Admin) map[string]func(context.Context, controlCall) (any, error) {
	return map[string]func(context.Context, controlCall) (any, error){
		"accounts": func(ctx context.Context, c controlCall) (any, error) { return a.Accounts(ctx) },
		"add": func(ctx context.Context, c controlCall) (any, error) {
			return nil, a.AddAccount(ctx, c.Address, c.Password, c.MaxBytes)
		},
		"password": func(ctx context.Context, c controlCall) (any, error) {
			return nil, a.SetPassword(ctx, c.Address, c.Password)
		},
		"remove":  func(ctx context.Context, c controlCall) (any, error) { return nil, a.RemoveAccount(ctx, c.Address) },
		"aliases": func(ctx context.Context, c controlCall) (any, error) { return a.Aliases(ctx) },
		"alias": func(ctx context.Context, c controlCall) (any, error) {
			return nil, a.SetAlias(ctx, c.Address, c.Targets)
		},
		"folders": func(ctx context.Context, c controlCall) (any, error) { return a.Folders(ctx, c.Address) },
		"queue":   func(ctx context.Context, c controlCall) (any, error) { return a.Queue(ctx, c.Dest) },
		"text":    func(ctx context.Context, c controlCall) (any, error) { return a.QueueText(ctx, c.ID) },
		"care":    func(ctx context.Context, c controlCall) (any, error) { return a.Care(ctx, c.Task, c.progress) },
		"amend": func(ctx context.Context, c controlCall) (any, error) {
			if !c.All && c.IDs == nil {
				c.IDs = []string{}
			}
			return a.AmendQueue(ctx, c.IDs, c.Amendment)
		},
	}
}

func controlHandler(token string, a Admin) http.Handler {
	table := controlTable(a)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/prove" {
			io.WriteString(w, controlProof(token, r.URL.Query().Get("nonce")))
			return
		}
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte("Bearer "+token)) != 1 {
			http.Error(w, "the token is wrong", http.StatusForbidden)
			return
		}
		call, ok := table[r.URL.Path[1:]]
		var c controlCall
		err := json.NewDecoder(io.LimitReader(r.Body, maxControlBody)).Decode(&c)
		if !ok || err != nil {
			http.Error(w, "there is no such call", http.StatusNotFound)
			return
		}
		c.progress = progressLines(w)
		json.NewEncoder(w).Encode(answer(call(r.Context(), c)))
	})
}

// controlProof shows that a server knows the token, before a client tells it
// passwords: the port may belong to another program by now.
func controlProof(token, nonce string) string {
	m := hmac.New(sha256.New, []byte(token))
	io.WriteString(m, nonce)
	return hex.EncodeToString(m.Sum(nil))
}

// progressLines writes progress to a client, at most four lines a second.
func progressLines(w http.ResponseWriter) func(done, total int64) {
	var last time.Time
	out := http.NewResponseController(w)
	return func(done, total int64) {
		if now := time.Now(); now.Sub(last) >= time.Second/4 {
			last = now
			json.NewEncoder(w).Encode(controlReply{Progress: &[2]int64{done, total}})
			out.Flush()
		}
	}
}

// answer carries a result even beside an error: a task may have done a part.
func answer(result any, err error) controlReply {
	b, marshal := json.Marshal(result)
	rep := controlReply{Result: b}
	if err = errors.Join(err, marshal); err != nil {
		rep.Error = err.Error()
	}
	for _, kind := range controlErrors() {
		if errors.Is(err, kind) {
			rep.Kind = kind.Error()
		}
	}
	return rep
}

// controlErrors are the errors that keep their identity over the socket.
func controlErrors() []error {
	return []error{mailbox.ErrNotFound, mailbox.ErrExists, mailbox.ErrInvalid, mailbox.ErrQuota, mailbox.ErrFull}
}
