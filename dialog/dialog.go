// Package dialog plays scripts written as the lecture writes its dialogues:
//
//	S: 220 hamburger.edu
//	C: HELO crepes.fr
//	S: 250 Hello crepes.fr, pleased to meet you
//
// The notation is the one in which package trace prints what happened, so a
// copied transcript is a script.
//
// # Notation
//
// One step a line. C is the client, S the server; a player takes one of the two
// parts, sends that part's lines and expects the other's.
//
//	C: text      exactly this line, ended by CR LF; "C:" alone is an empty line
//	S~ pattern   a line that the regular expression matches from end to end
//	S...         any number of lines, up to the one that the next S line expects
//	C= "a\r\nb"  exactly these bytes, written as a Go string, and no line end
//	> imap       what follows happens on the connection named imap
//	* STARTTLS   both sides begin TLS here
//	* END        the server ends the connection; nothing may come before its end
//	* HANGUP     the client ends the connection
//	* text       a remark
//	# text       a comment; blank lines are passed over as well
//
// All forms exist for both parts. A pattern or "..." can only be expected, so a
// player refuses to send it. A remark that is one word in capitals must be one
// of the three directives, so that a misspelt one is not passed over.
//
// Lines before the first ">" go to the connection that the script's Target
// names. A connection is opened when the first line needs it, and opened again
// when a line needs it after its end.
//
// The message text after DATA stands as it is on the wire, dots doubled.
package dialog

import (
	_ "embed"
	"regexp"
)

// Lecture is the sample interaction of the lecture, byte for byte.
//
//go:embed testdata/lecture.dialog
var Lecture string

// Limits of a script and of what a peer may send.
const (
	MaxScript = 1 << 20  // bytes of a script
	MaxLine   = 64 << 10 // bytes of a line that is received, with its end
	maxAny    = 10_000   // lines that one "..." passes over
)

// Script is a parsed script. It may be played any number of times, and by
// several players at once.
type Script struct {
	Name   string // the file it came from, for error messages
	Target string // the name of the connection of lines before the first ">"

	steps []step
}

// kind tells what a step does.
type kind byte

const (
	line     kind = iota // text and CR LF
	pattern              // a line that re matches
	bytes                // text as it is
	anything             // lines up to the next expectation
	use                  // switch to the connection text
	startTLS             // begin TLS
	end                  // the server closes
	hangup               // the client closes
)

// Parts of a dialogue.
const (
	client byte = 'C'
	server byte = 'S'
)

// step is one line of a script.
type step struct {
	at   int    // line number within the file, from 1
	kind kind   //
	part byte   // client or server, for the first four kinds
	text string //
	re   *regexp.Regexp
}
