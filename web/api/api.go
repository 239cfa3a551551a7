package api

import (
	_ "embed"
	"net/http"
	"slices"
	"time"

	"glassmail/auth"
	"glassmail/explain"
	"glassmail/intercept"
	"glassmail/trace"
	"glassmail/web/mailview"
)

//go:embed openapi.json
var description []byte

// Node is one mail server as a page sees it.
type Node struct {
	Name    string              `json:"name"`
	Domains []string            `json:"domains"`
	Addrs   map[string][]string `json:"addrs"`           // where it listens, by service
	Users   map[string]string   `json:"users,omitempty"` // names and passwords of a lab, where they are no secret
}

// Options are what the calls reach. A nil interface is a feature that this server
// does not have: its calls are answered 404 with a reason.
type Options struct {
	Trace   *trace.Log
	Nodes   []Node
	Lab     bool
	Wording string
	Version string
	Now     func() time.Time // nil is the system's clock

	Mail       Mail
	Queue      Queue
	Users      Users
	Services   Services
	Journeys   *trace.Journeys        // nil: none are kept
	Hold       *intercept.Interceptor // nil: lines cannot be held
	Clock      Clock                  // nil: time passes as elsewhere
	Names      Names
	WhatIf     WhatIf // nil: messages are not sent again
	MaxMessage int64  // bytes of the largest message that any node takes
	Uploads    string // a folder of the server's own for what requests bring along, see ClearUploads; "" is the system's for temporary files
}

func (o *Options) now() time.Time {
	if o.Now == nil {
		return time.Now()
	}
	return o.Now()
}

// API is the set of calls.
type API struct {
	o          Options
	streams    *slots
	bodies     *slots        // of messages that are written here
	terminals  chan struct{} // one entry for each terminal under way
	renderings *auth.Turns   // of HTML that is made harmless
	searches   *auth.Turns
	words      map[string]*explain.Words
	tally      *tally
	listings   *listings
	summaries  *summaries
	clean      *mailview.Sanitizer
}

// New makes the calls.
func New(o Options) *API {
	words := map[string]*explain.Words{}
	for _, lang := range explain.Languages() {
		words[lang] = explain.New(lang)
	}
	return &API{
		o: o, streams: newSlots(maxStreams, maxStreamsOfAccount), bodies: newSlots(maxBodies, maxBodiesOfAccount), terminals: make(chan struct{}, maxTerminals), renderings: auth.NewTurns(maxRenderings), searches: auth.NewTurns(maxSearches), words: words, tally: newTally(),
		listings: newListings(), summaries: newSummaries(), clean: mailview.NewSanitizer(),
	}
}

// Routes lists all calls under Prefix; Metrics is beside them.
func (a *API) Routes() []Route {
	return slices.Concat([]Route{
		{Method: "GET", Path: "/openapi.json", Role: Anyone, Handle: a.describe},
		{Method: "GET", Path: "/node", Role: ViewerOrUser, Handle: a.node},
		{Method: "GET", Path: "/events", Role: Viewer, Stream: true, Handle: a.events},
	}, a.folderRoutes(), a.messageRoutes(), a.sendRoutes(), a.changeRoutes(), a.suiteRoutes(),
		a.queueRoutes(), a.userRoutes(), a.aliasRoutes(), a.journeyRoutes(), a.holdRoutes(), a.whatIfRoutes(), a.nameRoutes(), a.terminalRoutes(),
		a.sessionRoutes())
}

func (a *API) describe(c *Call) error {
	c.W.Header().Set("Content-Type", "application/json")
	_, err := c.W.Write(description)
	return err
}

// node tells the page what it looks at.
func (a *API) node(c *Call) error {
	nodes := a.o.Nodes
	if !c.Caller.Has(Viewer) { // a reader of mail learns names only
		nodes = make([]Node, len(a.o.Nodes))
		for i, n := range a.o.Nodes {
			nodes[i] = Node{Name: n.Name, Domains: n.Domains, Addrs: map[string][]string{}}
		}
	}
	return c.JSON(map[string]any{
		"nodes": nodes, "lab": a.o.Lab, "wording": a.o.Wording, "version": a.o.Version, "features": a.features(),
	})
}

func (a *API) features() map[string]bool {
	return map[string]bool{
		"mail": a.o.Mail != nil, "queue": a.o.Queue != nil, "users": a.o.Users != nil, "journeys": a.o.Journeys != nil,
		"hold": a.o.Hold != nil, "faults": a.o.Hold != nil, "clock": a.o.Clock != nil, "dns": a.o.Names != nil, "terminals": true, "whatif": a.o.WhatIf != nil,
	}
}

// absent is the answer of a feature that this server does not have.
func absent(why string) error { return fault(http.StatusNotFound, "%s", why) }
