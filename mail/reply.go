package mail

import (
	"errors"
	"fmt"
)

// Enhanced is an enhanced status code (RFC 3463), class.subject.detail. The zero
// value means "none".
type Enhanced [3]uint16

// String is the code with dots, "" for none.
func (e Enhanced) String() string {
	if e == (Enhanced{}) {
		return ""
	}
	return fmt.Sprintf("%d.%d.%d", e[0], e[1], e[2])
}

// Reply is an SMTP reply and the one error that crosses packages: a code of 4xx
// says "later", 5xx says "never" (RFC 5321 §4.2.1). Any other error is a fault of
// ours: it is logged with its cause, and the client sees ErrInternal.
type Reply struct {
	Code     int
	Enhanced Enhanced
	Text     string // one line, printable
}

// NewReply formats a reply.
func NewReply(code int, e Enhanced, format string, args ...any) *Reply {
	return &Reply{Code: code, Enhanced: e, Text: fmt.Sprintf(format, args...)}
}

// ErrInternal is what a client sees of a fault of ours.
func ErrInternal() *Reply {
	return NewReply(451, Enhanced{4, 3, 0}, "Local trouble, please try again later")
}

// Error is the reply as it stands on the wire, enhanced code included.
func (r *Reply) Error() string {
	if r.Enhanced == (Enhanced{}) {
		return fmt.Sprintf("%d %s", r.Code, r.Text)
	}
	return fmt.Sprintf("%d %s %s", r.Code, r.Enhanced, r.Text)
}

// Status is the enhanced code, or that of its class if there is none (RFC 3463 §2).
func (r *Reply) Status() string {
	if r.Enhanced == (Enhanced{}) {
		return Enhanced{uint16(r.Code / 100), 0, 0}.String()
	}
	return r.Enhanced.String()
}

// Temporary reports a 4xx reply.
func (r *Reply) Temporary() bool { return r.Code/100 == 4 }

// AsReply finds the reply in err's chain; any other error becomes ErrInternal.
func AsReply(err error) *Reply {
	var r *Reply
	if errors.As(err, &r) {
		return r
	}
	return ErrInternal()
}
