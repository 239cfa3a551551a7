package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// drafting is an API with a folder for uploads, and one call of it.
func drafting(t testing.TB, body io.Reader, kind string) (*API, *Call) {
	t.Helper()
	a := New(Options{Uploads: t.TempDir()})
	return a, drafted(body, kind)
}

// drafted is a call with a body whose length is not known.
func drafted(body io.Reader, kind string) *Call {
	r := httptest.NewRequest(http.MethodPost, "/", body)
	r.ContentLength = -1
	r.Header.Set("Content-Type", kind)
	return &Call{Request: r, W: httptest.NewRecorder(), Caller: Caller{Account: "alice@crepes.fr"}}
}

// noise is n bytes that are not in memory, always the same.
func noise(n int64) io.Reader { return io.LimitReader(rand.NewChaCha8([32]byte{1}), n) }

// asJSON writes a draft with an attachment of n bytes.
func asJSON(n int64) (body io.Reader, kind string) {
	in, out := io.Pipe()
	go func() {
		io.WriteString(out, `{"to":["bob@crepes.fr"],"attachments":[{"name":"x","data":"`)
		enc := base64.NewEncoder(base64.StdEncoding, out)
		io.Copy(enc, noise(n))
		enc.Close()
		io.WriteString(out, `"}],"text":"after it"}`)
		out.Close()
	}()
	return in, "application/json"
}

func asForm(n int64) (body io.Reader, kind string) {
	in, out := io.Pipe()
	form := multipart.NewWriter(out)
	go func() {
		p, _ := form.CreateFormFile("file", "x")
		io.Copy(p, noise(n))
		form.WriteField("message", `{"to":["bob@crepes.fr"],"text":"after it"}`)
		form.Close()
		out.Close()
	}()
	return in, form.FormDataContentType()
}

// Of what is attached, no more than buffers are in memory, however it comes; and it
// comes whole, as often as it is read.
func TestDraftsAreStreamed(t *testing.T) {
	const size = 45 << 20
	want := sha256.New()
	io.Copy(want, noise(size))
	for name, make := range map[string]func(int64) (io.Reader, string){"JSON": asJSON, "form": asForm} {
		t.Run(name, func(t *testing.T) {
			body, kind := make(size)
			a, c := drafting(t, body, kind)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			d, end, err := c.readDraft(a)
			if err != nil {
				t.Fatal(err)
			}
			m, err := compose(&d, "alice@crepes.fr", "crepes.fr", time.Unix(0, 0), true)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				out := m.open(false)
				if n, err := io.Copy(io.Discard, out); err != nil || n > m.size() {
					t.Errorf("%d bytes of about %d, %v", n, m.size(), err)
				}
				out.Close()
			}
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > 2<<20 {
				t.Errorf("%d bytes were allocated for a draft of %d", n, size)
			}
			got := sha256.New()
			if n, err := io.Copy(got, d.Attachments[0].open()); n != size || err != nil || !bytes.Equal(got.Sum(nil), want.Sum(nil)) {
				t.Errorf("another content of %d bytes, %v", n, err)
			}
			if d.Text != "after it" || d.Attachments[0].Name != "x" {
				t.Errorf("%q, %+v", d.Text, d.Attachments)
			}
			end()
			empty(t, a)
		})
	}
}

// empty fails if something lies in the folder for uploads, or a body is counted.
func empty(t testing.TB, a *API) {
	t.Helper()
	left, err := os.ReadDir(a.o.Uploads)
	if err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if n := a.bodies.underWay(); n != 0 {
		t.Errorf("%d bodies are counted", n)
	}
}

