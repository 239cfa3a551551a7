package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"glassmail/cmd/glassmail/cli"
	"glassmail/explain"
	"glassmail/trace"
)

// maxDialogueLine bounds a line to be explained, in bytes.
const maxDialogueLine = 64 << 10

func explainCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "explain [LINE…]",
		Short: "Say what lines of a dialogue mean, and which RFC says so",
		Long: `Say what lines of SMTP or IMAP mean, and which RFC says so: those of the arguments, or
of a dialogue on the standard input, as telnet, send and top print it. A line that
begins with neither C: nor S: is a reply if it begins like one, else a command.
Lines stand as they are; what they mean stands behind #.`,
		Example: `  glassmail explain 'RCPT TO:<bob@hamburger.edu>' '550 5.1.1 unknown'
  glassmail explain --imap 'S: * 2 EXISTS'
  glassmail send --to bob@hamburger.edu --body hello | glassmail explain --lang th`,
	}
	imap := cmd.Flags().Bool("imap", false, "the lines are of IMAP, not SMTP")
	cmd.RunE = func(c *cobra.Command, args []string) error {
		lang, err := cli.Language(c)
		if err != nil {
			return err
		}
		e := &explainer{out: c.OutOrStdout(), reader: explain.New(lang).Reader(), proto: trace.SMTP}
		if *imap {
			e.proto = trace.IMAP
		}
		if len(args) == 0 {
			return e.all(c.InOrStdin())
		}
		for _, line := range args {
			if err := e.line(line); err != nil {
				return err
			}
		}
		return nil
	}
	return cmd
}

// explainer follows one dialogue.
type explainer struct {
	out    io.Writer
	reader *explain.Reader
	proto  trace.Protocol
	begun  bool
}

func (e *explainer) all(in io.Reader) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxDialogueLine)
	for lines.Scan() {
		if err := e.line(lines.Text()); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("standard input: %w", err)
	}
	return nil
}

// line prints a line with what it means.
func (e *explainer) line(line string) error {
	dir, text := e.speaker(line)
	if dir == trace.Self {
		_, err := fmt.Fprintln(e.out, line)
		return err
	}
	if !e.begun && (strings.HasPrefix(text, "220 ") || strings.HasPrefix(text, "* OK") || strings.HasPrefix(text, "* PREAUTH")) {
		e.reader.Explain(trace.Event{Conn: 1, Proto: e.proto, Kind: trace.Open}) // it is the greeting
	}
	e.begun = true
	note := e.reader.Explain(trace.Event{Conn: 1, Proto: e.proto, Kind: trace.Line, Dir: dir, Text: text})
	said := fmt.Sprintf("%c: %s", dir, text)
	if note.Text != "" {
		said += "  # " + strings.ReplaceAll(note.Text, "\n", "; ")
	}
	if note.RFC != "" {
		said += " (" + note.RFC + ")"
	}
	_, err := fmt.Fprintln(e.out, said)
	return err
}

// speaker tells who says a line, Self for a remark, and what is said: in the
// notation of the lecture, "C: HELO crepes.fr", or as it is on the wire.
func (e *explainer) speaker(line string) (trace.Dir, string) {
	for _, dir := range []trace.Dir{trace.Client, trace.Server} {
		if text, ok := strings.CutPrefix(line, string(rune(dir))+":"); ok {
			return dir, strings.TrimPrefix(text, " ")
		}
	}
	words := strings.Fields(line)
	switch {
	case len(words) == 0:
		return trace.Self, line
	case e.proto == trace.IMAP:
		return imapSpeaker(words), line
	case words[0] == "*":
		return trace.Self, line
	case len(line) >= 3 && strings.Trim(line[:3], "0123456789") == "": // RFC 5321 §4.2
		return trace.Server, line
	}
	return trace.Client, line
}

// imapSpeaker tells a reply by its tag and what follows (RFC 9051 §2.2.2). The
// words after the star of a remark are in small letters.
func imapSpeaker(words []string) trace.Dir {
	second := strings.Join(words[1:min(len(words), 2)], "")
	switch {
	case words[0] == "*" && second != "" && second != strings.ToUpper(second):
		return trace.Self
	case words[0] == "*" || words[0] == "+" || second == "OK" || second == "NO" || second == "BAD":
		return trace.Server
	}
	return trace.Client
}
