// Package server wires a node: the backend and its directory, the SMTP and IMAP
// services in front of it, the queue behind it, and the store below. A node is a
// value; two in one process are the normal case.
//
// Files, in the order in which to read them:
//
//	node.go          New, Run, Close: what a node is made of
//	services.go      listeners of SMTP and IMAP, and their stop
//	descriptors.go, descriptors_unix.go, descriptors_windows.go  files that clients never get
//	tls.go           the node's certificate
//	directory.go     domains, accounts, aliases: where mail for an address goes
//	accept.go        logins, senders, recipients, and the acceptance of a message
//	header.go        the beginning of a message before it is stored
//	author.go        From and Sender of what users submit (RFC 6409)
//	outgoing.go      the store as the queue sees it
//	success.go       reports of success (RFC 3461)
//	report.go        what is decided, told to the trace
//	imapbackend.go   mailboxes as IMAP sees them
//	health.go        how each part is; a stopped store ends the node
//	admin.go         what an operator can do, running or stopped
//	maintenance.go   backup, export, import, compaction, verification
//	rebuild.go       mends a store that does not open
//	control.go, control_client.go  the same for commands, over the control socket
//	webbackend.go    nodes as the pages and the API see them: mail
//	webadmin.go      nodes as the pages and the API see them: the operator's part
package server
