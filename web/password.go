package web

import (
	"errors"
	"net/http"

	"glassmail/web/api"
)

// changePassword gives the caller's account another password, for who knows the
// present one. All sessions of the account end; the caller's goes on under a new id.
func (s *Server) changePassword(c *api.Call) error {
	var in struct {
		Password string `json:"password"` // the present one
		New      string `json:"new"`
	}
	if err := c.Read(&in); err != nil {
		return err
	}
	if s.o.API.Users == nil {
		return &api.Fault{Status: http.StatusNotFound, Text: "this server keeps no accounts"}
	}
	if err := api.CheckPassword(in.New); err != nil {
		return err
	}
	_, err := s.checkPassword(c.Request, c.Caller.Account, in.Password)
	var f *api.Fault
	if errors.As(err, &f) && f.Status == http.StatusUnauthorized {
		return &api.Fault{Status: http.StatusUnprocessableEntity, Text: "the present password is wrong"}
	}
	if err != nil {
		return err
	}
	old, _, browser := s.sessionOf(c.Request) // before it ends
	if err := s.o.API.Users.SetUserPassword(c.Context(), c.Caller.Account, in.New); err != nil {
		return err
	}
	info := sessionInfo{Account: c.Caller.Account, Operator: c.Caller.Keep, CSRF: s.ambient}
	if browser {
		who, err := s.checkPassword(c.Request, c.Caller.Account, in.New)
		if err != nil {
			return err
		}
		one, _ := s.sessions.find(s.begin(c.W, c.Request, who, old.operator))
		info.CSRF = one.csrf
	}
	return c.JSON(info)
}
