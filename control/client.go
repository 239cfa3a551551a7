package control

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"time"
)

// Client calls a Server.
type Client struct {
	info info
	who  string
	http http.Client
}

// Dial finds the server that wrote file. It is fs.ErrNotExist if none runs. who
// names the server in errors: "the running node".
func Dial(file, who string) (*Client, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	c := &Client{who: who, http: http.Client{Transport: oneCall()}}
	// A server writes its file in one step, so that half a file is of none that runs;
	// a whole one may be left behind by a server that was killed.
	if json.Unmarshal(b, &c.info) != nil || !c.info.alive() {
		return nil, fs.ErrNotExist
	}
	return c, nil
}

// Check reports whether a file that some earlier server left can be read; no file
// is no error.
func Check(file string) error {
	b, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(b, &info{})
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

// oneCall leaves no connection open behind a call.
func oneCall() *http.Transport { return &http.Transport{DisableKeepAlives: true} }

// alive asks whoever listens there to prove that it is the server.
func (i info) alive() bool {
	nonce := rand.Text()
	c := http.Client{Timeout: 5 * time.Second, Transport: oneCall()}
	resp, err := c.Get("http://" + i.Addr + "/prove?nonce=" + nonce)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1000))
	return err == nil && hmac.Equal(b, []byte(proof(i.Token, nonce)))
}

// Call makes one call: request is sent, the answer is put into result unless that
// is nil, and p, unless nil, sees the progress. An error of the call has the text
// that it had at the server.
func (c *Client) Call(ctx context.Context, name string, request, result any, p Progress) error {
	resp, err := c.ask(ctx, name, request)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	rep := reply{Progress: new([2]int64)}
	for in := json.NewDecoder(resp.Body); rep.Progress != nil; {
		rep = reply{}
		if err := in.Decode(&rep); err != nil {
			return fmt.Errorf("%s: %w", c.who, err)
		}
		if rep.Progress != nil && p != nil {
			p(rep.Progress[0], rep.Progress[1])
		}
	}
	if len(rep.Result) > 0 && result != nil {
		if err := json.Unmarshal(rep.Result, result); err != nil {
			return fmt.Errorf("%s: %w", c.who, err)
		}
	}
	if rep.Error != "" {
		return remoteError{text: rep.Error, kind: rep.Kind}
	}
	return nil
}

// ask sends a call. The caller closes the body.
func (c *Client) ask(ctx context.Context, name string, request any) (*http.Response, error) {
	b, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+c.info.Addr+"/"+name, bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.info.Token)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.who, err)
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
		return nil, fmt.Errorf("%s: %s: %s", c.who, resp.Status, bytes.TrimSpace(text))
	}
	return resp, nil
}

// remoteError is an error of the server with its identity.
type remoteError struct{ text, kind string }

func (e remoteError) Error() string { return e.text }

func (e remoteError) Is(target error) bool { return e.kind != "" && target.Error() == e.kind }
