package server

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"glassmail/mailbox"
	"glassmail/queue"
)

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
	if !info.alive() { // left behind by a node that was killed
		return nil, fs.ErrNotExist
	}
	return &remoteAdmin{info: info}, nil
}

// alive asks whoever listens there to prove that it is the node.
func (i controlInfo) alive() bool {
	nonce := rand.Text()
	c := http.Client{Timeout: 5 * time.Second}
	resp, err := c.Get("http://" + i.Addr + "/prove?nonce=" + nonce)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1000))
	return err == nil && hmac.Equal(b, []byte(controlProof(i.Token, nonce)))
}

// remoteAdmin is an Admin at the other end of a control socket.
type remoteAdmin struct {
	info   controlInfo
	client http.Client
}

func (r *remoteAdmin) call(ctx context.Context, name string, c controlCall, result any) error {
	resp, err := r.ask(ctx, name, c)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	rep := controlReply{Progress: new([2]int64)}
	for in := json.NewDecoder(resp.Body); rep.Progress != nil; {
		rep = controlReply{}
		if err := in.Decode(&rep); err != nil {
			return fmt.Errorf("the running node: %w", err)
		}
		if rep.Progress != nil && c.progress != nil {
			c.progress(rep.Progress[0], rep.Progress[1])
		}
	}
	if len(rep.Result) > 0 && result != nil {
		if err := json.Unmarshal(rep.Result, result); err != nil {
			return fmt.Errorf("the running node: %w", err)
		}
	}
	if rep.Error != "" {
		return remoteError{text: rep.Error, kind: rep.Kind}
	}
	return nil
}

// ask sends a call. The caller closes the body.
func (r *remoteAdmin) ask(ctx context.Context, name string, c controlCall) (*http.Response, error) {
	b, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+r.info.Addr+"/"+name, bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+r.info.Token)
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("the running node: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
		return nil, fmt.Errorf("the running node: %s: %s", resp.Status, bytes.TrimSpace(text))
	}
	return resp, nil
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

func (r *remoteAdmin) Care(ctx context.Context, t Task, progress func(done, total int64)) (out Outcome, err error) {
	err = r.call(ctx, "care", controlCall{Task: t, progress: progress}, &out)
	return out, err
}
