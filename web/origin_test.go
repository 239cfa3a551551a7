package web_test

import (
	"testing"
	"time"

	"glassmail/trace"
	"glassmail/web"
	"glassmail/web/api"
)

// A form of our own pages comes without an origin, for they give no referrer; the
// browser says itself that it is ours. A frame in which mail or another site is shown
// comes without one, too, and is refused.
func TestFormWithoutOrigin(t *testing.T) {
	srv := serve(t, web.Options{API: api.Options{Trace: trace.NewLog(10, time.Now)}, Token: "sesame", Local: true})
	for _, c := range []struct {
		site string
		want int
	}{{"same-origin", 303}, {"cross-site", 403}, {"same-site", 403}, {"", 403}} {
		header := map[string]string{"Origin": "null", "Content-Type": "application/x-www-form-urlencoded"}
		if c.site != "" {
			header["Sec-Fetch-Site"], header["Sec-Fetch-Mode"], header["Sec-Fetch-Dest"] = c.site, "navigate", "document"
		}
		resp, body := request(t, "POST", srv.URL+"/login", header, "token=sesame")
		if resp.StatusCode != c.want {
			t.Errorf("Sec-Fetch-Site %q: %s, want %d\n%s", c.site, resp.Status, c.want, body)
		}
	}
}
