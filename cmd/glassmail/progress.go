package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"
)

// progress is a bar for long work, on a terminal only.
type progress struct {
	w     io.Writer
	on    bool
	mu    sync.Mutex
	shown int // percent
}

func newProgress(w io.Writer) *progress {
	f, ok := w.(*os.File)
	return &progress{w: w, on: ok && term.IsTerminal(int(f.Fd())), shown: -1}
}

// barWidth is the length of the bar in cells.
const barWidth = 40

func (p *progress) show(done, total int64) {
	if !p.on || total <= 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	percent := int(min(100*done/total, 100))
	if percent == p.shown {
		return
	}
	p.shown = percent
	full := percent * barWidth / 100
	fmt.Fprintf(p.w, "\r[%s%s] %3d %%  %s of %s ", strings.Repeat("#", full), strings.Repeat(".", barWidth-full), percent, formatSize(done), formatSize(total))
}

func (p *progress) end() {
	if p.shown >= 0 {
		fmt.Fprint(p.w, "\r\033[K")
	}
}
