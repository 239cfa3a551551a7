package web

import (
	"cmp"
	"context"
	"crypto/subtle"
	"fmt"
	"net/http"
	"strings"
	"time"

	"glassmail/web/api"
)

// unknown is the answer to who has not shown who they are.
func unknown(format string, args ...any) error {
	return &api.Error{Status: http.StatusUnauthorized, Text: fmt.Sprintf(format, args...)}
}

// call lets a request through to a call if the caller has its role, and bounds
// what it may take.
func (s *Server) call(route api.Route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := s.pass(w, r, route); err != nil {
			if cause := api.Report(w, err); cause != nil {
				s.o.Log.Error("web", "method", r.Method, "path", r.URL.Path, "error", cause)
			}
		}
	}
}

func (s *Server) pass(w http.ResponseWriter, r *http.Request, route api.Route) error {
	most := cmp.Or(route.Patience, patience)
	limit(w, most+lastWords)
	r.Body = http.MaxBytesReader(w, r.Body, route.MaxBody)
	id, err := s.identify(r)
	if err != nil {
		return err
	}
	if err := s.mayCall(id, route.Role); err != nil {
		return err
	}
	if err := checkCSRF(r, id); err != nil {
		return err
	}
	if route.Stream {
		http.NewResponseController(w).SetReadDeadline(time.Time{}) // the end of the connection is all that is still read
		ctx, end := context.WithCancel(r.Context())
		defer end()
		go s.watchOver(ctx, id, end)
		r = r.WithContext(ctx)
	} else {
		ctx, end := context.WithTimeout(r.Context(), most)
		defer end()
		r = r.WithContext(ctx)
	}
	return route.Handle(&api.Call{Request: known(r, id), W: w, Caller: id.Caller, Secure: peerOf(r).secure, Ended: s.ended.Done()})
}

func (s *Server) mayCall(id identity, role api.Role) error {
	if id.Has(role) {
		return nil
	}
	if role == api.OperatorOrUser {
		return &api.Error{Status: http.StatusUnauthorized, Text: "log in as an account (POST " + api.Prefix + "/login, or Basic authentication), or send the operator's token"}
	}
	if role == api.User {
		return &api.Error{Status: http.StatusUnauthorized, Text: "log in as an account first: POST " + api.Prefix + "/login, or Basic authentication"}
	}
	if id.Account != "" {
		return &api.Error{Status: http.StatusForbidden, Text: "this is for the operator; you are logged in as " + id.Account}
	}
	if s.o.Token == "" {
		return unknown("nothing is shown here but to programs of this machine, by HTTP/1.1 and without a proxy between")
	}
	return &api.Error{Status: http.StatusUnauthorized, Text: "the token is missing: send Authorization: Bearer with the token in the file web-token of the server's data folder"}
}

// checkCSRF makes sure that a change was asked for by a page of ours. A browser
// shows itself by the fields it adds; whatever comes from one must carry the token
// of its session, which no other site can read. Programs that hold a password or
// token themselves, or that carry no mark of a browser, need none.
func checkCSRF(r *http.Request, id identity) error {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		return nil
	}
	if id.signed || id.session == "" && !id.browser {
		return nil
	}
	given := r.Header.Get("X-CSRF-Token")
	if subtle.ConstantTimeCompare([]byte(given), []byte(id.csrf)) == 1 {
		return nil
	}
	return &api.Error{Status: http.StatusForbidden, Text: "the X-CSRF-Token field is missing or old: reload the page"}
}

// sameOrigin refuses what a browser says comes from elsewhere. A request that
// opens a page or reads without these fields comes from the address bar or from
// another program.
func sameOrigin(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	switch r.Header.Get("Origin") {
	case "", "http://" + r.Host, "https://" + r.Host:
	case "null": // what a form of ours sends, whose pages give no referrer (Fetch §3.2); so does a frame without an origin
		return site == "same-origin"
	default:
		return false
	}
	switch site {
	case "", "same-origin", "none":
		return true
	}
	// A link on another site may open a page, for it shows nothing to that site.
	return r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document" &&
		!strings.HasPrefix(r.URL.Path, api.Prefix)
}
