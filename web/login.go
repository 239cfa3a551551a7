package web

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"glassmail/web/api"
)

// maxLogin bounds the body of a login, in bytes.
const maxLogin = 8 << 10

func (s *Server) loginRoutes() []api.Route {
	return []api.Route{
		{Method: "POST", Path: "/login", Role: api.Anyone, MaxBody: maxLogin, Handle: s.apiLogin},
		{Method: "POST", Path: "/logout", Role: api.Anyone, Handle: s.apiLogout},
		{Method: "GET", Path: "/session", Role: api.Anyone, Handle: s.apiSession},
		{Method: "PUT", Path: "/password", Role: api.User, MaxBody: maxLogin, Handle: s.changePassword},
	}
}

// login checks a credential and begins a session in place of the caller's.
func (s *Server) login(w http.ResponseWriter, r *http.Request, caller identity, c credential) (session, error) {
	who, err := s.verify(r.Context(), peerAddr(r), c)
	if err != nil {
		return session{}, err
	}
	if who.operator { // of an account it was told where its password was checked
		s.tellOperator(peerAddr(r), nil)
	}
	return s.begin(w, r, caller, who), nil
}

func (s *Server) apiLogin(c *api.Call) error {
	var in login
	if err := c.Read(&in); err != nil {
		return err
	}
	given, err := in.credential()
	if err != nil {
		return err
	}
	one, err := s.login(c.W, c.Request, callerOf(c), given)
	if err != nil {
		return err
	}
	return c.JSON(sessionInfo{Account: one.account, Operator: one.operator || c.Caller.Operate})
}

func (s *Server) apiLogout(c *api.Call) error {
	s.sessions.end(callerOf(c).session)
	s.setCookie(c.W, c.Request, "", -1)
	return c.JSON(map[string]bool{"ok": true})
}

// sessionInfo tells a page who its reader is.
type sessionInfo struct {
	Account  string `json:"account"`  // "" if nobody is logged in
	Operator bool   `json:"operator"` // may change the node
}

func (s *Server) apiSession(c *api.Call) error {
	return c.JSON(sessionInfo{Account: c.Caller.Account, Operator: c.Caller.Operate})
}

// page shows a page of the shell to whom may see it; others are led to the login.
func (s *Server) page(p page) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id, ok := s.opened(w, r)
		if !ok {
			return
		}
		if !id.Has(p.role) {
			http.Redirect(w, r, s.elsewhere(id, r.URL), http.StatusSeeOther)
			return
		}
		s.render(w, http.StatusOK, s.pages.view(r, p.name, id))
	}
}

// opened finds out who opens a page; without ok the request is answered. Opening a
// page begins no session: a link on another site can have it opened. A token in the
// address, which must not stay in the history either, is exchanged for a one-time
// token and the button of the login page.
func (s *Server) opened(w http.ResponseWriter, r *http.Request) (id identity, ok bool) {
	id, err := s.identify(r)
	if err != nil {
		s.refuse(w, r, err)
		return id, false
	}
	if id.inTarget {
		next := r.URL.Path
		if next == "/login" {
			next = given(r, "next")
		}
		http.Redirect(w, r, onceLink(s.links.make(), ownPath(next)), http.StatusSeeOther)
		return id, false
	}
	return id, !s.pages.chooseLanguage(w, r)
}

// LoginLink is the path, with a one-time token, at which a browser can log in as the
// operator: once, within a quarter of an hour.
func (s *Server) LoginLink() string { return onceLink(s.links.make(), "/") }

// elsewhere is where somebody goes who may not see a page.
func (s *Server) elsewhere(id identity, u *url.URL) string {
	if id.Account != "" {
		return "/mail"
	}
	return "/login?next=" + url.QueryEscape(u.Path)
}

func (s *Server) render(w http.ResponseWriter, status int, v view) {
	if err := s.pages.render(w, status, v); err != nil {
		s.o.Log.Error("web", "page", v.Page, "error", err)
		http.Error(w, "the page could not be made", http.StatusInternalServerError)
	}
}

// refuse answers a request for a page with the login, if another credential would
// help, else with a line.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	f, internal := api.ErrorOf(err)
	if internal != nil {
		s.o.Log.Error("web", "path", r.URL.Path, "error", internal)
	}
	if f.Status == http.StatusUnauthorized {
		s.loginPage(w, r, identity{}, f.Status, f.Text)
		return
	}
	http.Error(w, f.Text, f.Status)
}

func (s *Server) showLogin(w http.ResponseWriter, r *http.Request) {
	if id, ok := s.opened(w, r); ok {
		s.loginPage(w, r, id, http.StatusOK, "")
	}
}

func (s *Server) loginPage(w http.ResponseWriter, r *http.Request, id identity, status int, failure string) {
	// A form of a page without any referrer comes from the origin "null" (Fetch §3.2),
	// and over HTTP to another machine nothing else says whose it is.
	w.Header().Set("Referrer-Policy", "same-origin")
	v := s.pages.view(r, "login", id)
	v.Failure, v.Next = failure, ownPath(given(r, "next"))
	v.Once, v.MayMail, v.MayToken = onceOf(r), s.o.Accounts != nil, s.o.Token != ""
	s.render(w, status, v)
}

// postLogin takes the form of the login page, which works without scripts.
func (s *Server) postLogin(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxLogin)
	id, err := s.identify(r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	if err := r.ParseForm(); err != nil {
		s.refuse(w, r, unreadable(err))
		return
	}
	given, err := formLogin(r)
	if err == nil {
		_, err = s.login(w, r, id, given)
	}
	if err != nil {
		f, internal := api.ErrorOf(err)
		if internal != nil {
			s.refuse(w, r, err)
			return
		}
		s.loginPage(w, r, id, f.Status, f.Text)
		return
	}
	http.Redirect(w, r, ownPath(r.PostFormValue("next")), http.StatusSeeOther)
}

// given is a parameter of the form, where one was read, or of the address. The body of
// a request for a page is not looked at: it has no bound.
func given(r *http.Request, name string) string {
	return cmp.Or(r.PostForm.Get(name), r.URL.Query().Get(name))
}

// unreadable is the answer to a form that is too large or none.
func unreadable(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return err
	}
	return &api.Error{Status: http.StatusBadRequest, Text: "the form cannot be read: " + err.Error()}
}

// ownPath lets through paths of this server only, so that a login leads nowhere
// else.
func ownPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Host != "" || u.Scheme != "" || u.Opaque != "" || !strings.HasPrefix(u.Path, "/") ||
		strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n") {
		return "/"
	}
	return next
}
