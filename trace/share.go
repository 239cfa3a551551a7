package trace

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"
)

// ShareVersion is the version of the files that WriteShare writes.
const ShareVersion = 1

// Bounds of an imported file.
const (
	maxShareLine  = 256 << 10
	maxShareSize  = 64 << 20
	maxShareCount = 200_000
	maxWord       = 256 // bytes of a name or an address
)

// ShareHeader is the first line of a shared file, which tells what the rest is.
type ShareHeader struct {
	Glassmail int       `json:"glassmail"` // ShareVersion
	Made      time.Time `json:"made"`
	Journeys  []Detail  `json:"journeys,omitempty"` // without their steps, which are the lines that follow
}

// ErrShare is returned for a file that is no shared trace.
var ErrShare = errors.New("not a shared trace")

// WriteShare writes events as JSON lines: a header, then one event a line.
func WriteShare(w io.Writer, made time.Time, events []Event) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	if err := out.Encode(ShareHeader{Glassmail: ShareVersion, Made: made}); err != nil {
		return err
	}
	for i := range events {
		if err := out.Encode(&events[i]); err != nil {
			return err
		}
	}
	return nil
}

// Export writes one journey as a shared file: the header holds its summary, its
// hops and hosts; each line is a Step. It reports false if there is no such
// journey.
func (j *Journeys) Export(w io.Writer, raw string, made time.Time) (bool, error) {
	d, ok := j.Get(raw)
	if !ok {
		return false, nil
	}
	steps := d.Steps
	d.Steps = []Step{}
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	if err := out.Encode(ShareHeader{Glassmail: ShareVersion, Made: made, Journeys: []Detail{d}}); err != nil {
		return true, err
	}
	for i := range steps {
		if err := out.Encode(&steps[i]); err != nil {
			return true, err
		}
	}
	return true, nil
}

// ReadShare reads a shared file of at most 64 MiB and 200,000 events, with lines
// of at most 256 KiB. Whatever the file holds, events come out within the bounds
// of a Log; lines that are none make an error that names their number.
func ReadShare(r io.Reader) (ShareHeader, []Event, error) {
	var h ShareHeader
	var events []Event
	in := bufio.NewScanner(io.LimitReader(r, maxShareSize))
	in.Buffer(make([]byte, 0, 4<<10), maxShareLine)
	for n := 1; in.Scan(); n++ {
		line := bytes.TrimSpace(in.Bytes())
		switch {
		case n == 1:
			if json.Unmarshal(line, &h) != nil || h.Glassmail == 0 {
				return h, nil, fmt.Errorf("%w: line 1 is no header of one", ErrShare)
			}
			if h.Glassmail > ShareVersion {
				return h, nil, fmt.Errorf("%w: version %d is newer than this program's %d", ErrShare, h.Glassmail, ShareVersion)
			}
		case len(line) == 0:
		case len(events) == maxShareCount:
			return h, nil, fmt.Errorf("%w: more than %d events", ErrShare, maxShareCount)
		default:
			var e Event
			if err := json.Unmarshal(line, &e); err != nil {
				return h, nil, fmt.Errorf("%w: line %d: %w", ErrShare, n, err)
			}
			if err := e.bound(); err != nil {
				return h, nil, fmt.Errorf("%w: line %d: %w", ErrShare, n, err)
			}
			events = append(events, e)
		}
	}
	if err := in.Err(); err != nil {
		return h, nil, fmt.Errorf("read shared trace: %w", err)
	}
	if h.Glassmail == 0 {
		return h, nil, fmt.Errorf("%w: it is empty", ErrShare)
	}
	return h, events, nil
}

// bound checks an event that comes from outside and cuts its texts.
func (e *Event) bound() error {
	for _, s := range []string{e.Node, e.Local, e.Remote, string(e.Proto), string(e.Kind), string(e.Phase), e.Command, e.Before, e.After, e.Journey, e.Peer.name(), string(e.Peer.role())} {
		if len(s) > maxWord {
			return fmt.Errorf("a name of %d bytes", len(s))
		}
	}
	if e.Kind == "" {
		return errors.New("no kind")
	}
	for _, d := range []Dir{e.Dir, e.Side} {
		if d != 0 && d != Client && d != Server && d != Self {
			return fmt.Errorf("direction %q", string(rune(d)))
		}
	}
	if e.Size < 0 || e.Size > 1<<30 {
		return fmt.Errorf("a size of %d", e.Size)
	}
	if y := e.Time.Year(); y < 1 || y > 9999 {
		return fmt.Errorf("the year %d", y)
	}
	e.cut()
	if err := e.Decision.bound(); err != nil {
		return err
	}
	return e.Message.bound()
}

// cut shortens what a Log would shorten.
func (e *Event) cut() {
	if len(e.Text) > maxText {
		e.Size = max(e.Size, len(e.Text))
		n := maxText
		for n > 0 && !utf8.RuneStart(e.Text[n]) {
			n--
		}
		e.Text = e.Text[:n]
	}
	if len(e.Bytes) > maxBytes {
		e.Size = max(e.Size, len(e.Bytes))
		e.Bytes = e.Bytes[:maxBytes]
	}
}

func (m *Message) bound() error {
	if m == nil {
		return nil
	}
	if len(m.To) > maxShareCount || len(m.ID)+len(m.From)+len(m.Subject) > maxText {
		return errors.New("a message with too much in its header")
	}
	return nil
}
