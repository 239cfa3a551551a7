package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"glassmail/cmd/glassmail/cli"
	"glassmail/cmd/glassmail/tools"
	"glassmail/control"
	"glassmail/server"
)

// access is what the running node tells commands of its user about its pages.
type access struct {
	URL   string `json:"url"`
	Token string `json:"token,omitempty"` // the operator's
}

// The calls by which commands ask for it.
const (
	callAccess = "web"
	callLogin  = "login"
)

// calls answers commands of the node's user. They come once the node runs.
func (p *page) calls() control.Table {
	answer := func(make func() access) control.Call {
		return control.Func(func(context.Context, struct{}) (any, error) {
			if p.web == nil {
				return nil, errors.New("the node has no pages: they are switched off (--web)")
			}
			return make(), nil
		})
	}
	return control.Table{
		callAccess: answer(func() access { return access{URL: p.address(), Token: p.token} }),
		callLogin:  answer(func() access { return access{URL: p.loginLink()} }),
	}
}

// address is where a browser on this machine finds the pages.
func (p *page) address() string {
	at := p.listeners[0].Addr().String()
	if host, port, err := net.SplitHostPort(at); err == nil && net.ParseIP(host).IsUnspecified() {
		at = net.JoinHostPort("127.0.0.1", port)
	}
	return p.scheme() + at
}

// loginLink lets one browser in as the operator.
func (p *page) loginLink() string { return p.address() + p.web.LoginLink() }

// reader are the flags of commands that read the API of a lab or a node.
type reader struct {
	url, tokenFile string
	node           cli.Data
}

func (r *reader) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&r.url, "url", "", "web address of the lab or node, `URL` (default: the lab that runs here, else the node, else http://127.0.0.1:8025)")
	f.StringVar(&r.tokenFile, "token-file", "", "`FILE` with the operator's token, for a node elsewhere (web-token in its data folder)")
	r.node.Flags(cmd, false)
}

// find tells where the server is, and the token that it wants. A token is told only
// to a node that has proved through its control socket that it is ours, or that the
// user named.
func (r *reader) find(ctx context.Context) (access, error) {
	if err := checkURL(r.url); err != nil {
		return access{}, err
	}
	if r.tokenFile != "" {
		b, err := os.ReadFile(r.tokenFile)
		if err != nil {
			return access{}, fmt.Errorf("--token-file: %w", err)
		}
		return access{URL: r.address(), Token: strings.TrimSpace(string(b))}, nil
	}
	chosen := r.node.Dir != "" || r.node.File != ""
	if _, lab := tools.OpenBook().Find("web:80"); lab && r.url == "" && !chosen {
		return access{URL: r.address()}, nil
	}
	node, err := ask(ctx, &r.node, callAccess)
	switch {
	case err != nil && chosen && r.url == "":
		return access{}, err
	case err != nil || r.url != "" && strings.TrimSuffix(r.url, "/") != node.URL:
		return access{URL: r.address()}, nil // it is another server, which may want no token
	}
	return node, nil
}

// address is that of the server's pages without a final slash: what --url says, or
// the lab that started last.
func (r *reader) address() string {
	at, _ := tools.OpenBook().Find("web:80")
	return strings.TrimSuffix(cmp.Or(r.url, "http://"+cmp.Or(at, "127.0.0.1:8025")), "/")
}

func checkURL(flag string) error {
	u, err := url.Parse(flag)
	if flag != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return cli.Wrong("--url %s: it should look like http://127.0.0.1:8025", flag)
	}
	return nil
}

// ask makes a call of the running node that serve added.
func ask(ctx context.Context, d *cli.Data, call string) (a access, err error) {
	conf, err := d.Config()
	if err != nil {
		return a, err
	}
	err = server.AskNode(ctx, conf.Data, call, &a)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("no node runs on the data in %s; start it with glassmail serve, or name its folder with --data", conf.Data)
	}
	return a, err
}

func loginCommand() *cobra.Command {
	var d cli.Data
	cmd := &cobra.Command{
		Use:   "login",
		Short: "Print a link that lets a browser into the pages of the running node",
		Long: `Print a link that lets one browser into the pages of the running node as its
operator. It is good once, and for a quarter of an hour. Whoever may read the node's
data folder may ask for one.`,
		Example: "  glassmail login\n  glassmail login --data /var/lib/glassmail",
		Args:    cobra.NoArgs,
	}
	d.Flags(cmd, false)
	cmd.RunE = func(c *cobra.Command, _ []string) error {
		a, err := ask(c.Context(), &d, callLogin)
		if err != nil {
			return err
		}
		fmt.Fprintln(c.OutOrStdout(), a.URL)
		openBrowser(c.OutOrStdout(), a.URL)
		return nil
	}
	return cmd
}
