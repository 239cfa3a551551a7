package dnscmd

import (
	"fmt"
	"io"
	"math"
	"net/netip"
	"time"

	"github.com/spf13/cobra"

	"glassmail/cmd/glassmail/cli"
	"glassmail/lab"
	"glassmail/lab/lesson"
)

func dnsAttack() *cobra.Command {
	cmd := &cobra.Command{
		Use: "attack", Short: "Attack the lab's own name servers, to see what protects them",
		Long: `Attack the lab's own name servers, to see what protects them. Attacks live inside
the lab's network, which has no way out: no other address can be reached.`,
		Example: "  glassmail dns attack race --id-bits 8\n  glassmail dns attack flood",
	}
	cmd.AddCommand(attackRace(), attackFlood())
	return cmd
}

func attackRace() *cobra.Command {
	r := lab.RaceRequest{Zone: "amazon.com"}
	var forged, validate, port string
	cmd := &cobra.Command{
		Use:   "race [ZONE]",
		Short: "Poison the cache: forge replies and be faster than the zone's server",
		Long: `Poison the cache of the lab's local name server: it looks for names of the zone that
do not exist; the genuine reply is late by --window, and meanwhile the forger sends
replies with guessed ids (and ports, when those are random). Told are the forged
replies, the odds of one round, and how it ended. --validate on lets the victim
check signatures; without the flag it does what 'glassmail dns validate' says.`,
		Example: `  glassmail dns attack race --id-bits 8
  glassmail dns attack race --id-bits 16 --window 300ms --rounds 20
  glassmail dns attack race --id-bits 8 --validate on`,
		Args: cobra.MaximumNArgs(1),
	}
	f := cmd.Flags()
	f.IntVar(&r.IDBits, "id-bits", 16, "width of the victim's query ids in bits, 1 to 16")
	f.StringVar(&port, "port", "fixed", "the victim's query port, `HOW`: fixed or random")
	f.DurationVar(&r.Window, "window", 100*time.Millisecond, "by how much the genuine reply is late, up to 2s")
	f.IntVar(&r.Rounds, "rounds", 10, "queries of the victim at most, 1 to 1000")
	f.StringVar(&validate, "validate", "", "`on|off`: whether the victim checks signatures (default: as it is set)")
	f.StringVar(&forged, "address", "", "`IP` in the lab that the forger wants to be believed (default 198.18.66.66, the attacker's)")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 1 {
			r.Zone = args[0]
		}
		if err := checkRace(&r, forged, port); err != nil {
			return err
		}
		n, err := runningNames()
		if err != nil {
			return err
		}
		now, err := n.Switches(c.Context())
		if err != nil {
			return err
		}
		if r.Validate = now.Validate; validate != "" {
			if r.Validate, err = onOff("--validate", validate); err != nil {
				return err
			}
		}
		out, err := n.Race(c.Context(), r, rounds(c.ErrOrStderr()))
		if err != nil {
			return err
		}
		return printAs(c, *asJSON, out, func(w io.Writer) { printRace(w, r, out) })
	}
	return cmd
}

// rounds tells somebody at a terminal how far a race is.
func rounds(w io.Writer) func(done, total int64) {
	if !cli.OnTerminal(w) {
		return nil
	}
	return func(done, total int64) { fmt.Fprintf(w, "round %d of %d\n", done, total) }
}

func checkRace(r *lab.RaceRequest, forged, port string) error {
	if forged != "" {
		a, err := netip.ParseAddr(forged)
		if err != nil {
			return cli.Wrong("--address %s: it is no address", forged)
		}
		r.Forged = a
	}
	switch port {
	case "fixed", "random":
		r.RandomPort = port == "random"
	default:
		return cli.Wrong("--port %s: it may be fixed or random", port)
	}
	switch {
	case r.IDBits < 1 || r.IDBits > 16:
		return cli.Wrong("--id-bits %d: it may be 1 to 16", r.IDBits)
	case r.Rounds < 1 || r.Rounds > 1000:
		return cli.Wrong("--rounds %d: it may be 1 to 1000", r.Rounds)
	case r.Window < 0 || r.Window > 2*time.Second:
		return cli.Wrong("--window %s: it may be up to 2s", r.Window)
	}
	return nil
}

