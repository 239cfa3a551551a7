package top

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"glassmail/catalogue"
)

// paper is what was written to a terminal.
type paper struct {
	mu  sync.Mutex
	buf bytes.Buffer
	saw chan struct{} // closed when text was written
	txt string
}

func (p *paper) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := strings.Contains(p.buf.String(), p.txt)
	n, err := p.buf.Write(b)
	if !before && strings.Contains(p.buf.String(), p.txt) {
		close(p.saw)
	}
	return n, err
}

// The display begins, follows the server, and ends with a key, or with what runs
// it.
func TestRun(t *testing.T) {
	texts, err := catalogue.New()
	if err != nil {
		t.Fatal(err)
	}
	for name, end := range map[string]func(keys io.Writer, cancel func()){
		"a key":   func(keys io.Writer, _ func()) { io.WriteString(keys, "q") },
		"its end": func(_ io.Writer, cancel func()) { cancel() },
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			in, keys := io.Pipe()
			defer keys.Close()
			out := &paper{saw: make(chan struct{}), txt: "alice@crepes.fr"}
			done := make(chan error)
			go func() {
				done <- Run(ctx, Options{Client: a.client(), Texts: texts, Lang: "en", Now: time.Now}, in, out)
			}()
			select {
			case <-out.saw:
			case <-ctx.Done():
				t.Fatal("nothing is shown")
			}
			end(keys, cancel)
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}
