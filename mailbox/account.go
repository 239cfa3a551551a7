package mailbox

import (
	"context"
	"time"
)

// Accounts keeps who has a mailbox here. The same three promises as for Store
// hold. Addresses are canonical: see Canonical.
type Accounts interface {
	// Account finds one. ErrNotFound.
	Account(ctx context.Context, address string) (Account, error)
	// Accounts lists all, by address.
	Accounts(ctx context.Context) ([]Account, error)
	// PutAccount creates the account with its INBOX and the given folders,
	// subscribed, or changes it; then folders are not looked at. With create it is
	// ErrExists if there is one. ErrInvalid if a folder is not one to create.
	PutAccount(ctx context.Context, a Account, create bool, folders ...FolderChange) error
	// DeleteAccount removes the account and all its mail. ErrNotFound.
	DeleteAccount(ctx context.Context, address string) error

	// Alias finds one. ErrNotFound.
	Alias(ctx context.Context, address string) (Alias, error)
	// Aliases lists all, by address.
	Aliases(ctx context.Context) ([]Alias, error)
	// PutAlias creates or replaces; without targets it removes. ErrNotFound.
	PutAlias(ctx context.Context, a Alias) error
}

// Account is somebody with a mailbox.
type Account struct {
	Address  string    `json:"address"`
	Password string    `json:"password"` // as HashPassword made it; "" locks the account
	MaxBytes int64     `json:"maxBytes,omitempty"`
	Created  time.Time `json:"created"`
}

// Alias is an address whose mail goes to others.
type Alias struct {
	Address string   `json:"address"`
	Targets []string `json:"targets"`
}
