package main

import (
	"fmt"
	"time"
)

// scenario is one kind of load that all subjects get.
type scenario struct {
	Tool        string `json:"tool"` // "go", or smtp-source
	Connections int    `json:"connections"`
	Size        int    `json:"size"`
	Pipelined   bool   `json:"pipelined"`
	Kept        bool   `json:"kept"`           // connections, for many messages each
	Rate        int    `json:"rate,omitempty"` // messages a second at most
	Goal        bool   `json:"goal"`           // one of those for which there are goals
}

// keptMessages is how many messages a kept connection carries.
const keptMessages = 1000

// scenarios are those of a whole comparison, or of a quick one.
func scenarios(quick bool) []scenario {
	var out []scenario
	for _, n := range []int{1, 10, 100} {
		out = append(out, scenario{Tool: "go", Connections: n, Size: 4096, Pipelined: true, Kept: true, Goal: true})
	}
	if quick {
		return out
	}
	return append(out,
		scenario{Tool: "go", Connections: 100, Size: 4096, Kept: true},
		scenario{Tool: "go", Connections: 100, Size: 4096, Pipelined: true},
		scenario{Tool: "go", Connections: 10, Size: 65536, Pipelined: true, Kept: true},
		scenario{Tool: smtpSource, Connections: 10, Size: 4096},
		scenario{Tool: smtpSource, Connections: 100, Size: 4096},
	)
}

func (s scenario) load(duration time.Duration) load {
	l := load{connections: s.Connections, size: s.Size, pipelined: s.Pipelined, perConn: 1, duration: duration, rate: s.Rate}
	if s.Kept {
		l.perConn = keptMessages
	}
	return l
}

// String is the scenario in the tables.
func (s scenario) String() string {
	text := fmt.Sprintf("%d × %s", s.Connections, bytesText(float64(s.Size)))
	if s.Pipelined {
		text += ", pipelined"
	}
	if !s.Kept {
		text += ", connection each"
	}
	if s.Rate > 0 {
		text += fmt.Sprintf(", %d/s offered", s.Rate)
	}
	if s.Tool == smtpSource {
		text += ", " + smtpSource
	}
	return text
}