// broken is a body that ends in the middle, as that of a client that has gone.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// Whatever is wrong with a draft, and whenever its writer goes, no file is left.
func TestSpoolsAreRemoved(t *testing.T) {
	data := base64.StdEncoding.EncodeToString(make([]byte, 200<<10))
	file := "--b\r\nContent-Disposition: form-data; name=f; filename=x\r\n\r\n" + data + "\r\n"
	start := `{"attachments":[{"data":"` + data + `"}`
	for name, body := range map[string]io.Reader{
		"JSON: whole":       strings.NewReader(start + `]}`),
		"JSON: broken off":  io.MultiReader(strings.NewReader(start), broken{}),
		"JSON: in data":     io.MultiReader(strings.NewReader(start[:len(start)-100]), broken{}),
		"JSON: in escape":   io.MultiReader(strings.NewReader(start+`,{"data":"\u00`), broken{}),
		"JSON: no JSON":     strings.NewReader(start + `x`),
		"JSON: no base64":   strings.NewReader(start + `,{"data":"*"}]}`),
		"JSON: odd escape":  strings.NewReader(start + `,{"data":"\b"}]}`),
		"JSON: other key":   strings.NewReader(start + `,{"Data":"*"}]}`),
		"JSON: unknown":     strings.NewReader(start + `],"x":1}`),
		"JSON: two values":  strings.NewReader(start + `]} {}`),
		"JSON: many files":  strings.NewReader(`{"attachments":[` + strings.Repeat(`{"data":"eA=="},`, maxAttachments+1)),
		"JSON: long":        strings.NewReader(start + `],"text":"` + strings.Repeat("x", maxDraftJSON) + `"}`),
		"JSON: many values": strings.NewReader(start + `],"to":[` + strings.Repeat(`"",`, maxDraftValues) + `""]}`),
		"form: whole":       strings.NewReader(file + "--b\r\nContent-Disposition: form-data; name=message\r\n\r\n{}\r\n--b--\r\n"),
		"form: broken off":  io.MultiReader(strings.NewReader(file[:len(file)-10]), broken{}),
		"form: no message":  strings.NewReader(file + "--b--\r\n"),
		"form: no JSON":     strings.NewReader(file + "--b\r\nContent-Disposition: form-data; name=message\r\n\r\n{\r\n--b--\r\n"),
		"form: many files":  strings.NewReader(strings.Repeat("--b\r\nContent-Disposition: form-data; name=f; filename=x\r\n\r\nx\r\n", maxAttachments+1)),
		"form: many parts":  strings.NewReader(file + strings.Repeat("--b\r\nContent-Disposition: form-data; name=x\r\n\r\nx\r\n", maxFormParts)),
	} {
		kind := "application/json"
		if strings.HasPrefix(name, "form") {
			kind = "multipart/form-data; boundary=b"
		}
		a, c := drafting(t, body, kind)
		_, end, err := c.readDraft(a)
		if (err == nil) != strings.HasSuffix(name, "whole") {
			t.Errorf("%s: %v", name, err)
		}
		if f := known(err); err != nil && f == nil {
			t.Errorf("%s is told as a failure of ours: %v", name, err)
		}
		end()
		empty(t, a)
	}
}

// The folder that cannot be written to is a failure of ours, and told without its name.
func TestSpoolFails(t *testing.T) {
	a, c := drafting(t, strings.NewReader(`{"attachments":[{"data":"eA=="}]}`), "application/json")
	a.o.Uploads = filepath.Join(a.o.Uploads, "missing")
	_, end, err := c.readDraft(a)
	defer end()
	if err == nil || known(err) != nil {
		t.Errorf("%v", err)
	}
}

// What a crash left is taken away at the next start, and nothing else.
func TestClearUploads(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "uploads")
	if err := ClearUploads(dir); err != nil {
		t.Fatal(err)
	}
	s := &spool{dir: dir}
	if _, err := io.WriteString(s, "left by a crash"); err != nil {
		t.Fatal(err)
	}
	s.file.Close()
	if err := os.WriteFile(filepath.Join(dir, "other"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(s.file.Name()); err != nil || runtime.GOOS != "windows" && st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st.Mode(), err)
	}
	if err := ClearUploads(dir); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 || left[0].Name() != "other" {
		t.Errorf("%v, %v", left, err)
	}
}

// Beyond the messages that may be on their way at one time, of an account and of
// all, a caller is told to come again.
func TestBodiesAreBounded(t *testing.T) {
	a := New(Options{Uploads: t.TempDir()})
	enter := func(account string, length int64) (func(), int, string) {
		w := httptest.NewRecorder()
		c := &Call{Request: httptest.NewRequest(http.MethodPost, "/", nil), W: w, Caller: Caller{Account: account}}
		c.ContentLength = length
		leave, err := c.enterBody(a)
		if err != nil {
			Report(w, err)
			return nil, w.Code, w.Header().Get("Retry-After")
		}
		return leave, http.StatusOK, ""
	}
	var leave []func()
	for n := range maxBodies {
		out, status, _ := enter(fmt.Sprintf("a%d@crepes.fr", n/maxBodiesOfAccount), 1<<20)
		if status != http.StatusOK {
			t.Fatalf("body %d: %d", n, status)
		}
		leave = append(leave, out)
		if n == maxBodiesOfAccount-1 {
			if _, status, after := enter("a0@crepes.fr", -1); status != http.StatusTooManyRequests || after == "" {
				t.Errorf("one more of the account: %d, after %q", status, after)
			}
		}
	}
	if _, status, after := enter("other@crepes.fr", 1<<20); status != http.StatusServiceUnavailable || after == "" {
		t.Errorf("one more: %d, after %q", status, after)
	}
	if _, status, _ := enter("other@crepes.fr", smallBody); status != http.StatusOK {
		t.Errorf("a small one: %d", status)
	}
	leave[0]()
	if out, status, _ := enter("other@crepes.fr", 1<<20); status != http.StatusOK {
		t.Errorf("when one has gone: %d", status)
	} else {
		leave[0] = out
	}
	for _, out := range leave {
		out()
	}
	empty(t, a)
}

