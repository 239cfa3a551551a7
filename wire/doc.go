// Package wire is the machine on which a node lives, as the node sees it: a
// place to listen, to dial and to tell the time (Host), connections that are
// handed over line by line (Conn), listeners that can be stopped politely
// (Listener), and TLS with certificates made on the spot.
//
// Nothing above this package touches the operating system's network. A node
// runs unchanged on real sockets, on the lab's in-process internet, and under a
// clock that a test turns by hand.
//
// Files, in the order in which to read them:
//
//	host.go          the world of a node: listen, dial, clock
//	clock.go         clocks: the system's, and one that a test turns
//	labclock.go      a clock that a lab jumps ahead
//	listener.go      accepts, keeps to limits, stops politely
//	serving.go       listeners and connections of one server, and their stop
//	slots.go         who gives way when a listener is full
//	conns.go         the open connections: list, cut, log in
//	conn.go          one connection: lines, literals, deadlines, writes, TLS
//	watch.go         notices a client that leaves while it is served
//	intercept.go     where a line can be stopped, edited, answered
//	pausable.go      deadlines that wait while a line is stopped
//	machine.go       whether both ends are this machine; passwords without TLS
//	reach.go         to which addresses a node connects for others
//	tls.go           certificates made on the spot
//	authority.go     the files of a node's own certificate authority
//	errno_unix.go, errno_windows.go  errors of a port that cannot be had
package wire
