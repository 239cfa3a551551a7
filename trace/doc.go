// Package trace keeps what happened: every line that passed a connection, every
// datagram, and each decision that was taken on the way of a message.
//
// Events go into a bounded ring and to subscribers that never block a writer:
// a subscriber that is too slow sees a gap, and the gap is an event of its own.
// All methods work on nil receivers, so code that is observed never asks
// whether somebody looks on.
//
// Files, in the order in which to read them:
//
//	event.go         what an event is: kinds, directions, the lecture's notation
//	decision.go      what the writer of a decision knew: client, user, delay, reply
//	conn.go          writes the events of one connection
//	dialogue.go      where a dialogue of SMTP or IMAP stands, from its lines
//	ends.go          who is at both ends, and what is told twice
//	mask.go          keeps passwords out of lines, also where a client errs
//	context.go       carries a message's journey and an event's cause in a context
//	log.go           the ring of events, numbers, observers
//	count.go         how many events of each sort there were
//	follow.go        a reader at its own pace; what it missed is a gap
//	journey.go       one message's way: states, hops, hosts, steps
//	journeys.go      joins the events of all nodes to journeys, within a budget
//	journeyconn.go   which message a connection carries
//	journeylookup.go which message a query of the DNS belongs to
//	journeystate.go  what an event says of how far a message is
//	journeysearch.go lists and searches journeys
//	compare.go       two journeys side by side
//	share.go         journeys and events as files
package trace
