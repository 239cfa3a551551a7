package server

import (
	"context"
	"path/filepath"

	"glassmail/control"
	"glassmail/mailbox"
	"glassmail/queue"
)

// DialControl finds the running node of a data folder. It is fs.ErrNotExist if
// none runs: then the files can be opened.
func DialControl(dir string) (Admin, error) {
	c, err := control.Dial(filepath.Join(dir, controlFile), "the running node")
	if err != nil {
		return nil, err
	}
	return &remoteAdmin{c}, nil
}

// AskNode makes one of the calls that the running node of a data folder has from
// Options.Calls, and puts the answer into result. It is fs.ErrNotExist if none runs.
func AskNode(ctx context.Context, dir, name string, result any) error {
	c, err := control.Dial(filepath.Join(dir, controlFile), "the running node")
	if err != nil {
		return err
	}
	return c.Call(ctx, name, struct{}{}, result, nil)
}

// remoteAdmin is an Admin at the other end of a control socket.
type remoteAdmin struct{ client *control.Client }

func (r *remoteAdmin) call(ctx context.Context, name string, c controlCall, result any) error {
	return r.client.Call(ctx, name, c, result, nil)
}

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
	err = r.client.Call(ctx, "care", controlCall{Task: t}, &out, progress)
	return out, err
}
