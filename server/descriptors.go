package server

import "glassmail/config"

// File descriptors of the process that clients never get: those of the store (its
// segments, texts and index), of the relay with its lookups, of logs and commands.
const (
	reserveFiles = 256
	labNodes     = 4 // share the descriptors of a lab's process, more or less
)

// WebConnections is the usual limit of connections of a listener of the pages.
const WebConnections = 512

// shares are the limits of connections of the listeners of a node.
type shares struct {
	limit       int // file descriptors of the process; 0: nobody knows
	reserve     int // of these not for clients
	mail, perIP int // connections of each listener of mail, and of one client
	web         int // connections of each listener of the pages
	lowered     bool
}

// sharesOf divides limit file descriptors among the listeners: each gets what the
// configuration says, or, if that is more than there are beside the reserve, its
// proportional part. The reserve is half of the descriptors at most.
func sharesOf(c *config.Config, limit int) shares {
	s := shares{limit: limit, mail: c.Limits.Connections, perIP: c.Limits.ConnectionsPerAddress, web: WebConnections}
	s.reserve = min(reserveFiles, limit/2)
	wanted, listeners := 0, 0
	for _, l := range c.Listen.All() {
		each := s.mail
		if l.Key == "web" {
			each = s.web
		}
		if l.Key != "web" {
			each += each/4 + 1 // those that give way stay for a second, see wire.Listener
		}
		wanted += each * len(l.Addrs)
		listeners += len(l.Addrs)
	}
	left := limit - s.reserve - listeners
	if limit == 0 || wanted <= left {
		return s
	}
	part := func(n int) int { return max(1, n*max(left, 0)/wanted) }
	s.mail, s.web, s.lowered = part(s.mail), part(s.web), true
	s.perIP = min(s.perIP, max(1, s.mail/2)) // one client does not fill a listener
	return s
}

// divideFiles decides how many connections each listener takes.
func (n *Node) divideFiles() {
	limit := fileLimit()
	if n.o.Lab {
		limit /= labNodes
	}
	n.shares = sharesOf(&n.o.Config, limit)
	if s := n.shares; s.lowered {
		n.log.Warn("the system lets this process have too few open files for limits.connections: the limits were lowered",
			"files", s.limit, "kept for store, relay and logs", s.reserve,
			"connections of each listener", s.mail, "of one client", s.perIP, "of the web page", s.web, "mend", "raise the hard limit of open files (ulimit -Hn, LimitNOFILE=)")
	}
}

// WebConnections is how many connections each listener of the pages may take.
func (n *Node) WebConnections() int { return n.shares.web }
