package top

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"glassmail/catalogue"
	"glassmail/trace"
)

// lines runs Lines until out has taken a line with each of the texts.
func lines(t *testing.T, a *api, change func(*Lines), texts ...string) (string, string) {
	t.Helper()
	words, err := catalogue.New()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out := &waiter{until: texts, done: cancel}
	var notices bytes.Buffer
	l := &Lines{Client: a.client(), Out: out, Notices: &notices, Texts: words, Lang: "en", Zone: time.UTC}
	change(l)
	if err := l.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		t.Fatalf("waited for %q in vain; it wrote\n%s%s", texts, out.String(), notices.String())
	}
	return out.String(), notices.String()
}

// waiter keeps what is written and calls done when all texts have come.
type waiter struct {
	mu    sync.Mutex
	buf   strings.Builder
	until []string
	done  func()
}

func (w *waiter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf.Write(b)
	for _, text := range w.until {
		if !strings.Contains(w.buf.String(), text) {
			return len(b), nil
		}
	}
	w.done()
	return len(b), nil
}

func (w *waiter) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}

func TestLines(t *testing.T) {
	a := newAPI(t)
	a.events[1].Text = "220 hi\x1b[2J"
	got, _ := lines(t, a, func(*Lines) {}, "queued for")
	for _, want := range []string{
		"12:00:00.001 crepes.fr      smtp#1   * 127.0.0.1:40001 → 127.0.0.1:2587\n",
		`12:00:00.002 crepes.fr      smtp#1   S: 220 hi\x1b[2J` + "\n",
		"12:00:00.003 crepes.fr      smtp#1   C: EHLO ua\n",
		"crepes.fr      queue    * queued for hamburger.edu\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("it lacks %q:\n%s", want, got)
		}
	}
	got, _ = lines(t, a, func(l *Lines) { l.Explain, l.Lang = true, "th" }, "queued for")
	if !strings.Contains(got, "C: EHLO ua  # คำทักทาย") && !strings.Contains(got, "C: EHLO ua  # ทักทาย") {
		t.Errorf("nothing is explained:\n%s", got)
	}
	got, _ = lines(t, a, func(l *Lines) { l.JSON = true }, "queued for")
	first, _, _ := strings.Cut(got, "\n")
	var e trace.Event
	if err := json.Unmarshal([]byte(first), &e); err != nil || e.Seq != 1 || e.Kind != trace.Open {
		t.Errorf("the first line is %s: %v", first, err)
	}
}

// A gap is told as one.
func TestLinesGap(t *testing.T) {
	a := newAPI(t)
	a.events = []trace.Event{{Seq: 5, Kind: trace.Gap, Dir: trace.Self, Size: 5, Time: noon()}, {Seq: 6, Kind: trace.Note, Text: "on", Time: noon()}}
	got, _ := lines(t, a, func(*Lines) {}, "* on")
	if !strings.Contains(got, "* 5 events") {
		t.Errorf("got %s", got)
	}
}

// Lines wait for a server that went away, and begin anew with another that comes
// in its place.
func TestLinesSurvive(t *testing.T) {
	a, b := newAPI(t), newAPI(t)
	b.events = []trace.Event{
		{Seq: 1, Kind: trace.Note, Dir: trace.Self, Text: "I am new", Time: noon()},
		{Seq: 2, Kind: trace.Note, Dir: trace.Self, Text: "and say more", Time: noon()},
	}
	var mu sync.Mutex
	at, calls := a.URL, 0
	find := func() (string, string, error) {
		mu.Lock()
		defer mu.Unlock()
		if calls++; calls == 2 {
			return "", "", errors.New("nobody is there")
		}
		if calls > 2 {
			at = b.URL
		}
		return at, "", nil
	}
	close(a.ended)
	b.again = true
	got, notices := lines(t, a, func(l *Lines) { l.Client.Find = find }, "and say more")
	if strings.Count(got, "I am new") != 1 || strings.Count(got, "and say more") != 1 || !strings.Contains(got, "C: QUIT") {
		t.Errorf("it wrote\n%s", got)
	}
	if want := "glassmail: the server is lost (the server has ended the connection); waiting until it is back\nglassmail: the server is back\n"; notices != want {
		t.Errorf("it said %q, want %q", notices, want)
	}
}

// Without a server at the beginning, and with an output that takes nothing, there
// is nothing to wait for.
func TestLinesFail(t *testing.T) {
	a := newAPI(t)
	l := &Lines{Client: a.client(), Out: broken{}, Notices: io.Discard, Zone: time.UTC}
	if err := l.Run(t.Context()); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("error %v", err)
	}
	a.Close()
	if err := l.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "glassmail lab") {
		t.Errorf("error %v", err)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// The display is told what changes, that the server is lost, and that it is back.
func TestWatch(t *testing.T) {
	a := newAPI(t)
	ctx, cancel := context.WithCancel(t.Context())
	told := make(chan tea.Msg)
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.client().watch(ctx, func(m tea.Msg) {
			select {
			case told <- m:
			case <-ctx.Done():
			}
		})
	}()
	if _, ok := (<-told).(found); !ok {
		t.Error("an open stream is not told")
	}
	for n := 0; n < len(a.events); {
		m, ok := (<-told).(happened)
		if !ok {
			t.Fatal("events are not told")
		}
		n += len(m.events)
	}
	a.mu.Lock()
	close(a.ended)
	a.ended = make(chan struct{})
	a.mu.Unlock()
	if m, ok := (<-told).(lost); !ok || m.err == nil {
		t.Errorf("the end of the stream is told as %v", m)
	}
	if _, ok := (<-told).(found); !ok {
		t.Error("it does not come back")
	}
	cancel()
	<-done
}
