package web

import (
	"crypto/subtle"
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
		{Method: "PUT", Path: "/password", Role: api.Reader, MaxBody: maxLogin, Handle: s.changePassword},
	}
}

// credentials are an account's, or the operator's token.
type credentials struct {
	Account  string `json:"account"`
	Password string `json:"password"`
	Token    string `json:"token"`
}

// login checks credentials and begins a session.
func (s *Server) login(w http.ResponseWriter, r *http.Request, c credentials) (id string, err error) {
	var who identity
	if c.Token != "" {
		err = s.checkToken(r, c.Token)
	} else {
		who, err = s.checkPassword(r, c.Account, c.Password)
	}
	if err != nil {
		return "", err
	}
	return s.begin(w, r, who, c.Token != ""), nil
}

func (s *Server) apiLogin(c *api.Call) error {
	var in credentials
	if err := c.Read(&in); err != nil {
		return err
	}
	id, err := s.login(c.W, c.Request, in)
	if err != nil {
		return err
	}
	one, _ := s.sessions.find(id)
	return c.JSON(sessionInfo{Account: one.account, Operator: one.operator || c.Caller.Keep, CSRF: one.csrf})
}

func (s *Server) apiLogout(c *api.Call) error {
	if _, id, ok := s.sessionOf(c.Request); ok {
		s.sessions.end(id)
	}
	s.setCookie(c.W, c.Request, "", -1)
	return c.JSON(map[string]bool{"ok": true})
}

// sessionInfo tells a page who its reader is.
type sessionInfo struct {
	Account  string `json:"account"`  // "" if nobody is logged in
	Operator bool   `json:"operator"` // may change the node
	CSRF     string `json:"csrf"`     // to be sent as X-CSRF-Token with every change
}

func (s *Server) apiSession(c *api.Call) error {
	info := sessionInfo{Account: c.Caller.Account, Operator: c.Caller.Keep, CSRF: s.ambient}
	if one, _, ok := s.sessionOf(c.Request); ok {
		info.CSRF = one.csrf
	}
	return c.JSON(info)
}

// page shows a page of the shell to whom may see it; others are led to the login.
func (s *Server) page(p page) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id, err := s.identify(r)
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		if r.URL.Query().Has("token") { // it must not stay in the history
			s.begin(w, r, id, true)
			http.Redirect(w, r, without(r.URL, "token"), http.StatusSeeOther)
			return
		}
		if s.pages.chooseLanguage(w, r) {
			return
		}
		if !id.Has(p.role) {
			http.Redirect(w, r, s.elsewhere(id, r.URL), http.StatusSeeOther)
			return
		}
		s.render(w, http.StatusOK, s.pages.view(r, p.name, id.Caller, id.csrf))
	}
}

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

// refuse answers a request for a page that is not even led to the login.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var f *api.Fault
	if !errors.As(err, &f) {
		s.o.Log.Error("web", "path", r.URL.Path, "error", err)
		f = &api.Fault{Status: http.StatusInternalServerError, Text: "something failed in the server"}
	}
	http.Error(w, f.Text, f.Status)
}

func (s *Server) showLogin(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxLogin)
	id, err := s.identify(r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	if s.pages.chooseLanguage(w, r) {
		return
	}
	s.loginPage(w, r, id, http.StatusOK, "")
}

func (s *Server) loginPage(w http.ResponseWriter, r *http.Request, id identity, status int, failure string) {
	v := s.pages.view(r, "login", id.Caller, id.csrf)
	v.Failure, v.Next = failure, ownPath(r.FormValue("next"))
	v.MayMail, v.MayToken = s.o.Accounts != nil, s.o.Token != ""
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
	if subtle.ConstantTimeCompare([]byte(r.PostFormValue("csrf")), []byte(id.csrf)) != 1 {
		s.loginPage(w, r, id, http.StatusForbidden, s.pages.texts.Text(s.pages.language(r), "shell.expired"))
		return
	}
	in := credentials{Account: r.PostFormValue("account"), Password: r.PostFormValue("password"), Token: r.PostFormValue("token")}
	if _, err := s.login(w, r, in); err != nil {
		var f *api.Fault
		if !errors.As(err, &f) {
			s.refuse(w, r, err)
			return
		}
		s.loginPage(w, r, id, f.Status, f.Text)
		return
	}
	http.Redirect(w, r, ownPath(r.PostFormValue("next")), http.StatusSeeOther)
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
