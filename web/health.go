package web

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"glassmail/web/api"
)

// health lists the parts of the node; without any it is well.
func (s *Server) health() []api.Part {
	if s.o.Health == nil {
		return nil
	}
	return s.o.Health()
}

// alive answers whether the process is of use: who watches over it starts it again
// if not.
func (s *Server) alive(w http.ResponseWriter, r *http.Request) {
	parts := s.health()
	dead := slices.ContainsFunc(parts, func(p api.Part) bool { return p.Dead })
	tellHealth(w, !dead, "ok", "not ok", parts)
}

// ready answers whether the node takes mail now: who spreads clients sends them
// elsewhere if not.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	parts := s.health()
	troubled := slices.ContainsFunc(parts, func(p api.Part) bool { return p.Trouble != "" })
	tellHealth(w, !troubled, "ready", "not ready", parts)
}

// tellHealth writes a verdict and a line for each part.
func tellHealth(w http.ResponseWriter, good bool, yes, no string, parts []api.Part) {
	var b strings.Builder
	verdict, status := yes, http.StatusOK
	if !good {
		verdict, status = no, http.StatusServiceUnavailable
	}
	fmt.Fprintln(&b, verdict)
	for _, p := range parts {
		how := "ok"
		if p.Trouble != "" {
			how = p.Trouble
		}
		fmt.Fprintf(&b, "%s: %s\n", p.Name, how)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprint(w, b.String())
}
