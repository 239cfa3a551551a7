package top

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"glassmail/trace"
)

// Bounds of a Client.
const (
	callTime      = 10 * time.Second // for most calls
	maxAnswer     = 64 << 20         // bytes
	maxStreamLine = 256 << 10        // bytes
	maxBatch      = 256              // events that are taken at once
	lostAfter     = 45 * time.Second // without a sign of life on the stream, three of the server's
	retryAfter    = time.Second      // between two attempts to reach a server
)

// Client reads a server's API.
type Client struct {
	// Find tells where the server's pages are, as in http://127.0.0.1:8025, and the
	// operator's token, "" where none is needed. It is asked anew for each call: a
	// lab that starts again may be elsewhere.
	Find func() (address, token string, err error)

	retry time.Duration // 0 is retryAfter
}

// patience is the time between two attempts to reach a server.
func (c *Client) patience() time.Duration { return cmp.Or(c.retry, retryAfter) }

// refusal is the answer of a server to a call that it does not make.
type refusal struct {
	status int
	text   string
}

// Error is the server's text.
func (r *refusal) Error() string { return r.text }

// absent reports that the server does not have what was asked for.
func absent(err error) bool {
	var r *refusal
	return errors.As(err, &r) && r.status == http.StatusNotFound
}

// do makes one call. The caller closes the body.
func (c *Client) do(ctx context.Context, method, path string, body any) (*http.Response, error) {
	base, token, err := c.Find()
	if err != nil {
		return nil, err
	}
	var in io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		in = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, base+"/api/v1"+path, in)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) { // without the method and the path
			err = u.Err
		}
		return nil, fmt.Errorf("nothing answers at %s; start a lab with 'glassmail lab', or name the server's page with --url: %w", base, err)
	}
	if res.StatusCode != http.StatusOK {
		defer res.Body.Close()
		return nil, refused(res)
	}
	return res, nil
}

// refused is what the server says of a call that it does not make.
func refused(res *http.Response) error {
	var said struct {
		Error string `json:"error"`
	}
	b, _ := io.ReadAll(io.LimitReader(res.Body, 4<<10))
	if json.Unmarshal(b, &said) != nil || said.Error == "" {
		said.Error = res.Status
	}
	return &refusal{res.StatusCode, said.Error}
}

// call makes one call, within a time, and reads its answer into v unless that is
// nil.
func (c *Client) call(ctx context.Context, within time.Duration, method, path string, body, v any) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	res, err := c.do(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if v == nil {
		return nil
	}
	return json.NewDecoder(io.LimitReader(res.Body, maxAnswer)).Decode(v)
}

// get reads the answer of a call into v.
func (c *Client) get(ctx context.Context, path string, v any) error {
	return c.call(ctx, callTime, http.MethodGet, path, nil, v)
}

// change makes a call that changes something.
func (c *Client) change(ctx context.Context, method, path string, body any) error {
	return c.call(ctx, callTime, method, path, body, nil)
}

// save copies the answer of a call to out.
func (c *Client) save(ctx context.Context, path string, out io.Writer) error {
	res, err := c.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.Copy(out, res.Body)
	return err
}

// follow reads the event stream from the event after since on, calls began once
// it is open and take with the events as they come, several if they come fast,
// until the stream or ctx ends.
func (c *Client) follow(ctx context.Context, since uint64, began func(), take func([]trace.Event) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	silent := time.AfterFunc(lostAfter, cancel) // a server that vanished without a word
	defer silent.Stop()
	res, err := c.do(ctx, http.MethodGet, "/events?since="+strconv.FormatUint(since, 10), nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	began()
	in := bufio.NewReaderSize(res.Body, maxStreamLine)
	var batch []trace.Event
	for {
		e, ok, err := nextEvent(in)
		if err != nil {
			return err
		}
		silent.Reset(lostAfter)
		if ok {
			batch = append(batch, e)
		}
		if len(batch) > 0 && (in.Buffered() == 0 || len(batch) == maxBatch) {
			if err := take(batch); err != nil {
				return err
			}
			batch = nil
		}
	}
}

// nextEvent reads one line of a stream; ok says that it was an event.
func nextEvent(in *bufio.Reader) (e trace.Event, ok bool, err error) {
	line, err := in.ReadSlice('\n')
	if err == io.EOF {
		return e, false, errors.New("the server has ended the connection")
	} else if err != nil {
		return e, false, err
	}
	data, ok := bytes.CutPrefix(line, []byte("data: "))
	if !ok {
		return e, false, nil
	}
	if err := json.Unmarshal(data, &e); err != nil {
		return e, false, fmt.Errorf("event stream: %w", err)
	}
	return e, true, nil
}

// watch tells send every event, those first that the server still keeps, and
// whenever the server is found or lost, until ctx ends.
func (c *Client) watch(ctx context.Context, send func(tea.Msg)) {
	for {
		err := c.follow(ctx, 0, func() { send(found{}) }, func(events []trace.Event) error {
			send(happened{events})
			return nil
		})
		if ctx.Err() != nil {
			return
		}
		send(lost{err})
		if !pause(ctx, c.patience()) {
			return
		}
	}
}

// pause waits; false says that ctx has ended.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
