package tools

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/spf13/cobra"

	"glassmail/cmd/glassmail/cli"
	"glassmail/explain"
	"glassmail/wire"
)

// Telnet is the command for talking to a server by hand.
func Telnet() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "telnet HOST PORT",
		Short: "Talk to a server by hand, with each reply explained",
		Long: `Talk to a server by hand. What you type is shown with C:, what the server says
with S:, and lines with * explain the replies of SMTP and IMAP servers. Lines are
always sent with CR LF at their end, as mail demands. After STARTTLS both sides
go on inside TLS. Ctrl-D ends.

Input that comes from a file or pipe is sent line by line; each line waits for the
reply to the one before. Names of a running lab are known.`,
		Example: `  glassmail telnet mail.hamburger.edu 25
  glassmail telnet imap.example.org 993 --tls
  printf 'HELO crepes.fr\nQUIT\n' | glassmail telnet 127.0.0.1 2526`,
		Args: cobra.ExactArgs(2),
	}
	raw := cmd.Flags().Bool("raw", false, "pass bytes on unchanged both ways: no CR LF, no C: and S:, no explanations, no waiting")
	inTLS := cmd.Flags().Bool("tls", false, "begin TLS at once, as port 465 and 993 want it")
	wait := cmd.Flags().Duration("wait", 30*time.Second, "how long to wait for a reply before the next line from a file or pipe")
	cmd.RunE = func(c *cobra.Command, args []string) error {
		if *wait <= 0 {
			return cli.Wrong("--wait must be above zero")
		}
		language, err := cli.Language(c)
		if err != nil {
			return err
		}
		ctx := c.Context()
		addr, err := hostPort(ctx, args[0], args[1])
		if err != nil {
			return cli.Wrong("%w", err)
		}
		conn, err := OpenBook().Dial(ctx, addr)
		if err != nil {
			return err
		}
		defer conn.Close()
		var secured string
		if *inTLS {
			if conn, secured, err = beginTLS(ctx, conn, args[0]); err != nil {
				return err
			}
		}
		if *raw {
			return pass(ctx, conn, c.InOrStdin(), c.OutOrStdout())
		}
		con, err := openConsole(c.InOrStdin(), c.OutOrStdout())
		if err != nil {
			return err
		}
		defer con.close()
		s := newSession(conn, args[0], con, wire.System{}, *wait)
		s.words = explain.New(language)
		s.note("connected to %s from %s", place(addr, conn.RemoteAddr()), conn.LocalAddr())
		if secured != "" {
			s.note("%s", secured)
		}
		return stopped(ctx, s.run(ctx))
	}
	return cli.Prepare(cmd)
}

// place is a name and the address found for it, or just the address.
func place(name string, addr net.Addr) string {
	if name == addr.String() {
		return name
	}
	return fmt.Sprintf("%s (%s)", name, addr)
}

// beginTLS makes conn a TLS connection and says in words what came of it. A
// certificate that cannot be trusted is reported and does not end the
// conversation: here somebody looks.
func beginTLS(ctx context.Context, conn net.Conn, host string) (net.Conn, string, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tc := tls.Client(conn, &tls.Config{ServerName: host, InsecureSkipVerify: true, MinVersion: tls.VersionTLS12})
	if err := tc.HandshakeContext(ctx); err != nil {
		return nil, "", fmt.Errorf("begin TLS: %w", err)
	}
	return tc, describeTLS(tc.ConnectionState(), host), nil
}

// pass copies bytes both ways until the server ends the connection.
func pass(ctx context.Context, conn net.Conn, in io.Reader, out io.Writer) error {
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	go func() { // ends with the input or the connection
		if _, err := io.Copy(conn, in); err == nil {
			closeWrite(conn)
		}
	}()
	if _, err := io.Copy(out, conn); err != nil && ctx.Err() == nil {
		return fmt.Errorf("receive: %w", err)
	}
	return nil
}

// closeWrite tells the server that nothing more will come.
func closeWrite(conn net.Conn) {
	if c, ok := conn.(interface{ CloseWrite() error }); ok {
		c.CloseWrite() // the connection is closed soon in any case
	}
}
