// Package store joins mailboxes and queue, because one acceptance (local copies
// and outgoing recipients) and one settlement (results and the report they
// cause) must each be one atomic, durable change.
//
// Operations are data, not closures, so that an engine can gather many of them
// into one flush. Three promises hold for every engine:
//
//  1. Durable before nil. When a writing method returns nil its effect survives
//     kill -9 and power loss.
//  2. One call, one atomic change, whatever it touches.
//  3. Nothing is held while caller code runs or the network waits.
//
// Every engine passes the suite in store/storetest.
package store

import (
	"context"
	"io"
	"iter"
	"time"

	"glassmail/mail"
	"glassmail/mailbox"
	"glassmail/queue"
)

// Store is everything durable that a node has.
type Store interface {
	Spool
	mailbox.Store
	mailbox.Accounts
	Queue
	io.Closer
}

// Spool takes in message texts and makes them mean something.
type Spool interface {
	// Stage opens room for one message text. Writing to it takes part in no
	// transaction: a slow or huge upload never delays another caller. hint is
	// the announced size in bytes, 0 if unknown.
	Stage(ctx context.Context, hint int64) (Staged, error)
	// Accept makes a staged text and all of a durable in one step and consumes
	// the text, whether it succeeds or not. It returns nil exactly when SMTP may
	// answer 250. With a.Wait it also returns only when readers can see the
	// result, and then tells where each deposit went. An ID that was accepted
	// before is not accepted again: the first outcome is returned. Engines know at
	// least the last 32,768 IDs.
	//
	// mailbox.ErrNotFound says that an account is missing, mailbox.ErrQuota and
	// mailbox.ErrFull that there is no room, mailbox.ErrInvalid that a keyword, the
	// record or the text cannot be; then nothing happened, except that a message
	// accepted with a.Wait may still appear after ErrFull. After any other error the
	// outcome is not known: a repetition with the same ID is the same delivery.
	Accept(ctx context.Context, s Staged, a Acceptance) ([]mailbox.Appended, error)
}

// Staged is a message text on its way in. It is for one goroutine.
type Staged interface {
	io.Writer
	// ReadAt reads back what was written so far, for the scanner.
	io.ReaderAt
	Size() int64
	// Discard throws it away; it does nothing after Accept, so it can be deferred.
	Discard()
}

// Acceptance says what one accepted message shall cause.
type Acceptance struct {
	ID       string // unique; see Spool.Accept. "" is never a repetition
	From     mail.Address
	Options  mail.Options
	Deposits []mailbox.Delivery
	Relay    []queue.Recipient
	Record   []byte    // what the scanner found; kept beside the text
	Time     time.Time // of the acceptance
	Wait     bool      // return only when visible
}

// Queue is queue.Store, except that the report of a settlement comes as the
// acceptance it shall be: the node decides whether it goes to a mailbox here or
// to another server.
type Queue interface {
	// Lease is queue.Store's. skip is asked before each job that would be handed
	// out, and destinations take turns; next leaves out what skip refused.
	Lease(ctx context.Context, now time.Time, n int, d time.Duration, skip func(dest string) bool) ([]queue.Job, time.Time, error)
	// Settle records results and accepts the report, if there is one, in the
	// same step. Recipients without a result wait as before. A report minds no
	// quota. A lease whose time is over can be settled until Lease gave it to
	// somebody else. queue.ErrStale.
	Settle(ctx context.Context, j queue.Job, r []queue.Result, report *Report) error
	Wake() <-chan struct{}
	Entries(ctx context.Context, dest string) iter.Seq2[queue.Entry, error]
	Amend(ctx context.Context, ids []string, a queue.Amendment, now time.Time) (int, error)
}

// Report is a delivery report that is accepted with a settlement.
type Report struct {
	Text       Staged
	Acceptance Acceptance
}
