// Package api answers the calls under /api/v1: JSON over small interfaces that a
// node or a lab fills. openapi.json describes every one of them.
//
// A call that failed is answered with its status and {"error":"…"}, which says
// what, where, and how to mend it, and never what went wrong inside. Lists are
// {"items":[…]} and, where there may be more, "next".
package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	"glassmail/auth"
	"glassmail/mail"
	"glassmail/mailbox"
)

// Prefix is where the calls live.
const Prefix = "/api/v1"

// Role is what a caller must be for a call.
type Role uint8

// The roles.
const (
	Anyone         Role = iota // who reached the server at all
	Viewer                     // who may look at the node: its trace, queue, names
	Operator                   // who may change it
	User                       // who logged in as an account: its mail
	ViewerOrUser               // Viewer or User
	OperatorOrUser             // Operator or User: who may read some mail
)

// String is the role in words, as the description has it.
func (r Role) String() string {
	return [...]string{"anyone", "viewer", "operator", "user", "viewer-or-user", "operator-or-user"}[r]
}

// Caller is who calls.
type Caller struct {
	Account string // canonical address; "" if nobody logged in
	View    bool   // may look at the node
	Operate bool   // may change the node
}

// Has reports whether the caller may make calls of a role.
func (c Caller) Has(r Role) bool {
	switch r {
	case Viewer:
		return c.View || c.Operate
	case Operator:
		return c.Operate
	case User:
		return c.Account != ""
	case ViewerOrUser:
		return c.Account != "" || c.View || c.Operate
	case OperatorOrUser:
		return c.Account != "" || c.Operate
	}
	return true
}

// Route is one call.
type Route struct {
	Method, Path string // Path without Prefix, in the notation of net/http
	Role         Role
	MaxBody      int64         // bytes of a request's body; 0 allows none
	Patience     time.Duration // for reading the body, the work and the answer; then the request's context ends; 0 is a minute
	Stream       bool          // the answer goes on until the caller or the server ends it
	Handle       func(*Call) error
}

// Call is one request.
type Call struct {
	*http.Request
	W      http.ResponseWriter
	Caller Caller
	Secure bool // it came over TLS
	// Ended is closed when the server stops; streams end with it.
	Ended <-chan struct{}
}

// Error is an answer that tells the caller what was wrong.
type Error struct {
	Status int
	Text   string
}

// Error is the text.
func (f *Error) Error() string { return f.Text }

func fault(status int, format string, args ...any) error {
	return &Error{status, fmt.Sprintf(format, args...)}
}

// Report writes an error as the answer, see ErrorOf.
func Report(w http.ResponseWriter, err error) (internal error) {
	f, internal := ErrorOf(err)
	writeJSON(w, f.Status, map[string]string{"error": f.Text})
	return internal
}

// ErrorOf is an error as it is told. What is about no request is our own failure: it is
// told as such, without its text, and is returned so that somebody can note it. When the
// client has gone, nothing has failed.
func ErrorOf(err error) (f *Error, internal error) {
	if f = known(err); f != nil {
		return f, nil
	}
	if !errors.Is(err, context.Canceled) {
		internal = err
	}
	return &Error{http.StatusInternalServerError, "something failed in the server; its trace says what"}, internal
}

// known says in HTTP what a store or a server said of a request; nil if it is not
// about the request.
func known(err error) *Error {
	var f *Error
	var tooLarge *http.MaxBytesError
	var reply *mail.Reply
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &tooLarge):
		return &Error{http.StatusRequestEntityTooLarge, fmt.Sprintf("the request is larger than the %d bytes that this call takes", tooLarge.Limit)}
	case errors.Is(err, auth.ErrBusy):
		return &Error{http.StatusTooManyRequests, "too much that you have asked for is still waiting; try again"}
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{http.StatusServiceUnavailable, "this takes longer than a request may; ask for less at one time, or try again"}
	case errors.As(err, &reply) && reply.Code == 454: // too many logins (RFC 4954 §6)
		return &Error{http.StatusTooManyRequests, reply.Text}
	case errors.As(err, &reply) && reply.Temporary():
		return &Error{http.StatusServiceUnavailable, "not at this time: " + reply.Error()}
	case errors.As(err, &reply):
		return &Error{http.StatusUnprocessableEntity, reply.Error()}
	}
	for cause, answer := range map[error]Error{
		mailbox.ErrNotFound: {http.StatusNotFound, "there is no such thing here, or it has gone"},
		mailbox.ErrExists:   {http.StatusConflict, "it exists already"},
		mailbox.ErrInvalid:  {http.StatusUnprocessableEntity, "this is not allowed"},
		mailbox.ErrQuota:    {http.StatusInsufficientStorage, "the mailbox is full"},
		mailbox.ErrTooMany:  {http.StatusUnprocessableEntity, fmt.Sprintf("an account can have %d folders; delete some first", mailbox.MaxFolders)},
		mailbox.ErrFull:     {http.StatusInsufficientStorage, "there is no room on the disk"},
	} {
		if errors.Is(err, cause) {
			return &answer
		}
	}
	return nil
}

// JSON answers with a value.
func (c *Call) JSON(v any) error {
	writeJSON(c.W, http.StatusOK, v)
	return nil
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil { // a value of ours that has no JSON: a bug that must not look like an answer
		status, b = http.StatusInternalServerError, []byte(`{"error":"the answer has no JSON form"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(b, '\n'))
}

// listOf is how lists are answered.
type listOf[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"` // cursor of the next page
	Total *int   `json:"total,omitempty"`
}

func items[T any](v []T) listOf[T] {
	if v == nil {
		v = []T{}
	}
	return listOf[T]{Items: v}
}

// done answers a change that has nothing to tell.
func (c *Call) done() error { return c.JSON(map[string]bool{"ok": true}) }

// Read decodes the body, one JSON value and nothing more, into v. Keys that v does
// not have are named.
func (c *Call) Read(v any) error {
	kind, _, err := mime.ParseMediaType(c.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return fault(http.StatusUnsupportedMediaType, "send the body as application/json")
	}
	return readJSON(c.Body, v)
}

// readJSON decodes one JSON value and nothing more.
func readJSON(in io.Reader, v any) error {
	d := json.NewDecoder(in)
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if _, more := d.Token(); more == io.EOF {
			return nil
		} else if err = more; err == nil {
			return fault(http.StatusBadRequest, "the body has more than one JSON value")
		}
	}
	var f *Error
	var tooLarge *http.MaxBytesError
	if errors.As(err, &f) || errors.As(err, &tooLarge) || known(err) != nil {
		return err
	}
	return fault(http.StatusBadRequest, "the body is not what this call takes (%v); see %s/openapi.json", err, Prefix)
}

// number reads a parameter of the query that is a whole number from low to high.
func (c *Call) number(name string, fallback, low, high int) (int, error) {
	v := c.URL.Query().Get(name)
	if v == "" {
		return fallback, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < low || n > high {
		return 0, fault(http.StatusBadRequest, "%s=%q: it may be %d to %d", name, v, low, high)
	}
	return n, nil
}

// text reads a parameter of the query of at most most bytes.
func (c *Call) text(name string, most int) (string, error) {
	v := c.URL.Query().Get(name)
	if len(v) > most {
		return "", fault(http.StatusBadRequest, "%s is longer than %d bytes", name, most)
	}
	return v, nil
}

func unquote(b []byte) (s string, err error) {
	err = json.Unmarshal(b, &s)
	return s, err
}
