// Package mailbox holds messages at rest: the words (folder, message, flags,
// UID), the interface behind which they are stored, the accounts they belong to,
// and the scanner that reads a message's structure once, at delivery.
//
// It knows neither SMTP nor IMAP, nor how a store keeps its files; it reads and
// writes the files by which mail moves between programs (mbox, Maildir, tar).
package mailbox

import (
	"context"
	"errors"
	"iter"
	"time"

	"glassmail/mail"
)

// What a store can say about a request. Any other error of a store means "try
// later": 451 in SMTP, NO [UNAVAILABLE] in IMAP, never a permanent refusal.
var (
	ErrNotFound = errors.New("not found")
	ErrExists   = errors.New("exists already")
	ErrQuota    = errors.New("over quota")
	ErrInvalid  = errors.New("not allowed")
	ErrFull     = errors.New("no room on the disk")
	ErrTooMany  = errors.New("too many folders")
)

type (
	// UID is unique and strictly increasing inside one folder for one
	// UIDVALIDITY (RFC 9051 §2.3.1.1).
	UID uint32
	// ModSeq is strictly increasing inside one folder, one value for each
	// atomic change (RFC 7162 §3.1).
	ModSeq uint64
	// FolderID names a folder for life: it survives renames and is never reused.
	FolderID uint64
	// Flags are the system flags, one bit each. Keywords travel as strings.
	Flags uint16
)

// The system flags (RFC 9051 §2.3.2).
const (
	Seen Flags = 1 << iota
	Answered
	Flagged
	Deleted
	Draft
)

// Inbox is the folder that every account has. The name is matched without
// regard to case (RFC 9051 §5.1).
const Inbox = "INBOX"

// Limits of names, in bytes and counts.
const (
	MaxFolderName = 1000
	MaxKeyword    = 64
	MaxKeywords   = 64    // keywords of one folder
	MaxFolders    = 10000 // folders of one account, levels above others among them
)

// Store keeps folders and messages. Three promises hold for every engine:
// a writing method that returns nil has made its effect durable; one call is one
// atomic change; nothing (lock, snapshot, connection) is held while caller code
// runs or the network waits. All counters are kept by the writers, so reading
// them takes constant time. Methods are safe for concurrent use.
//
// A user is named by the account's address in its canonical form.
type Store interface {
	// Folders lists a user's folders in the order of their names.
	Folders(ctx context.Context, user string) ([]Folder, error)
	// Folder finds one by name. ErrNotFound.
	Folder(ctx context.Context, user, name string) (Folder, error)
	// ChangeFolder creates, renames, deletes or (un)subscribes; see FolderChange.
	// ErrNotFound, ErrExists, ErrInvalid.
	ChangeFolder(ctx context.Context, user string, c FolderChange) (Folder, error)
	// Usage returns what the user's messages take up and what they may.
	Usage(ctx context.Context, user string) (Usage, error)

	// Messages yields copies of the messages of a folder in UID order. Changes
	// made after it began may or may not be seen; each message is consistent.
	Messages(ctx context.Context, f FolderID, r Range) iter.Seq2[Message, error]
	// Change edits messages of one folder: flags, then copies, then expunge.
	// ErrNotFound if the folder is gone, ErrQuota if copies do not fit.
	Change(ctx context.Context, f FolderID, c Change) (Changed, error)
	// Since reports what happened after a mod-sequence.
	Since(ctx context.Context, f FolderID, m ModSeq) (Delta, error)
	// Watch receives (capacity 1, coalesced) after changes to the folder became
	// visible; it may receive for no reason. It carries no data: Since is the
	// truth. It is released when ctx ends; the channel is not closed.
	Watch(ctx context.Context, f FolderID) <-chan struct{}

	// Body opens a stored message text. ErrNotFound.
	Body(ctx context.Context, id mail.ContentID) (mail.Message, error)
	// Record returns what the scanner wrote about a message at delivery, as
	// Record.Marshal made it.
	Record(ctx context.Context, id mail.ContentID) ([]byte, error)
}

// Folder is a snapshot of a folder.
type Folder struct {
	ID          FolderID `json:"id"`
	Name        string   `json:"name"` // levels divided by "/", UTF-8
	UIDValidity uint32   `json:"uidValidity"`
	UIDNext     UID      `json:"uidNext"`
	ModSeq      ModSeq   `json:"modSeq"` // highest so far
	Messages    uint32   `json:"messages"`
	Unseen      uint32   `json:"unseen"`
	Deleted     uint32   `json:"deleted"`
	Size        int64    `json:"size"` // bytes
	Subscribed  bool     `json:"subscribed"`
	Special     string   `json:"special,omitempty"`  // special use, such as \Sent (RFC 6154)
	Keywords    []string `json:"keywords,omitempty"` // every keyword ever set here
}

// FolderChange says what to do:
//
//	Old ""  New "a"            create a, and its parents if missing
//	Old "a" New "b"            rename a with all below it; renaming INBOX moves its messages (RFC 9051 §6.3.6)
//	Old "a" Delete             delete a; if it has children its messages go and ErrInvalid is not raised: see RFC 9051 §6.3.5
//	Old "a" Subscribe non-nil  subscribe or unsubscribe
type FolderChange struct {
	Old, New  string
	Delete    bool
	Subscribe *bool
	Special   string // for a new folder
}

// Usage is in bytes and messages; a limit of 0 means none.
type Usage struct {
	Bytes, Messages       int64
	MaxBytes, MaxMessages int64
}

// Range selects messages: those from UID From on that changed after Since.
type Range struct {
	From  UID
	Since ModSeq
}

// Message is the state of one message in one folder.
type Message struct {
	UID      UID
	ModSeq   ModSeq
	Flags    Flags
	Keywords []string
	Date     time.Time // INTERNALDATE
	Size     int64     // bytes of the message text
	Body     mail.ContentID
}

// Delivery is one copy for one folder.
type Delivery struct {
	User     string
	Folder   FolderID // 0, or one that has vanished, is the user's INBOX
	Flags    Flags
	Keywords []string
	Date     time.Time // INTERNALDATE; zero means now
}

// Appended says where a copy went.
type Appended struct {
	Folder      FolderID
	UIDValidity uint32
	UID         UID
	ModSeq      ModSeq
}

// Change names messages and what to do with them.
type Change struct {
	UIDs           []UID  // sorted; nil means all
	OnlyDeleted    bool   // restrict to messages with the Deleted flag
	UnchangedSince ModSeq // 0 means no restriction
	Set            *Flags // replaces flags and keywords
	SetKeywords    []string
	Add, Remove    Flags
	AddKeywords    []string
	RemoveKeywords []string
	CopyTo         FolderID // 0 means nowhere
	Expunge        bool
}

// Changed is the outcome, in UID order.
type Changed struct {
	ModSeq   ModSeq
	Messages []Message // those that remain, after the change
	Refused  []UID     // UnchangedSince was not met
	Copies   []Copy
	Expunged []UID
}

// Copy pairs a message with its copy.
type Copy struct {
	From UID
	To   Appended
}

// Delta is what changed after a mod-sequence. Gap means that the store no longer
// knows all UIDs that went away: compare with Messages (RFC 7162 §3.2.6).
type Delta struct {
	ModSeq   ModSeq
	UIDNext  UID
	Changed  []Message // new or with changed flags, in UID order
	Expunged []UID
	Gap      bool
}
