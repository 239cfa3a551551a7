package web

import (
	"cmp"
	"context"
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

// sameOrigin refuses what a browser says comes from another site. A change is judged
// by net/http, which takes what carries no mark of a browser for a program: pages
// cannot leave the marks out. Reading is judged here, since a page of another site
// could time it, or hold a stream open.
func sameOrigin(r *http.Request) error {
	var changes http.CrossOriginProtection
	if changes.Check(r) == nil && !foreignReading(r) {
		return nil
	}
	return &api.Error{Status: http.StatusForbidden, Text: "requests from other sites are refused"}
}

func foreignReading(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	switch r.Header.Get("Origin") {
	case "", "http://" + r.Host, "https://" + r.Host:
	default:
		return true
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none": // without the field: the address bar, or another program
		return false
	}
	// A link on another site may open a page, for it shows nothing to that site.
	return r.Method != http.MethodGet || r.Header.Get("Sec-Fetch-Mode") != "navigate" || r.Header.Get("Sec-Fetch-Dest") != "document" ||
		strings.HasPrefix(r.URL.Path, api.Prefix)
}
