// Package top shows a running lab or node in a terminal: the journeys of its
// messages with their ladders, the cache of the local name server, the queue and
// the open connections; or, for a pipe, each event as a line.
//
// It knows a server by its API alone and holds nothing but what it last read, so
// it may come and go as it likes, and so may the server. The event stream says
// when something has changed; what is shown is then read anew.
//
// What was on the wire is shown as it was sent, but for control characters, which
// a terminal would obey. Every other text is from the catalogue.
package top

import (
	"context"
	"io"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"glassmail/catalogue"
)

// Options are what the terminal decides.
type Options struct {
	Client *Client
	Texts  *catalogue.Catalogue
	Lang   string
	Colour bool   // false: nothing but bold and reverse
	ASCII  bool   // draw with the characters of ASCII, for terminals that have no others
	Dir    string // where files are saved
	Now    func() time.Time
}

// Run shows until the user leaves or ctx ends. in and out are the terminal.
func Run(ctx context.Context, o Options, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p := tea.NewProgram(newModel(ctx, o), tea.WithAltScreen(), tea.WithInput(in), tea.WithOutput(out),
		tea.WithContext(ctx), tea.WithoutSignalHandler())
	done := make(chan struct{})
	go func() {
		defer close(done)
		o.Client.watch(ctx, func(m tea.Msg) { p.Send(m) })
	}()
	_, err := p.Run()
	ended := ctx.Err() != nil // Ctrl-C from elsewhere: no failure
	cancel()
	<-done
	if ended {
		return nil
	}
	return err
}
