// Package tools holds the commands of glassmail that talk to servers from the
// outside: telnet, send and the lecture's socket programs.
//
// Each constructor returns a cobra command that prints results on its standard
// output and diagnostics nowhere: an error comes back as *cli.Exit, and the program
// prints it and ends with its code. What is printed of a conversation is in the
// notation of package dialog, so it can be saved and played again.
package tools
