package api_test

import (
	"crypto/tls"
	"net"
	"net/http"
	"testing"

	"glassmail/server"
	"glassmail/trace"
	"glassmail/web"
	"glassmail/web/api"
)

// A page over TLS sets a cookie that stays in TLS, and the trace tells that the
// reader came that way.
func TestTLS(t *testing.T) {
	h := newHouse(t)
	office := server.NewWebBackend(h.node)
	s, err := web.New(web.Options{API: api.Options{Trace: h.log, Mail: office}, Accounts: office, Secure: true})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- s.Serve(h.node.ListenTLS(l)) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	})
	h.deliver(t, "alice@crepes.fr", "by TLS")
	ask[one](h.operator(t), "POST", "/messages/wait", `{"account":"alice@crepes.fr","timeout":"1m"}`) // readers see it a moment later
	c := newClient(t, "https://"+l.Addr().String(), h.calls)
	c.http.Transport.(*http.Transport).TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	c.login("alice@crepes.fr", "secret")
	if _, m := c.newest("INBOX"); m.Subject != "by TLS" {
		t.Errorf("read %+v", m)
	}
	for _, e := range h.log.Since(0) {
		if e.Kind == trace.Fetched && !e.Secure {
			t.Errorf("the trace tells of %+v as if it were without TLS", e)
		}
	}
	plain := newClient(t, "http://"+l.Addr().String(), nil)
	if resp, err := plain.http.Get(plain.url + api.Prefix + "/session"); err == nil {
		resp.Body.Close()
		if resp.StatusCode < 400 {
			t.Errorf("without TLS: %d", resp.StatusCode)
		}
	}
}
