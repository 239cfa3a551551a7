package trace

import "context"

// journeyKey and causeKey are the keys of what a context carries.
type (
	journeyKey struct{}
	causeKey   struct{}
)

// WithJourney makes what is done in ctx part of a message's journey: lookups made
// on its behalf belong to it. "" changes nothing.
func WithJourney(ctx context.Context, id string) context.Context {
	if id == "" {
		return ctx
	}
	return context.WithValue(ctx, journeyKey{}, id)
}

// JourneyOf is the journey of which ctx is part, "" if there is none.
func JourneyOf(ctx context.Context) string {
	id, _ := ctx.Value(journeyKey{}).(string)
	return id
}

// WithCause makes the event with the number seq the cause of what is done in ctx:
// the queries of a resolver are caused by the query that reached it. 0 changes
// nothing.
func WithCause(ctx context.Context, seq uint64) context.Context {
	if seq == 0 {
		return ctx
	}
	return context.WithValue(ctx, causeKey{}, seq)
}

// CauseOf is the number of the event that caused what is done in ctx, 0 if it is
// not known.
func CauseOf(ctx context.Context) uint64 {
	seq, _ := ctx.Value(causeKey{}).(uint64)
	return seq
}
