// Package imapd serves mailboxes by IMAP4rev1 and IMAP4rev2 (RFC 3501, RFC 9051).
//
// One parser of ours reads each command once, into go-imap's types; go-sasl has the
// mechanism of AUTHENTICATE, and go-imap's client is what the tests ask with. Its
// server is not used: docs/decisions/010 says why. A connection is owned by a
// wire.Conn (TLS, deadlines, one line or literal at a time, transcript). A session
// answers from the records made at delivery and from ranges of the stored bytes;
// what a client has been told of its folder (its view) is a list of UIDs, and news is
// the difference to the store.
//
// The life of a command: wire.Conn → its line and literals (command.go, literal.go) →
// the handler of its name (answer.go) → the parser of its arguments → the session →
// the encoder → wire.Conn. All of a connection happens on one goroutine, but what
// notices that the client has gone.
//
// Files, in the order in which to read them:
//
//	server.go        listeners, connections, stop
//	conn.go          one connection: reads commands, says replies
//	command.go       a command as it was read, with its literals
//	literal.go       {n} and {n+} (RFC 7888)
//	answer.go        which handler a name has, and in which state
//	parse.go         the parser of arguments: atoms, strings, dates, sets
//	session.go       what a client does, between its login and its end
//	any.go           CAPABILITY, NOOP, LOGOUT, ID, ENABLE, LOGIN, AUTHENTICATE
//	starttls.go      STARTTLS
//	login.go         how a password is checked, and the time for it
//	told.go          what the trace is told of refusals and logins
//	select.go        SELECT, EXAMINE, UNSELECT
//	tracker.go       the view of a folder, and the news for it
//	ranges.go        sets of numbers as ranges
//	folder.go        CREATE, DELETE, RENAME, SUBSCRIBE, STATUS
//	list.go          LIST, LSUB
//	pattern.go       patterns of LIST
//	utf7.go          names of folders in modified UTF-7
//	append.go        APPEND
//	incoming.go      the message of an APPEND as it comes
//	copy.go          COPY and MOVE
//	store.go         STORE, EXPUNGE, CLOSE
//	search.go        SEARCH: from keys to an answer
//	searchkeys.go    SEARCH: its grammar
//	fetch.go         FETCH: from items to answers
//	fetchitems.go    FETCH: its grammar
//	section.go       BODY[…] as a range of the stored bytes
//	binary.go        BINARY[…] (RFC 3516)
//	structure.go     ENVELOPE and BODYSTRUCTURE
//	encode.go        responses as they stand on the wire
//	journey.go       which message of the trace a reader is given
//	intercept.go     lines that are stopped, edited, answered
//	mask.go          commands without their passwords
package imapd