func printRace(w io.Writer, r lab.RaceRequest, out lab.RaceOutcome) {
	ports := "a fixed port"
	if r.RandomPort {
		ports = "random ports"
	}
	fmt.Fprintf(w, "Victim: the lab's local name server, ids of %d bits, %s, signatures %s.\n", r.IDBits, ports, map[bool]string{true: "checked", false: "not checked"}[r.Validate])
	fmt.Fprintf(w, "Forged replies: %d in %s, %s.\n", out.Sent, inRounds(out.Rounds), out.Took.Round(time.Millisecond))
	fmt.Fprintf(w, "Odds of one round: %.0f replies for %.0f possibilities: %s", float64(out.Sent)/float64(max(1, out.Rounds)), out.Space, percent(out.Chance))
	if out.Expected > 0 {
		fmt.Fprintf(w, "; the forger needs about %s", inRounds(int(math.Ceil(out.Expected))))
	}
	fmt.Fprintln(w, ".")
	switch {
	case out.Wins > 0:
		fmt.Fprintln(w, "The forger won: the cache is poisoned.")
	case out.Noticed > 0:
		fmt.Fprintf(w, "Forged replies came in time in %s, and their signatures were missing or wrong: nothing was believed.\n", inRounds(out.Noticed))
	default:
		fmt.Fprintln(w, "The genuine reply was believed each time.")
	}
	for _, e := range out.Poisoned {
		fmt.Fprintf(w, "  %s %s %s, %s left\n", e.Name, e.Type, e.Data[0], e.Left.Truncate(time.Second))
	}
	if len(out.Poisoned) > 0 {
		fmt.Fprintln(w, "'glassmail dns cache --flush' removes that. With --validate on it cannot happen:\nthe forger has no key that the zone above vouches for.")
	}
}

func inRounds(n int) string {
	if n == 1 {
		return "1 round"
	}
	return fmt.Sprintf("%d rounds", n)
}

func percent(part float64) string {
	if part > 0 && part < 0.001 {
		return fmt.Sprintf("%.2g %%", part*100)
	}
	return fmt.Sprintf("%.1f %%", part*100)
}

func attackFlood() *cobra.Command {
	q := lab.FloodRequest{}
	cmd := &cobra.Command{
		Use:   "flood",
		Short: "Flood the lab's root servers while users look for names",
		Long: `Flood the lab's root servers with queries while users look for names, once through a
local name server that caches and once through one that forgets everything: the
reason why such an attack on the real root failed. The flood ends after --queries.`,
		Example: "  glassmail dns attack flood\n  glassmail dns attack flood --limit 100 --lookups 6",
		Args:    cobra.NoArgs,
	}
	f := cmd.Flags()
	f.IntVar(&q.Queries, "queries", 100_000, "queries of the flood at most, in each of the two runs; up to 1000000")
	f.IntVar(&q.Lookups, "lookups", 12, "lookups of users in each run, 1 to 1000")
	f.IntVar(&q.Limit, "limit", 500, "queries a second that a root server can bear")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(c *cobra.Command, _ []string) error {
		switch {
		case q.Queries < 1 || q.Queries > 1_000_000:
			return cli.Wrong("--queries %d: it may be 1 to 1000000", q.Queries)
		case q.Lookups < 1 || q.Lookups > 1000:
			return cli.Wrong("--lookups %d: it may be 1 to 1000", q.Lookups)
		case q.Limit < 1:
			return cli.Wrong("--limit %d: it must be at least 1", q.Limit)
		}
		n, err := runningNames()
		if err != nil {
			return err
		}
		out, err := n.Flood(c.Context(), q)
		if err != nil {
			return err
		}
		return printAs(c, *asJSON, out, func(w io.Writer) { printFlood(w, out) })
	}
	return cmd
}

func printFlood(w io.Writer, r lesson.FloodResult) {
	row := func(what string, a, b any) { fmt.Fprintf(w, "%-44s %14v %14v\n", what, a, b) }
	c, u := r.Cached, r.Uncached
	row("The users' local name server", "caches", "forgets")
	row("flood: queries sent", c.Sent, u.Sent)
	row("flood: replies", c.Answered, u.Answered)
	row("root servers: queries lost", c.Load.Lost, u.Load.Lost)
	row("root servers: queries that arrived, a second", fmt.Sprintf("%.0f", c.Rate), fmt.Sprintf("%.0f", u.Rate))
	row("users: lookups", c.Lookups, u.Lookups)
	row("users: names found", c.Found, u.Found)
	row("users: lookups that needed no root server", percent(c.HitRate), percent(u.HitRate))
	row("users: time of one lookup", c.MeanTime.Round(100*time.Microsecond), u.MeanTime.Round(100*time.Microsecond))
	fmt.Fprintln(w, "\nA cache knows the servers of the top-level domains for a day: it does not need the\nroot, and its users do not notice the flood.")
}
