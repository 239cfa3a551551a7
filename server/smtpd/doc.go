// Package smtpd receives mail by SMTP (RFC 5321), as the public door of a node
// (port 25) and as its submission service (RFC 6409, ports 587 and 465).
//
// go-smtp is the engine that keeps the order of a session; it never meets the
// network. Between TLS and the engine stands a conn, which owns everything that
// a client can touch:
//
//	client ── TLS ── wire.Front ── conn ── go-smtp ── session ── Post
//	                                 └──────── text ─────────────┘
//
// A conn reads one line, finds its verb in a table, and either answers it or
// hands the engine one of a few constant lines (engine.go): the engine sees
// that there is a MAIL, never what it says. Arguments are parsed by conn, kept
// in an envelope, and read from there by the session. The engine's replies are
// as constant; conn exchanges each for the wording of the server. The text of a
// message goes from the network through one scanner to Post and passes the
// engine by: the engine sees an empty DATA.
//
// What always holds:
//
//   - All of a conn happens on one goroutine at a time, the engine's, except
//     wire.Front.Stop.
//   - A timeout, a broken TLS handshake or a 421 ends the connection; nothing
//     that arrives later is looked at.
//   - What the scanner calls text is never read as a command, and the reverse.
//   - A message is Post's after Accept returned nil, and only then the client
//     sees 250.
//   - Replies of a turn leave in one write.
package smtpd
