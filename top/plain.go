package top

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"glassmail/catalogue"
	"glassmail/explain"
	"glassmail/trace"
)

// Lines are events as lines, for pipes and files.
type Lines struct {
	Client  *Client
	Out     io.Writer
	Notices io.Writer // that the server was lost, and is there again
	Texts   *catalogue.Catalogue
	Lang    string
	Explain bool // say what each line means
	JSON    bool // each event as the API sends it
	Zone    *time.Location
}

// errAgain says that the server is another one than before.
var errAgain = errors.New("the server has started again")

// Run writes events as they come, beginning with those that the server still
// keeps, until ctx ends or nobody reads any more. A server that cannot be reached
// at first is an error; one that goes away later is waited for.
func (l *Lines) Run(ctx context.Context) error {
	p := &printer{Lines: l}
	p.restart()
	for {
		err := l.Client.follow(ctx, p.last, p.began, p.print)
		var broken *writeError
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.As(err, &broken) || !p.reached:
			return err
		case errors.Is(err, errAgain):
			p.restart()
			continue
		case !p.away:
			p.away = true
			fmt.Fprintln(l.Notices, l.Texts.Text(l.Lang, "top.plain.lost", "reason", clean(err.Error())))
		}
		if !pause(ctx, l.Client.patience()) {
			return nil
		}
	}
}

// printer is where Lines stand.
type printer struct {
	*Lines
	last    uint64
	reader  *explain.Reader
	reached bool // at least once
	away    bool
}

func (p *printer) restart() {
	p.last = 0
	if p.Explain {
		p.reader = explain.New(p.Lang).Reader()
	}
}

func (p *printer) began() {
	if p.away {
		fmt.Fprintln(p.Notices, p.Texts.Text(p.Lang, "top.plain.back"))
	}
	p.reached, p.away = true, false
}

// writeError is a failure of the output, not of the server.
type writeError struct{ error }

func (e *writeError) Unwrap() error { return e.error }

func (p *printer) print(events []trace.Event) error {
	for _, e := range events {
		if err := p.printOne(e); err != nil {
			return err
		}
	}
	return nil
}

func (p *printer) printOne(e trace.Event) error {
	if e.Seq <= p.last {
		return errAgain
	}
	p.last = e.Seq
	var err error
	if p.JSON {
		err = json.NewEncoder(p.Out).Encode(e)
	} else {
		_, err = fmt.Fprintln(p.Out, p.line(e))
	}
	if err != nil {
		return &writeError{err}
	}
	return nil
}

// line is an event: time, node, protocol with the number of the connection, and
// what was said in the notation of the lecture.
func (p *printer) line(e trace.Event) string {
	where := string(e.Proto)
	if e.Conn != 0 {
		where += fmt.Sprintf("#%d", e.Conn)
	}
	if where == "" {
		where = "-"
	}
	text := clean(e.String())
	if e.Kind == trace.Gap {
		text = "* " + p.Texts.Text(p.Lang, "top.plain.gap", "n", e.Size)
	}
	out := fmt.Sprintf("%s %-14s %-8s %s", e.Time.In(p.Zone).Format("15:04:05.000"), clean(e.Node), where, text)
	if p.reader == nil {
		return out
	}
	note := p.reader.Explain(e)
	if note.Text == "" {
		return out
	}
	return out + "  # " + oneLine(note.Text)
}

// oneLine puts the lines of an explanation behind each other.
func oneLine(s string) string {
	return clean(strings.ReplaceAll(s, "\n", "; "))
}
