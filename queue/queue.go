// Package queue holds messages in transit: the words (job, lease, result), the
// interface behind which they are stored, the schedule of attempts, the choice
// of the next host by MX, the relay that speaks SMTP to it, and the delivery
// reports that go back when it cannot be done.
//
// It knows neither mailboxes nor how messages came in.
package queue

import (
	"context"
	"errors"
	"iter"
	"time"

	"glassmail/mail"
)

// ErrStale says that a job's lease has ended: somebody else may have it.
var ErrStale = errors.New("the lease has ended")

// Store keeps jobs durably. A lease is held by one worker and ends by Settle or
// by time. Delivery is at least once: an attempt whose Settle never happened is
// repeated (RFC 5321 §4.5.4.1). Methods are safe for concurrent use.
type Store interface {
	// Lease returns up to n jobs that are due at now, each one message for one
	// destination with all its due recipients; skip (may be nil) leaves
	// destinations alone that are at their limit. It does not wait: an empty
	// result means none is due, and next says when one will be (zero: never).
	Lease(ctx context.Context, now time.Time, n int, d time.Duration, skip func(dest string) bool) (jobs []Job, next time.Time, err error)
	// Settle records an attempt's results. If report is not nil it is accepted
	// in the same step, so that no report is lost or sent twice. ErrStale.
	Settle(ctx context.Context, j Job, r []Result, report *Report) error
	// Wake receives (capacity 1, coalesced) when something was added or
	// amended; it may receive for no reason.
	Wake() <-chan struct{}

	// Entries lists recipients for the operator, in the order of their IDs;
	// dest "" means all.
	Entries(ctx context.Context, dest string) iter.Seq2[Entry, error]
	// Amend holds, releases, retries or removes entries by ID and tells how
	// many there were. nil means all.
	Amend(ctx context.Context, ids []string, a Amendment, now time.Time) (int, error)

	// Body opens the message text of a job.
	Body(ctx context.Context, id mail.ContentID) (mail.Message, error)
}

// Recipient is one recipient that waits for another server.
type Recipient struct {
	mail.Recipient
	Dest string    // the domain in A-labels: the unit of scheduling
	Due  time.Time // when the next attempt may begin
}

// Job is one message for one destination.
type Job struct {
	ID         string // of the lease
	Message    string // the envelope's ID
	From       mail.Address
	Options    mail.Options
	Dest       string
	Body       mail.ContentID
	Accepted   time.Time
	Recipients []Recipient
	Attempts   int       // made before this one
	Until      time.Time // when the lease ends
}

// Status is the outcome for one recipient.
type Status uint8

// Outcomes.
const (
	Delivered Status = iota // the next server has taken responsibility
	Deferred                // again at Result.Retry
	Failed                  // never; a report is due unless it was not wanted
)

// String is the word an operator sees.
func (s Status) String() string {
	return [...]string{"delivered", "deferred", "failed"}[s]
}

// Result is what an attempt came to for one recipient.
type Result struct {
	Address mail.Address
	Status  Status
	Retry   time.Time  // when Deferred
	Reply   mail.Reply // of the other server, or what we say of it
	Host    string     // who gave the reply, "" if nobody was reached
}

// Report is a delivery report to be accepted together with a Settle: a message
// from the null reverse-path to the original sender (RFC 3464, RFC 5321 §4.5.5).
type Report struct {
	To      mail.Address
	Options mail.Options
	Message []byte
}

// Entry is one waiting recipient as an operator sees it.
type Entry struct {
	ID        string         `json:"id"`
	Message   string         `json:"message"`
	From      mail.Address   `json:"from"`
	To        mail.Address   `json:"to"`
	Dest      string         `json:"dest"`
	Size      int64          `json:"size"`
	Accepted  time.Time      `json:"accepted"`
	Due       time.Time      `json:"due"`
	Attempts  int            `json:"attempts"`
	LastReply string         `json:"lastReply,omitempty"`
	LastHost  string         `json:"lastHost,omitempty"`
	Held      bool           `json:"held,omitempty"`
	Body      mail.ContentID `json:"body"`
}

// Amendment is what an operator can do to entries.
type Amendment uint8

// Amendments.
const (
	Hold     Amendment = iota // no attempts until released
	Release                   // attempts again, now
	RetryNow                  // due now; held entries stay held
	Remove                    // forget it, without a report
)
