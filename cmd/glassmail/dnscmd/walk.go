package dnscmd

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"glassmail/cmd/glassmail/cli"
	"glassmail/dns"
	"glassmail/explain"
	"glassmail/lab"
	"glassmail/lab/lesson"
)

// Trace is the walk under its old name.
func Trace() *cobra.Command {
	cmd := dnsWalk()
	cmd.Use, cmd.Example, cmd.Deprecated = "trace NAME [TYPE]", "", "it is now 'glassmail dns walk'"
	return cmd
}

func dnsWalk() *cobra.Command {
	var w lab.WalkRequest
	var gloss bool
	cmd := &cobra.Command{
		Use:   "walk NAME [TYPE]",
		Short: "Show how the lab finds a name, message by message",
		Long: `Show how the lab finds a name: every message with its number, who sends it to whom,
what it says and for how many seconds that may be kept. The host engineering.nyu.edu
asks its local name server dns.nyu.edu, which asks from the root down, as in the
lecture's first picture; with --recursive the servers ask each other, as in the
second. The search begins with an empty cache of its own; with --cached the same
question is asked once more. The local name server's cache stays as it is.

The lecture's example gaia.cs.umass.edu takes 8 messages, because the lab's server of
edu serves umass.edu too. With --via-umass it does not, for this search: the server
of umass.edu stands in between, and it takes 10.`,
		Example: `  glassmail dns walk gaia.cs.umass.edu --cached
  glassmail dns walk gaia.cs.umass.edu --recursive
  glassmail dns walk gaia.cs.umass.edu --via-umass
  glassmail dns walk hamburger.edu MX --explain --lang th`,
		Args: cobra.RangeArgs(1, 2),
	}
	f := cmd.Flags()
	f.BoolVar(&w.Recursive, "recursive", false, "the servers search on for each other")
	f.BoolVar(&w.Again, "cached", false, "ask once more, when the answer is in the cache")
	f.BoolVar(&w.Validate, "validate", false, "check signatures, which takes more messages")
	f.BoolVar(&w.Minimise, "qname-min", false, "tell each server no more of the name than it needs (RFC 9156)")
	f.BoolVar(&gloss, "explain", false, "say beside each message what it means, in the language of --lang")
	f.BoolVar(&w.ViaUmass, "via-umass", false, "the server of umass.edu stands between those of edu and cs.umass.edu")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(c *cobra.Command, args []string) error {
		w.Name, w.Type = args[0], dns.TypeA
		if len(args) == 2 {
			t, err := dns.ParseType(args[1])
			if err != nil {
				return cli.Wrong("%w", err)
			}
			w.Type = t
		}
		if _, err := dns.Name(w.Name); err != nil {
			return cli.Wrong("%w", err)
		}
		p, err := newWalkPrinter(c, gloss)
		if err != nil {
			return err
		}
		n, err := runningNames()
		if err != nil {
			return err
		}
		pictures, err := n.Walk(c.Context(), w)
		if err != nil {
			return err
		}
		if err := printAs(c, *asJSON, pictures, func(out io.Writer) { p.print(out, pictures) }); err != nil {
			return err
		}
		if failed := pictures[len(pictures)-1].Error; failed != "" {
			return &cli.Exit{Code: cli.Failed, Err: errors.New(failed)}
		}
		return nil
	}
	return cmd
}

// walkPrinter prints walks in the language of a command.
type walkPrinter struct {
	say   cli.Phrase
	words *explain.Words // nil: nothing is explained
}

func newWalkPrinter(c *cobra.Command, gloss bool) (*walkPrinter, error) {
	say, err := cli.Phrases(c)
	if err != nil {
		return nil, err
	}
	p := &walkPrinter{say: say}
	if gloss {
		lang, err := cli.Language(c)
		if err != nil {
			return nil, err
		}
		p.words = explain.New(lang)
	}
	return p, nil
}

func (p *walkPrinter) print(w io.Writer, pictures []lab.WalkPicture) {
	for i, picture := range pictures {
		if i > 0 {
			fmt.Fprintf(w, "\n%s\n", p.say("tool.trace.again"))
		}
		for _, a := range picture.Arrows {
			fmt.Fprintln(w, p.line(a))
		}
		fmt.Fprintln(w, p.say("tool.trace.count", "n", picture.Messages))
	}
}

// line is one message, as it was sent, with what it means beside it.
func (p *walkPrinter) line(a lesson.Arrow) string {
	if a.Number == 0 { // the cache, which sends nothing
		return "    " + strings.Repeat("   ", a.Depth) + p.say("tool.trace.knows", "server", a.From, "text", a.Text)
	}
	if p.words == nil {
		return a.String()
	}
	key, args := "dns.answer.authoritative", []any(nil)
	switch question, asked := strings.CutSuffix(a.Text, " ?"); {
	case asked:
		name, kind, _ := strings.Cut(question, " ")
		key, args = "dns.query.iterative", []any{name, kind}
		if a.Depth == 0 {
			key = "dns.query.recursive"
		}
	case strings.HasPrefix(a.Text, "referral:"):
		key = "dns.referral"
	case strings.HasPrefix(a.Text, "NXDOMAIN"):
		key = "dns.rcode.3"
	case !strings.HasPrefix(a.Text, "answer:"): // what failed says so itself
		return a.String()
	case a.Depth == 0:
		key = "dns.answer.recursive"
	}
	return a.String() + "  # " + p.words.Say(key, args...)
}
