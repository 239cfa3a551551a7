package tools

import (
	"context"
	"io"
)

// until reads from r until ctx ends, even when r never returns: a Read of a
// terminal or pipe cannot be called off. The goroutine that waits for it ends
// with the next line, or with the program.
func until(ctx context.Context, r io.Reader) io.Reader {
	pr, pw := io.Pipe()
	go func() {
		_, err := io.Copy(pw, r)
		pw.CloseWithError(err)
	}()
	context.AfterFunc(ctx, func() { pr.CloseWithError(context.Cause(ctx)) })
	return pr
}
