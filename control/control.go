// Package control is how commands reach a program of the same user that runs
// already: a node, a lab, a name server. It is JSON over HTTP on a loopback port
// that the system chooses. Where that is, and the token which each call must
// carry, stand in a file that its owner alone can read.
//
// A call has a name, one JSON value as request and one as result. Long calls send
// lines of progress before the result. Before a client tells its token, it has
// the server prove that it knows the token too: the port may belong to another
// program by now.
package control

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
)

// Progress tells how much of a long call is done, in units of the call.
type Progress func(done, total int64)

// Call does the work of one name. The result is sent even beside an error: a call
// may have done a part.
type Call func(ctx context.Context, request json.RawMessage, p Progress) (result any, err error)

// Table maps the names of calls to what they do.
type Table map[string]Call

// Func makes a Call of a function that takes its request as a value.
func Func[Q any](f func(context.Context, Q) (any, error)) Call {
	return func(ctx context.Context, request json.RawMessage, _ Progress) (any, error) {
		var q Q
		if err := json.Unmarshal(request, &q); err != nil {
			return nil, err
		}
		return f(ctx, q)
	}
}

// info is what the file says.
type info struct {
	Addr  string `json:"addr"`
	Token string `json:"token"`
	PID   int    `json:"pid"`
}

// reply is one line of an answer: any number with Progress, then one without.
type reply struct {
	Progress *[2]int64       `json:"progress,omitempty"` // done, total
	Result   json.RawMessage `json:"result,omitempty"`
	Error    string          `json:"error,omitempty"`
	Kind     string          `json:"kind,omitempty"` // text of the error that keeps its identity
}

// answer is the last line for the outcome of a call.
func answer(result any, err error, kinds []error) reply {
	b, marshal := json.Marshal(result)
	rep := reply{Result: b}
	if err = errors.Join(err, marshal); err != nil {
		rep.Error = err.Error()
	}
	for _, kind := range kinds {
		if errors.Is(err, kind) {
			rep.Kind = kind.Error()
		}
	}
	return rep
}

// proof shows that a server knows the token.
func proof(token, nonce string) string {
	m := hmac.New(sha256.New, []byte(token))
	io.WriteString(m, nonce)
	return hex.EncodeToString(m.Sum(nil))
}