// plainDraft is a draft as encoding/json reads it by itself. Of a key that is there
// twice the last counts.
type plainDraft struct {
	draft
	Attachments []struct {
		Name string `json:"name"`
		Type string `json:"type"`
		Data string `json:"data"`
	} `json:"attachments"`
}

// FuzzDraft holds the reading of JSON piece by piece against encoding/json.
func FuzzDraft(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"attachments":[{"name":"a","type":"b","data":"eA=="},{"data":"eHk="}],"text":"\"data\":\"x\""}`,
		`{"attachments":[{"data" : "\u0065\/8=\n"}]}`, `{"attachments":[{"Data":"eA==","data":""}]}`, `{"attachments":[{"d\u0061ta":"eA=="}]}`,
		`{"attachments":[{"data":null}]}`, `{"data":"x"}`, `{"subject":"data","text":"data"}`, `{"attachments":[{"data":"cut-AAAA-0"}]}`,
		`{"text":"data","to":["data"],"attachments":[{"name":"data","data":"eA"}]}`, `[`, `{"attachments":[{"data":"`, `{"attachments":[{"Data":"eQQA==","data":""}]}`, `{"attachments":[{"data":[1]}]}`, ` {"text":"x"} `, `{} {}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var want plainDraft
		d := json.NewDecoder(bytes.NewReader(b))
		d.DisallowUnknownFields()
		wantErr := d.Decode(&want)
		if _, more := d.Token(); wantErr == nil && more != io.EOF {
			wantErr = errors.New("more")
		}
		var contents [][]byte
		for _, a := range want.Attachments {
			one, err := base64.StdEncoding.DecodeString(a.Data)
			contents, wantErr = append(contents, one), errors.Join(wantErr, err)
		}
		s := &spool{dir: t.TempDir()}
		defer s.remove()
		got, err := readDraftJSON(bytes.NewReader(b), s)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%v, want %v", err, wantErr)
		}
		if err != nil {
			if known(err) == nil {
				t.Fatalf("no fault of the caller's: %v", err)
			}
			return
		}
		if got.Text != want.Text || got.Subject != want.Subject || len(got.Attachments) != len(want.Attachments) {
			t.Fatalf("%+v, want %+v", got, want)
		}
		for i, a := range got.Attachments {
			b, err := io.ReadAll(a.open())
			if err != nil || !bytes.Equal(b, contents[i]) || a.Name != want.Attachments[i].Name {
				t.Fatalf("attachment %d: %q, want %q; %v", i, b, contents[i], err)
			}
		}
	})
}

// FuzzForm: any body ends in a draft within the bounds or in a fault of the caller's,
// and leaves nothing.
func FuzzForm(f *testing.F) {
	f.Add([]byte("--b\r\nContent-Disposition: form-data; name=f; filename=x\r\n\r\nx\r\n--b\r\nContent-Disposition: form-data; name=message\r\n\r\n{\"attachments\":[{\"data\":\"eA==\"}]}\r\n--b--\r\n"))
	a, _ := drafting(f, nil, "")
	f.Fuzz(func(t *testing.T, b []byte) {
		d, end, err := drafted(bytes.NewReader(b), "multipart/form-data; boundary=b").readDraft(a)
		var size int64
		for _, one := range d.Attachments {
			size += one.size
		}
		if err != nil && known(err) == nil || err == nil && (size > int64(len(b)) || len(d.Attachments) > 2*maxAttachments) {
			t.Errorf("%d bytes in %d attachments of %d bytes, %v", size, len(d.Attachments), len(b), err)
		}
		end()
		empty(t, a)
	})
}
