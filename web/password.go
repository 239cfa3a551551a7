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
		return &api.Error{Status: http.StatusNotFound, Text: "this server keeps no accounts"}
	}
	if err := api.CheckPassword(in.New); err != nil {
		return err
	}
	id := callerOf(c)
	own := func(password string) (proof, error) {
		return s.verify(c.Context(), peerAddr(c.Request), credential{by: byPassword, account: id.account, secret: password})
	}
	_, err := own(in.Password)
	var f *api.Error
	if errors.As(err, &f) && f.Status == http.StatusUnauthorized {
		return &api.Error{Status: http.StatusUnprocessableEntity, Text: "the present password is wrong"}
	}
	if err != nil {
		return err
	}
	if err := s.o.API.Users.SetUserPassword(c.Context(), id.account, in.New); err != nil {
		return err
	}
	if id.by == bySession {
		who, err := own(in.New)
		if err != nil {
			return err
		}
		s.begin(c.W, c.Request, id, who)
	}
	return c.JSON(sessionInfo{Account: id.account, Operator: c.Caller.Operate})
}
