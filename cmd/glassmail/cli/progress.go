package cli

import (
	"fmt"
	"io"
	"strings"
	"sync"
)

// Progress is a bar for long work, on a terminal only.
type Progress struct {
	w     io.Writer
	on    bool
	mu    sync.Mutex
	shown int // percent
}

// NewProgress is a bar on w, which is shown if somebody sees it.
func NewProgress(w io.Writer) *Progress { return &Progress{w: w, on: OnTerminal(w), shown: -1} }

// barWidth is the length of the bar in cells.
const barWidth = 40

// Show shows how much is done of a total in bytes.
func (p *Progress) Show(done, total int64) {
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
	fmt.Fprintf(p.w, "\r[%s%s] %3d %%  %s of %s ", strings.Repeat("#", full), strings.Repeat(".", barWidth-full), percent, Size(done), Size(total))
}

// End removes the bar.
func (p *Progress) End() {
	if p.shown >= 0 {
		fmt.Fprint(p.w, "\r\033[K")
	}
}
