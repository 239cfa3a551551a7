package dns

import (
	"context"
	"net/netip"
)

// Request is a query as it reached a server.
type Request struct {
	*Message
	From netip.AddrPort
	TCP  bool

	Cause uint64 // number of the query's event in the trace, 0 if it has none
}

// Handler answers queries. Implementations are safe for concurrent use.
type Handler interface {
	// Answer returns the reply, or nil to stay silent. It may wait for other
	// servers until ctx ends.
	Answer(ctx context.Context, r *Request) *Message
}

// Quick is a Handler that answers some queries without waiting for anybody. A
// server asks it first and spares the goroutine.
type Quick interface {
	Handler
	AnswerNow(r *Request) (reply *Message, ok bool)
}
