package web

import (
	"context"
	"crypto/subtle"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"glassmail/trace"
	"glassmail/web/api"
)

// This file alone reads what a caller presents: the cookie of a session, the
// Authorization field, the parameters token and once, and the body of a login. A
// test over the source holds every other file to that. What is presented becomes a
// credential, verify makes a proof of it or an error, and everybody else (pages,
// calls, logins, sessions, streams) receives the result.

// means is how the server knows who calls.
type means uint8

const (
	ambient    means = iota // nothing was presented: where it comes from is all that is known
	bySession               // the cookie of a session
	byToken                 // the operator's token
	byOnce                  // the one-time token of a link
	byPassword              // an account's address and password
)

// credential is what somebody presents, not yet looked at.
type credential struct {
	by                means
	secret            string // token, one-time token, id of a session, or password
	account           string // with a password
	inField, inTarget bool   // in the Authorization field; in the request's target, which stays in histories
}

// proof is what a credential was worth when it was checked. verify alone makes one
// that is not empty.
type proof struct {
	by       means
	account  string // canonical address; "" for none
	stamp    string // of the account's password, see Accounts
	operator bool
}

// identity is a caller and how the server knows.
type identity struct {
	api.Caller
	proof
	session  string // id of the session, "" without one
	signed   bool   // by the Authorization field, which no other site can set
	inTarget bool   // by a token in the request's target
}

// identify finds out who calls. A failure is an Error that can be shown. A credential
// that is presented and does not hold is a failure, whatever the caller might have
// done without it; a session that has ended is none, for browsers go on sending its
// cookie.
func (s *Server) identify(r *http.Request) (identity, error) {
	var id identity
	if err := sameOrigin(r); err != nil {
		return id, err
	}
	here := peerOf(r).here
	if here && !isLocalName(r.Host) {
		// A name of another site that points to 127.0.0.1 must not open the door.
		return id, &api.Error{Status: http.StatusForbidden, Text: "open this page as http://127.0.0.1 or http://localhost; a proxy that gives another name has to be in web.trusted_proxies"}
	}
	given, err := s.presented(r)
	if err != nil {
		return id, err
	}
	if given.by == bySession {
		if one, ok := s.sessionOf(r.Context(), given.secret); ok {
			id.proof, id.session = one.proof, given.secret
			id.by = bySession
		}
	} else if id.proof, err = s.verify(r.Context(), peerAddr(r), given); err != nil {
		return id, err
	}
	id.signed, id.inTarget = given.inField, given.inTarget
	id.Account = id.account
	id.View = id.operator || here && s.o.Lab
	id.Operate = id.View
	return id, nil
}

// presented finds the credential of a request. Two at once are refused, lest one be
// checked and the other believed; a session gives way to what is said beside it.
func (s *Server) presented(r *http.Request) (credential, error) {
	field, err := authorization(r)
	if err != nil {
		return field, err
	}
	if q := r.URL.Query(); q.Has("token") {
		if field.by != ambient || len(q["token"]) > 1 {
			return field, unknown("send one token or password, not two")
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			return field, unknown("?token= is for reading; a change carries the token as Authorization: Bearer")
		}
		return credential{by: byToken, secret: q.Get("token"), inTarget: true}, nil
	}
	if field.by != ambient {
		return field, nil
	}
	if c, err := r.Cookie(s.cookieName(r)); err == nil {
		return credential{by: bySession, secret: c.Value}, nil
	}
	return credential{}, nil
}

// authorization reads the Authorization field (RFC 9110 §11.6.2). One without a
// value says nothing.
func authorization(r *http.Request) (credential, error) {
	fields := r.Header.Values("Authorization")
	if len(fields) > 1 {
		return credential{}, unknown("send one Authorization field, not %d", len(fields))
	}
	if len(fields) == 0 || fields[0] == "" {
		return credential{}, nil
	}
	scheme, rest, _ := strings.Cut(fields[0], " ")
	switch strings.ToLower(scheme) { // RFC 9110 §11.1: in any case
	case "bearer":
		return credential{by: byToken, secret: strings.TrimLeft(rest, " "), inField: true}, nil
	case "basic":
		if account, password, ok := r.BasicAuth(); ok {
			return credential{by: byPassword, account: account, secret: password, inField: true}, nil
		}
		return credential{}, unknown("the Basic credentials are not readable: they are base64 of ADDRESS:PASSWORD")
	}
	return credential{}, unknown("the Authorization field is of a kind that is not known here: use Basic or Bearer")
}

// login is what the body of a login says.
type login struct {
	Account  string `json:"account"`
	Password string `json:"password"`
	Token    string `json:"token"`
}

func (in login) credential() (credential, error) {
	switch {
	case in.Token != "" && (in.Account != "" || in.Password != ""):
		return credential{}, unknown("send one token or password, not two")
	case in.Token != "":
		return credential{by: byToken, secret: in.Token}, nil
	}
	return credential{by: byPassword, account: in.Account, secret: in.Password}, nil
}

