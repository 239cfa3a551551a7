package api

import (
	"errors"
	"net/http"
	"strings"

	"glassmail/mailbox"
)

func (a *API) aliasRoutes() []Route {
	return []Route{
		{Method: "GET", Path: "/aliases", Role: Viewer, Handle: a.aliases},
		{Method: "PUT", Path: "/aliases/{address}", Role: Operator, MaxBody: smallBody, Handle: a.setAlias},
		{Method: "DELETE", Path: "/aliases/{address}", Role: Operator, Handle: a.removeAlias},
	}
}

// maxTargets bounds the addresses that one alias leads to.
const maxTargets = 1000

func (a *API) aliases(c *Call) error {
	if err := a.hasUsers(); err != nil {
		return err
	}
	all, err := a.o.Users.Aliases(c.Context())
	if err != nil {
		return err
	}
	return c.JSON(items(all))
}

// setAlias lets mail for an address go to others; the address @hamburger.edu is
// that of all names in the domain that nobody has.
func (a *API) setAlias(c *Call) error {
	var in struct {
		Targets []string `json:"targets"`
	}
	if err := a.hasUsers(); err != nil {
		return err
	}
	if err := c.Read(&in); err != nil {
		return err
	}
	if len(in.Targets) == 0 || len(in.Targets) > maxTargets {
		return fault(http.StatusUnprocessableEntity, "targets: name 1 to %d addresses", maxTargets)
	}
	address := c.PathValue("address")
	check := address
	if strings.HasPrefix(address, "@") {
		check = "x" + address
	}
	for _, one := range append([]string{check}, in.Targets...) {
		if err := checkAddress(one); err != nil {
			return err
		}
	}
	err := a.o.Users.SetAlias(c.Context(), address, in.Targets)
	if errors.Is(err, mailbox.ErrInvalid) {
		return fault(http.StatusUnprocessableEntity, "%s: no node here takes mail for this domain", address)
	}
	if err != nil {
		return err
	}
	return c.done()
}

func (a *API) removeAlias(c *Call) error {
	if err := a.hasUsers(); err != nil {
		return err
	}
	if err := a.o.Users.SetAlias(c.Context(), c.PathValue("address"), nil); err != nil {
		return err
	}
	return c.done()
}
