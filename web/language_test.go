package web_test

import (
	"testing"

	"glassmail/web"
)

// The reader's own choice comes first, then that of the server, then the browser's.
func TestLanguage(t *testing.T) {
	for _, tt := range []struct{ server, cookie, browser, want string }{
		{"", "", "th", "th"},
		{"", "", "de", "en"},
		{"th", "", "en", "th"},
		{"th", "en", "th", "en"},
		{"", "th", "en", "th"},
		{"de", "de", "th", "th"},
	} {
		s := serve(t, web.Options{Local: true, Lab: true, Language: tt.server})
		header := map[string]string{"Accept-Language": tt.browser}
		if tt.cookie != "" {
			header["Cookie"] = "lang=" + tt.cookie
		}
		resp, _ := request(t, "GET", s.URL+"/", header, "")
		if got := resp.Header.Get("Content-Language"); got != tt.want {
			t.Errorf("server %q, cookie %q, browser %q: the page is in %q, want %q", tt.server, tt.cookie, tt.browser, got, tt.want)
		}
	}
}