// formLogin reads the form of the login page. What stands in the address is not
// looked at.
func formLogin(r *http.Request) (credential, error) {
	if once := r.PostFormValue("once"); once != "" {
		return credential{by: byOnce, secret: once}, nil
	}
	return login{Account: r.PostFormValue("account"), Password: r.PostFormValue("password"), Token: r.PostFormValue("token")}.credential()
}

// onceOf is the one-time token with which a login page was opened or its form sent,
// for the page to carry on. Whether it holds is seen when the form comes.
func onceOf(r *http.Request) string {
	once := given(r, "once")
	if len(once) > maxOnce {
		return ""
	}
	return once
}

// onceLink is the address of the login page that leads on to next with a one-time
// token.
func onceLink(once, next string) string {
	return "/login?" + url.Values{"once": {once}, "next": {next}}.Encode()
}

// verify checks a credential, and is the only one that does. What is presented must
// hold; nothing presented proves nothing, and is no error.
func (s *Server) verify(ctx context.Context, peer netip.Addr, c credential) (proof, error) {
	switch c.by {
	case ambient:
		return proof{}, nil
	case byToken, byOnce:
		return s.verifyToken(ctx, peer, c)
	case byPassword:
		return s.verifyPassword(ctx, peer, c)
	}
	return proof{}, unknown("log in")
}

// tokenName is under which guesses of the token are counted; no account has it.
const tokenName = "the operator's token"

// verifyToken compares in constant time. What is right passes whatever else comes
// from the same address; only wrong tokens are counted and limited.
func (s *Server) verifyToken(ctx context.Context, peer netip.Addr, c credential) (proof, error) {
	if c.by == byOnce && s.links.take(c.secret) ||
		c.by == byToken && s.o.Token != "" && subtle.ConstantTimeCompare([]byte(c.secret), []byte(s.o.Token)) == 1 {
		return proof{by: c.by, operator: true}, nil
	}
	err := s.wrongToken(ctx, peer, c)
	s.tellOperator(peer, err)
	return proof{}, err
}

// wrongToken counts one, and says what is wrong.
func (s *Server) wrongToken(ctx context.Context, peer netip.Addr, c credential) error {
	try, err := s.guesses.Begin(ctx, peer, tokenName)
	if err != nil {
		return &api.Error{Status: http.StatusTooManyRequests, Text: err.Error()}
	}
	try.Failed()
	if c.by == byOnce {
		return unknown("this link was used, or is too old; log in with the token, which is in the file web-token of the server's data folder")
	}
	return unknown("the token is wrong; it is in the file web-token of the server's data folder")
}

// tellOperator tells the trace of a session that began with the operator's token or a
// link, and of a wrong one of either; of accounts it is told where their passwords
// are checked. A program's request with the right token is not told.
func (s *Server) tellOperator(peer netip.Addr, err error) {
	e := trace.Event{Proto: trace.HTTP, Kind: trace.LoggedIn, Dir: trace.Self, Text: "logged in with " + tokenName}
	d := &trace.Decision{Service: trace.ServiceWeb, Client: netip.AddrPortFrom(peer, 0), User: tokenName}
	if err != nil {
		e.Kind, e.Text, d.Reply = trace.LoginFailed, "no login with "+tokenName+": "+err.Error(), err.Error()
	}
	if len(s.o.API.Nodes) == 1 {
		e.Node = s.o.API.Nodes[0].Name
	}
	e.Decision = d
	s.o.API.Trace.Add(e)
}

// verifyPassword asks the accounts, which count failures with those of SMTP and IMAP.
func (s *Server) verifyPassword(ctx context.Context, peer netip.Addr, c credential) (proof, error) {
	if s.o.Accounts == nil {
		return proof{}, &api.Error{Status: http.StatusNotFound, Text: "this server keeps no mailboxes"}
	}
	// The stamp comes first: a password that is changed meanwhile ends what begins.
	stamp, err := s.o.Accounts.CredentialVersion(ctx, c.account)
	if err != nil {
		return proof{}, err
	}
	address, ok, err := s.o.Accounts.Login(ctx, peer, c.account, c.secret)
	if err != nil {
		return proof{}, err
	}
	if !ok {
		return proof{}, unknown("the address or the password is wrong")
	}
	return proof{by: byPassword, account: address, stamp: stamp}, nil
}

// identityKey is where the identity of a request stands in its context.
type identityKey struct{}

// known puts the identity of a request into its context, for the calls of this
// package.
func known(r *http.Request, id identity) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), identityKey{}, id))
}

// callerOf is the identity that known put there.
func callerOf(c *api.Call) identity {
	id, _ := c.Request.Context().Value(identityKey{}).(identity)
	return id
}
