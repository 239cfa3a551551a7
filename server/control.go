package server

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
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
	c.http.Close()
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
}

type controlReply struct {
	Result json.RawMessage `json:"result,omitempty"`
	Error  string          `json:"error,omitempty"`
	Kind   string          `json:"kind,omitempty"` // "not found", "exists already"
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
		json.NewEncoder(w).Encode(answer(call(r.Context(), c)))
	})
}

func answer(result any, err error) controlReply {
	if err != nil {
		rep := controlReply{Error: err.Error()}
		for _, kind := range controlErrors() {
			if errors.Is(err, kind) {
				rep.Kind = kind.Error()
			}
		}
		return rep
	}
	b, err := json.Marshal(result)
	if err != nil {
		return controlReply{Error: err.Error()}
	}
	return controlReply{Result: b}
}

// controlErrors are the errors that keep their identity over the socket.
func controlErrors() []error {
	return []error{mailbox.ErrNotFound, mailbox.ErrExists, mailbox.ErrInvalid, mailbox.ErrQuota, mailbox.ErrFull}
}

// DialControl finds the running node of a data folder. It is fs.ErrNotExist if
// none runs: then the files can be opened.
func DialControl(dir string) (Admin, error) {
	b, err := os.ReadFile(filepath.Join(dir, controlFile))
	if err != nil {
		return nil, err
	}
	var info controlInfo
	if err := json.Unmarshal(b, &info); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, controlFile), err)
	}
	conn, err := net.DialTimeout("tcp", info.Addr, 2*time.Second)
	if err != nil { // left behind by a node that was killed
		return nil, fs.ErrNotExist
	}
	conn.Close()
	return &remoteAdmin{info: info}, nil
}

// remoteAdmin is an Admin at the other end of a control socket.
type remoteAdmin struct {
	info   controlInfo
	client http.Client
}

func (r *remoteAdmin) call(ctx context.Context, name string, c controlCall, result any) error {
	b, err := json.Marshal(c)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+r.info.Addr+"/"+name, bytes.NewReader(b))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+r.info.Token)
	resp, err := r.client.Do(req)
	if err != nil {
		return fmt.Errorf("the running node: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
		return fmt.Errorf("the running node: %s: %s", resp.Status, bytes.TrimSpace(text))
	}
	var rep controlReply
	if err := json.NewDecoder(resp.Body).Decode(&rep); err != nil {
		return fmt.Errorf("the running node: %w", err)
	}
	if rep.Error != "" {
		return remoteError{text: rep.Error, kind: rep.Kind}
	}
	if result == nil || len(rep.Result) == 0 {
		return nil
	}
	return json.Unmarshal(rep.Result, result)
}

// remoteError is an error of the node with its identity.
type remoteError struct{ text, kind string }

func (e remoteError) Error() string { return e.text }

func (e remoteError) Is(target error) bool { return e.kind != "" && target.Error() == e.kind }

func (r *remoteAdmin) Accounts(ctx context.Context) (out []AccountInfo, err error) {
	err = r.call(ctx, "accounts", controlCall{}, &out)
	return out, err
}

func (r *remoteAdmin) AddAccount(ctx context.Context, address, password string, maxBytes int64) error {
	return r.call(ctx, "add", controlCall{Address: address, Password: password, MaxBytes: maxBytes}, nil)
}

func (r *remoteAdmin) SetPassword(ctx context.Context, address, password string) error {
	return r.call(ctx, "password", controlCall{Address: address, Password: password}, nil)
}

func (r *remoteAdmin) RemoveAccount(ctx context.Context, address string) error {
	return r.call(ctx, "remove", controlCall{Address: address}, nil)
}

func (r *remoteAdmin) Aliases(ctx context.Context) (out []mailbox.Alias, err error) {
	err = r.call(ctx, "aliases", controlCall{}, &out)
	return out, err
}

func (r *remoteAdmin) SetAlias(ctx context.Context, address string, targets []string) error {
	return r.call(ctx, "alias", controlCall{Address: address, Targets: targets}, nil)
}

func (r *remoteAdmin) Folders(ctx context.Context, address string) (out []mailbox.Folder, err error) {
	err = r.call(ctx, "folders", controlCall{Address: address}, &out)
	return out, err
}

func (r *remoteAdmin) Queue(ctx context.Context, dest string) (out []queue.Entry, err error) {
	err = r.call(ctx, "queue", controlCall{Dest: dest}, &out)
	return out, err
}

func (r *remoteAdmin) QueueText(ctx context.Context, id string) (out string, err error) {
	err = r.call(ctx, "text", controlCall{ID: id}, &out)
	return out, err
}

func (r *remoteAdmin) AmendQueue(ctx context.Context, ids []string, a queue.Amendment) (n int, err error) {
	err = r.call(ctx, "amend", controlCall{IDs: ids, All: ids == nil, Amendment: a}, &n)
	return n, err
}
