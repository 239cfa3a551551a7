package tools

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"glassmail/cmd/glassmail/cli"
	"glassmail/sockets"
)

// Sockets is the command with the lecture's UDP and TCP programs.
func Sockets() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sockets",
		Short: "The lecture's UDP and TCP programs: a server that answers in upper case, and its client",
		Example: `  glassmail sockets tcp-server                              in one terminal
  glassmail sockets tcp-client                              in another
  glassmail sockets udp-server --listen 0.0.0.0:12000       for clients on other machines
  glassmail sockets udp-client --server 192.168.1.10:12000  on such a machine
  glassmail sockets show tcp-client --python                the program's text`,
	}
	cli.Group(cmd)
	cmd.AddCommand(
		socketServer("udp-server", "Answer datagrams in upper case", sockets.UDPServer),
		socketServer("tcp-server", "Answer lines in upper case, for many clients at once", sockets.TCPServer),
		udpClient(), tcpClient(), showSource())
	return cli.Prepare(cmd)
}

func socketServer(name, short string, serve func(context.Context, string, io.Writer) error) *cobra.Command {
	cmd := &cobra.Command{
		Use:   name,
		Short: short,
		Long: short + `.

127.0.0.1 is this machine as it sees itself: only programs here can reach a server
there. 0.0.0.0 stands for all addresses of this machine, and lets other machines in.
Ctrl-C stops the server.`,
		Example: "  glassmail sockets " + name + " --listen 0.0.0.0:12000",
		Args:    cobra.NoArgs,
	}
	listen := cmd.Flags().String("listen", sockets.Address, "`ADDRESS:PORT` to listen on")
	cmd.RunE = func(c *cobra.Command, _ []string) error {
		return cli.Listening("the "+name, serve(c.Context(), *listen, c.OutOrStdout()))
	}
	return cli.Prepare(cmd)
}

func udpClient() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "udp-client",
		Short:   "Send each line of the input as a datagram and show the answer",
		Example: "  echo do you like ketchup? | glassmail sockets udp-client --server 192.168.1.10:12000",
		Args:    cobra.NoArgs,
	}
	server := cmd.Flags().String("server", sockets.Address, "`ADDRESS:PORT` of the server")
	wait := cmd.Flags().Duration("timeout", 2*time.Second, "how long to wait for an answer")
	tries := cmd.Flags().Int("tries", 3, "how often to send a sentence that is not answered")
	cmd.RunE = func(c *cobra.Command, _ []string) error {
		if *wait <= 0 || *tries < 1 {
			return cli.Wrong("--timeout and --tries must be above zero")
		}
		return stopped(c.Context(), sockets.UDPClient(c.Context(), *server, *wait, *tries, sentences(c), c.OutOrStdout()))
	}
	return cli.Prepare(cmd)
}

func tcpClient() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "tcp-client",
		Short:   "Send each line of the input over a connection and show the answers",
		Example: "  echo do you like ketchup? | glassmail sockets tcp-client --server 192.168.1.10:12000",
		Args:    cobra.NoArgs,
	}
	server := cmd.Flags().String("server", sockets.Address, "`ADDRESS:PORT` of the server")
	wait := cmd.Flags().Duration("timeout", 10*time.Second, "how long to wait for an answer")
	cmd.RunE = func(c *cobra.Command, _ []string) error {
		if *wait <= 0 {
			return cli.Wrong("--timeout must be above zero")
		}
		return stopped(c.Context(), sockets.TCPClient(c.Context(), *server, *wait, sentences(c), c.OutOrStdout()))
	}
	return cli.Prepare(cmd)
}

// sentences is the input of a client; a person is told what to do.
func sentences(c *cobra.Command) io.Reader {
	in := c.InOrStdin()
	if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprintln(c.ErrOrStderr(), "Type a sentence in lower case and press Enter; Ctrl-C ends.")
	}
	return until(c.Context(), in)
}

// showSource prints a program's text.
func showSource() *cobra.Command {
	cmd := &cobra.Command{
		Use:       "show udp-server|udp-client|tcp-server|tcp-client",
		Short:     "Print the text of a program, to read it or to make another from it",
		Example:   "  glassmail sockets show udp-client --python > udp_client.py",
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"udp-server", "udp-client", "tcp-server", "tcp-client"},
	}
	python := cmd.Flags().Bool("python", false, "in Python 3 instead of Go")
	cmd.RunE = func(c *cobra.Command, args []string) error {
		file := strings.ReplaceAll(args[0], "-", "_") + ".go"
		if *python {
			file = "python/" + strings.TrimSuffix(file, ".go") + ".py"
		}
		text, err := sockets.Source.ReadFile(file)
		if err != nil {
			return err
		}
		_, err = c.OutOrStdout().Write(text)
		return err
	}
	return cli.Prepare(cmd)
}

// stopped makes the end of ctx, which a person asks for with Ctrl-C, no error.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
		return nil
	}
	return err
}
