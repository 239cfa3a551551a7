package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"glassmail/catalogue"
	"glassmail/web/api"
)

//go:embed templates
var templates embed.FS

// page is one page of the shell. Its module is static/<name>/main.js, its style
// sheet static/<name>/main.css, and its content the template
// static/<name>/page.html, which defines "content" and is given a view.
type page struct {
	name, path string
	role       api.Role
}

// allPages are the pages in the order of the navigation. Those without a module
// are not there.
func allPages() []page {
	return []page{
		{"journey", "/", api.Viewer},
		{"dns", "/dns", api.Viewer},
		{"mail", "/mail", api.ViewerOrUser},
		{"server", "/server", api.Viewer},
	}
}

// tab is one entry of the navigation.
type tab struct{ Name, Path string }

// view is what a template sees.
type view struct {
	Lang, Page, Theme, Projector string
	Account, Operator, Lab       string
	Assets, Style, Module        string
	Title, Nodes                 string
	Nav                          []tab
	Languages, Themes            []string

	LoggedIn  bool   // there is a session to log out from
	LoginLink string // for who has none; "" on the login page

	// of the login page
	Failure, Next     string
	Once              string // one-time token with which the page was opened
	MayMail, MayToken bool
}

// pages renders the shell.
type pages struct {
	texts  *catalogue.Catalogue
	assets *assets
	byName map[string]*template.Template // name + "/" + language
	shown  []page
	nodes  string
	lab    bool
	lang   string // see Options.Language
}

func newPages(texts *catalogue.Catalogue, a *assets, nodes []string, o Options) (*pages, error) {
	p := &pages{texts: texts, assets: a, byName: map[string]*template.Template{}, nodes: strings.Join(nodes, " · "), lab: o.Lab, lang: o.Language}
	for _, one := range allPages() {
		if a.has(one.name + "/main.js") {
			p.shown = append(p.shown, one)
		}
	}
	for _, lang := range texts.Languages() {
		for _, one := range p.shown {
			if err := p.parse(one.name, lang, a.files, one.name+"/page.html"); err != nil {
				return nil, err
			}
		}
		if err := p.parse("login", lang, templates, "templates/login.html"); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *pages) parse(name, lang string, files fs.FS, file string) error {
	t := template.New("base.html").Funcs(template.FuncMap{
		"t": func(key string, args ...any) string { return p.texts.Text(lang, key, args...) },
	})
	t, err := t.ParseFS(templates, "templates/base.html")
	if err != nil {
		return err
	}
	if _, err := fs.Stat(files, file); err == nil {
		if t, err = t.ParseFS(files, file); err != nil {
			return fmt.Errorf("page %s: %w", name, err)
		}
	}
	p.byName[name+"/"+lang] = t
	return nil
}

// view is what all pages share.
func (p *pages) view(r *http.Request, name string, who identity) view {
	c := who.Caller
	v := view{
		Lang: p.language(r), Page: name, Theme: choice(r, "theme", "auto", "light", "dark"), Projector: choice(r, "projector", "no", "yes"),
		LoggedIn: who.session != "", Account: c.Account, Operator: yes(c.Operate), Lab: yes(p.lab),
		Assets: p.assets.base, Module: "shell/shell.js", Nodes: p.nodes,
		Languages: p.texts.Languages(), Themes: []string{"auto", "light", "dark"},
	}
	v.Title = p.texts.Text(v.Lang, "shell.login")
	if name != "login" {
		v.Title = p.texts.Text(v.Lang, "shell.nav."+name)
		v.Module = name + "/main.js"
		v.LoginLink = "/login?next=" + url.QueryEscape(r.URL.Path)
	}
	if p.assets.has(name + "/main.css") {
		v.Style = name + "/main.css"
	}
	for _, one := range p.shown {
		if c.Has(one.role) {
			v.Nav = append(v.Nav, tab{one.name, one.path})
		}
	}
	return v
}

func (p *pages) render(w http.ResponseWriter, status int, v view) error {
	var out bytes.Buffer
	if err := p.byName[v.Page+"/"+v.Lang].Execute(&out, v); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", v.Lang)
	w.Header().Set("Vary", "Accept-Language, Cookie")
	w.WriteHeader(status)
	_, err := out.WriteTo(w)
	return err
}

// language is the reader's choice, kept in a cookie, or the server's, or the
// browser's.
func (p *pages) language(r *http.Request) string {
	if lang, ok := chosen(r, "lang", p.texts.Languages()...); ok {
		return lang
	}
	if p.texts.Has(p.lang) {
		return p.lang
	}
	return p.texts.Match(r.Header.Get("Accept-Language"))
}

// chooseLanguage keeps ?lang= and answers with the same page without it.
func (p *pages) chooseLanguage(w http.ResponseWriter, r *http.Request) bool {
	lang := r.URL.Query().Get("lang")
	if !p.texts.Has(lang) {
		return false
	}
	http.SetCookie(w, &http.Cookie{Name: "lang", Value: lang, Path: "/", MaxAge: 365 * 24 * 3600, SameSite: http.SameSiteStrictMode})
	http.Redirect(w, r, without(r.URL, "lang"), http.StatusSeeOther)
	return true
}

// without is the address of the same page without one parameter. It is always a
// path of this server.
func without(u *url.URL, param string) string {
	q := u.Query()
	q.Del(param)
	out := url.URL{Path: "/" + strings.TrimLeft(u.Path, "/"), RawQuery: q.Encode()}
	return out.String()
}

// choice is a cookie's value if it is one of the allowed, else the first of them.
func choice(r *http.Request, name string, allowed ...string) string {
	if value, ok := chosen(r, name, allowed...); ok {
		return value
	}
	return allowed[0]
}

// chosen reads a preference of the reader's that is kept in a cookie. It gives out
// nothing but what is allowed.
func chosen(r *http.Request, name string, allowed ...string) (string, bool) {
	c, err := r.Cookie(name)
	if err != nil || !slices.Contains(allowed, c.Value) {
		return "", false
	}
	return c.Value, true
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
