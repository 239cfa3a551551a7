package api

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"unicode/utf8"
)

// Names is the name system of a lab: what can be asked of it, by the name of the
// question, with its request in JSON.
type Names interface {
	Ask(ctx context.Context, what string, request json.RawMessage) (any, error)
}

// maxZoneText bounds a zone that is handed in, in bytes.
const maxZoneText = 1 << 20

func (a *API) nameRoutes() []Route {
	get := func(path, what string) Route {
		return Route{Method: "GET", Path: path, Role: Viewer, Handle: func(c *Call) error { return a.askNames(c, what, struct{}{}) }}
	}
	pass := func(method, path, what string) Route {
		return Route{Method: method, Path: path, Role: Operator, MaxBody: maxZoneText, Handle: func(c *Call) error { return a.passNames(c, what) }}
	}
	return []Route{
		get("/dns/tree", "tree"),
		get("/dns/zones", "zones"),
		get("/dns/mode", "switches"),
		get("/dns/faults", "faults"),
		{Method: "GET", Path: "/dns/cache", Role: Viewer, Handle: func(c *Call) error { return a.askNames(c, "cache", c.URL.Query().Get("name")) }},
		{Method: "DELETE", Path: "/dns/cache", Role: Operator, Handle: func(c *Call) error { return a.askNames(c, "flush", "") }},
		{Method: "DELETE", Path: "/dns/cache/{name}", Role: Operator, Handle: func(c *Call) error { return a.askNames(c, "flush", c.PathValue("name")) }},
		{Method: "GET", Path: "/dns/zones/{zone}", Role: Viewer, Handle: a.zone},
		{Method: "PUT", Path: "/dns/zones/{zone}", Role: Operator, MaxBody: maxZoneText, Handle: a.putZone},
		{Method: "POST", Path: "/dns/zones/{zone}/check", Role: Viewer, MaxBody: maxZoneText, Handle: a.checkZone},
		pass("POST", "/dns/zones/edit", "edit"),
		pass("POST", "/dns/register", "register"),
		pass("POST", "/dns/transfer", "transfer"),
		pass("PUT", "/dns/mode", "switch"),
		pass("PUT", "/dns/faults", "break"),
		pass("POST", "/dns/query", "query"),
		pass("POST", "/dns/walk", "walk"),
		pass("POST", "/dns/race", "race"),
		pass("POST", "/dns/flood", "flood"),
	}
}

// askNames answers with what the name system says to a request.
func (a *API) askNames(c *Call, what string, request any) error {
	if a.o.Names == nil {
		return absent("this server has no name servers of its own: they are part of a lab")
	}
	b, err := json.Marshal(request)
	if err != nil {
		return err
	}
	out, err := a.o.Names.Ask(c.Context(), what, b)
	if err != nil { // it says what was wrong with the request, in words for people
		return fault(http.StatusUnprocessableEntity, "%v", err)
	}
	if out == nil {
		return c.done()
	}
	return c.JSON(map[string]any{"result": out})
}

func (a *API) passNames(c *Call, what string) error {
	var in json.RawMessage
	if err := c.Read(&in); err != nil {
		return err
	}
	return a.askNames(c, what, in)
}

// zone is a zone as master text; ?signatures=1 adds keys and signatures.
func (a *API) zone(c *Call) error {
	return a.askNames(c, "zone", map[string]any{"zone": c.PathValue("zone"), "signatures": c.URL.Query().Get("signatures") == "1"})
}

// zoneText is a zone of a body: master text.
func (c *Call) zoneText() (string, error) {
	b, err := io.ReadAll(c.Body)
	if err != nil {
		return "", err
	}
	if !utf8.Valid(b) {
		return "", fault(http.StatusUnprocessableEntity, "the zone is not UTF-8 text")
	}
	return string(b), nil
}

// putZone puts master text in the place of a zone.
func (a *API) putZone(c *Call) error {
	text, err := c.zoneText()
	if err != nil {
		return err
	}
	return a.askNames(c, "edit", map[string]any{"zone": c.PathValue("zone"), "way": "load", "records": []string{text}, "file": "line"})
}

// checkZone tells what looks like a mistake in master text, and changes nothing.
func (a *API) checkZone(c *Call) error {
	text, err := c.zoneText()
	if err != nil {
		return err
	}
	return a.askNames(c, "check", map[string]any{"zone": c.PathValue("zone"), "text": text})
}
