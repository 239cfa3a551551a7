package server

import (
	"context"
	"encoding/json"
	"maps"
	"path/filepath"

	"glassmail/control"
	"glassmail/mailbox"
	"glassmail/queue"
)

// controlFile is the file in the data folder by which commands find the running
// node.
const controlFile = "control.json"

// newControl lets commands reach a, and what more answers, through dir.
func newControl(dir string, a Admin, more control.Table) (*control.Server, error) {
	calls := controlTable(a)
	maps.Copy(calls, more)
	return control.Serve(filepath.Join(dir, controlFile), calls, controlErrors()...)
}

// controlCall is the request of every call; each call uses some of the fields.
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
}

// controlTable maps the name of a call to what it does.
func controlTable(a Admin) control.Table {
	type call = controlCall
	return control.Table{
		"accounts": control.Func(func(ctx context.Context, c call) (any, error) { return a.Accounts(ctx) }),
		"add": control.Func(func(ctx context.Context, c call) (any, error) {
			return nil, a.AddAccount(ctx, c.Address, c.Password, c.MaxBytes)
		}),
		"password": control.Func(func(ctx context.Context, c call) (any, error) {
			return nil, a.SetPassword(ctx, c.Address, c.Password)
		}),
		"remove":  control.Func(func(ctx context.Context, c call) (any, error) { return nil, a.RemoveAccount(ctx, c.Address) }),
		"aliases": control.Func(func(ctx context.Context, c call) (any, error) { return a.Aliases(ctx) }),
		"alias": control.Func(func(ctx context.Context, c call) (any, error) {
			return nil, a.SetAlias(ctx, c.Address, c.Targets)
		}),
		"folders": control.Func(func(ctx context.Context, c call) (any, error) { return a.Folders(ctx, c.Address) }),
		"queue":   control.Func(func(ctx context.Context, c call) (any, error) { return a.Queue(ctx, c.Dest) }),
		"text":    control.Func(func(ctx context.Context, c call) (any, error) { return a.QueueText(ctx, c.ID) }),
		"care": func(ctx context.Context, request json.RawMessage, p control.Progress) (any, error) {
			var c call
			if err := json.Unmarshal(request, &c); err != nil {
				return nil, err
			}
			return a.Care(ctx, c.Task, p)
		},
		"amend": control.Func(func(ctx context.Context, c call) (any, error) {
			if !c.All && c.IDs == nil {
				c.IDs = []string{}
			}
			return a.AmendQueue(ctx, c.IDs, c.Amendment)
		}),
	}
}

// controlErrors are the errors that keep their identity over the socket.
func controlErrors() []error {
	return []error{mailbox.ErrNotFound, mailbox.ErrExists, mailbox.ErrInvalid, mailbox.ErrQuota, mailbox.ErrFull, mailbox.ErrTooMany}
}
