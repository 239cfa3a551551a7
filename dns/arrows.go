package dns

import (
	"context"
	"fmt"
	"strings"
)

// Walk finds a name from the root with an empty cache or with that of r, and
// returns the steps taken: for the picture of an iterated search.
func (r *Resolver) Walk(ctx context.Context, name string, t Type) (*Message, []Step, error) {
	w, found, err := r.walk(ctx, name, t, true)
	if w == nil {
		return nil, nil, err
	}
	if err != nil {
		return nil, w.steps, err
	}
	return w.message(name, t, found), w.steps, nil
}

// Arrows prints a walk as numbered messages, beginning and ending with the host
// that asked its local server.
func Arrows(asker, local string, name string, t Type, steps []Step) string {
	var b strings.Builder
	n := 0
	line := func(indent int, from, to, text string) {
		n++
		fmt.Fprintf(&b, "%2d  %s%s → %s   %s\n", n, strings.Repeat("   ", indent), from, to, text)
	}
	line(0, asker, local, fmt.Sprintf("%s %s ?", name, t))
	final := "no answer"
	for _, s := range steps {
		if s.Server == "cache" {
			fmt.Fprintf(&b, "    %s%s knows: %s\n", strings.Repeat("   ", s.Nested+1), local, s.Result)
		} else {
			line(s.Nested+1, local, s.Server, fmt.Sprintf("%s %s ?", s.Name, s.Type))
			line(s.Nested+1, s.Server, local, s.Result)
		}
		final = s.Result
	}
	line(0, local, asker, final)
	return b.String()
}
