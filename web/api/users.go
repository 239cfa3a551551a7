package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"glassmail/mail"
	"glassmail/mailbox"
)

// Users is the accounts and aliases of all nodes.
type Users interface {
	Users(ctx context.Context) ([]UserAccount, error)
	// AddUser creates an account with its folders; maxBytes 0 is no limit.
	// mailbox.ErrExists, mailbox.ErrInvalid.
	AddUser(ctx context.Context, address, password string, maxBytes int64) error
	// RemoveUser removes an account with all its mail. mailbox.ErrNotFound.
	RemoveUser(ctx context.Context, address string) error
	SetUserPassword(ctx context.Context, address, password string) error
	Aliases(ctx context.Context) ([]mailbox.Alias, error)
	// SetAlias creates or replaces an alias; without targets it removes it.
	// mailbox.ErrInvalid, mailbox.ErrNotFound.
	SetAlias(ctx context.Context, address string, targets []string) error
}

// UserAccount is an account.
type UserAccount struct {
	Address  string    `json:"address"`
	Node     string    `json:"node"`
	Messages int64     `json:"messages"`
	Bytes    int64     `json:"bytes"`
	MaxBytes int64     `json:"maxBytes"` // 0 is no limit
	Created  time.Time `json:"created"`
}

func (a *API) userRoutes() []Route {
	return []Route{
		{Method: "GET", Path: "/users", Role: Viewer, Handle: a.users},
		{Method: "POST", Path: "/users", Role: Operator, MaxBody: smallBody, Handle: a.addUser},
		{Method: "DELETE", Path: "/users/{address}", Role: Operator, Handle: a.removeUser},
		{Method: "PUT", Path: "/users/{address}/password", Role: Operator, MaxBody: smallBody, Handle: a.setPassword},
	}
}

func (a *API) hasUsers() error {
	if a.o.Users == nil {
		return absent("this server keeps no accounts")
	}
	return nil
}

func (a *API) users(c *Call) error {
	if err := a.hasUsers(); err != nil {
		return err
	}
	all, err := a.o.Users.Users(c.Context())
	if err != nil {
		return err
	}
	return c.JSON(items(all))
}

func (a *API) addUser(c *Call) error {
	var in struct {
		Address  string `json:"address"`
		Password string `json:"password"`
		MaxBytes int64  `json:"maxBytes"`
	}
	if err := a.hasUsers(); err != nil {
		return err
	}
	if err := c.Read(&in); err != nil {
		return err
	}
	if err := errors.Join(checkAddress(in.Address), CheckPassword(in.Password)); err != nil {
		return err
	}
	if in.MaxBytes < 0 {
		return fault(http.StatusUnprocessableEntity, "maxBytes: 0 is no limit, and less is nothing")
	}
	err := a.o.Users.AddUser(c.Context(), in.Address, in.Password, in.MaxBytes)
	if errors.Is(err, mailbox.ErrInvalid) {
		return fault(http.StatusUnprocessableEntity, "%s: no node here takes mail for this domain", in.Address)
	}
	if err != nil {
		return err
	}
	return c.done()
}

func checkAddress(s string) error {
	if a, err := mail.ParseAddress(s, true); err != nil || a.Domain == "" {
		return fault(http.StatusUnprocessableEntity, "%q is no address such as bob@hamburger.edu", s[:min(len(s), 320)])
	}
	return nil
}

// CheckPassword says what is wrong with a new password.
func CheckPassword(s string) error {
	if s == "" || len(s) > 1000 {
		return fault(http.StatusUnprocessableEntity, "a password has 1 to 1000 bytes")
	}
	return nil
}

func (a *API) removeUser(c *Call) error {
	if err := a.hasUsers(); err != nil {
		return err
	}
	if err := a.o.Users.RemoveUser(c.Context(), c.PathValue("address")); err != nil {
		return err
	}
	return c.done()
}

func (a *API) setPassword(c *Call) error {
	var in struct {
		Password string `json:"password"`
	}
	if err := a.hasUsers(); err != nil {
		return err
	}
	if err := c.Read(&in); err != nil {
		return err
	}
	if err := CheckPassword(in.Password); err != nil {
		return err
	}
	if err := a.o.Users.SetUserPassword(c.Context(), c.PathValue("address"), in.Password); err != nil {
		return err
	}
	return c.done()
}
