package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// postfix is an instance of its own, in one folder.
type postfix struct {
	dir  string
	port int
}

// Every parameter that names a place names one in the folder.
const mainCF = `compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
maillog_file = %[1]s/log
maillog_file_prefixes = %[1]s
mail_owner = postfix
setgid_group = postdrop
myhostname = hamburger.edu
mydestination =
mynetworks =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
virtual_mailbox_domains = hamburger.edu
virtual_mailbox_maps = inline:{ bob@hamburger.edu=bob/ }
virtual_mailbox_base = %[1]s/mail
virtual_uid_maps = static:%[2]s
virtual_gid_maps = static:%[3]s
virtual_mailbox_limit = 0
smtpd_client_connection_count_limit = 0
smtpd_relay_restrictions = reject_unauth_destination
default_process_limit = %[4]d
`

const masterCF = `127.0.0.1:%d inet n - n - - smtpd
pickup    unix n - n 60 1 pickup
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 300 1 qmgr
tlsmgr    unix - - n 1000? 1 tlsmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
verify    unix - - n - 1 verify
flush     unix n - n 1000? 0 flush
proxymap  unix - - n - - proxymap
smtp      unix - - n - - smtp
showq     unix n - n - - showq
error     unix - - n - - error
retry     unix - - n - - error
discard   unix - - n - - discard
virtual   unix - n n - - virtual
anvil     unix - - n - 1 anvil
scache    unix - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
`

// startPostfix writes the instance's configuration and starts it.
func startPostfix(ctx context.Context, dir string, sessions []int) (*postfix, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("postfix starts for root only")
	}
	for _, program := range []string{"postfix", "smtp-source"} {
		if _, err := exec.LookPath(program); err != nil {
			return nil, fmt.Errorf("%s is missing: apt-get install postfix", program)
		}
	}
	owner, err := user.Lookup("postfix")
	if err != nil {
		return nil, err
	}
	p := &postfix{dir: dir}
	if p.port, err = freePort(); err != nil {
		return nil, err
	}
	if err := p.configure(owner, slices.Max(sessions)+50); err != nil {
		return nil, err
	}
	if err := p.command(ctx, "start"); err != nil {
		return nil, err
	}
	if err := p.wait(ctx); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return p, nil
}

func (p *postfix) configure(owner *user.User, processes int) error {
	for _, sub := range []string{"", "conf", "queue", "data", "mail"} {
		if err := os.Mkdir(filepath.Join(p.dir, sub), 0o755); err != nil {
			return err
		}
	}
	uid, err := strconv.Atoi(owner.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(owner.Gid)
	if err != nil {
		return err
	}
	for _, sub := range []string{"data", "mail"} {
		if err := os.Chown(filepath.Join(p.dir, sub), uid, gid); err != nil {
			return err
		}
	}
	main := fmt.Appendf(nil, mainCF, p.dir, owner.Uid, owner.Gid, processes)
	master := fmt.Appendf(nil, masterCF, p.port)
	return errors.Join(os.WriteFile(filepath.Join(p.dir, "conf", "main.cf"), main, 0o644),
		os.WriteFile(filepath.Join(p.dir, "conf", "master.cf"), master, 0o644))
}

// freePort is a port for master.cf, which cannot say "any".
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// command runs the postfix program for this instance.
func (p *postfix) command(ctx context.Context, verb string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "postfix", "-c", filepath.Join(p.dir, "conf"), verb).CombinedOutput()
	if err != nil {
		log, _ := os.ReadFile(filepath.Join(p.dir, "log"))
		return fmt.Errorf("postfix %s: %w\n%s%s", verb, err, out, log)
	}
	return nil
}

// wait is over once smtpd answers.
func (p *postfix) wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", p.addr())
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("postfix does not answer: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (p *postfix) name() string { return "postfix" }

func (p *postfix) addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)) }

func (p *postfix) delivered(context.Context) (int, error) {
	d, err := os.Open(filepath.Join(p.dir, "mail", "bob", "new"))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	return len(names), err
}

func (p *postfix) stop() error { return p.command(context.Background(), "stop") }
