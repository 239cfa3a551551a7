package web_test

import (
	"testing"

	"glassmail/web"
	"glassmail/web/api"
)

// /healthz is about what only a new start mends, /readyz about what is wrong now;
// both say what that is, to everybody.
func TestHealth(t *testing.T) {
	full := api.Part{Name: "store", Trouble: "the disk is full"}
	dead := api.Part{Name: "store", Trouble: "it has stopped", Dead: true}
	well := api.Part{Name: "smtp 127.0.0.1:2525"}
	for _, c := range []struct {
		name         string
		parts        []api.Part
		alive, ready int
		lines        string
	}{
		{"no parts", nil, 200, 200, ""},
		{"well", []api.Part{well}, 200, 200, "smtp 127.0.0.1:2525: ok\n"},
		{"trouble", []api.Part{full, well}, 200, 503, "store: the disk is full\nsmtp 127.0.0.1:2525: ok\n"},
		{"dead", []api.Part{dead}, 503, 503, "store: it has stopped\n"},
	} {
		srv := serve(t, web.Options{Health: func() []api.Part { return c.parts }, Token: "secret"})
		for path, want := range map[string]int{"/healthz": c.alive, "/readyz": c.ready} {
			verdict := map[string]string{"/healthz200": "ok\n", "/healthz503": "not ok\n", "/readyz200": "ready\n", "/readyz503": "not ready\n"}
			resp, body := request(t, "GET", srv.URL+path, nil, "")
			if key := path + resp.Status[:3]; resp.StatusCode != want || body != verdict[key]+c.lines {
				t.Errorf("%s: %s: %s %q, want %d", c.name, path, resp.Status, body, want)
			}
		}
	}
}
