package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// postfixMain is main.cf of an instance of its own: every parameter that names a
// place names one in its folder. What is not Postfix's default is there to keep
// it from being held back on purpose or by work that glassmail does not do
// either:
//
//   - as many processes as there are connections, and none of them made anew
//     after a hundred requests or seconds (default_process_limit, max_use,
//     max_idle);
//   - no pause when mail comes faster than it leaves (in_flow_delay);
//   - no counting of clients (smtpd_client_event_limit_exceptions) and no limit
//     of theirs, no look-up of names (smtpd_peername_lookup, disable_dns_lookups),
//     no filter, no TLS;
//   - local mail goes by virtual(8) into a Maildir, which it flushes.
//
// Flushing itself is left as Postfix does it: the queue file before the 250, the
// file in the Maildir before the queue file is removed.
const postfixMain = `compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
maillog_file = %[1]s/log
maillog_file_prefixes = %[1]s
mail_owner = postfix
setgid_group = postdrop
myhostname = hamburger.edu
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
virtual_mailbox_domains = hamburger.edu
virtual_mailbox_maps = inline:{ bob@hamburger.edu=bob/ }
virtual_mailbox_base = %[1]s/mail
virtual_minimum_uid = 1
virtual_uid_maps = static:%[2]s
virtual_gid_maps = static:%[3]s
virtual_mailbox_limit = 0
default_process_limit = %[4]d
max_use = 1000000
max_idle = 1h
in_flow_delay = 0
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_client_event_limit_exceptions = 127.0.0.0/8
smtpd_peername_lookup = no
smtpd_relay_restrictions = reject_unauth_destination
disable_dns_lookups = yes
`

// postfixMaster is master.cf as Debian has it, with one listener, and without
// chroot, for which there would have to be a copy of the system's files.
const postfixMaster = `127.0.0.1:%d inet n - n - - smtpd
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

// postfix is an instance of its own, in one folder.
type postfix struct {
	dir   string
	port  int
	child *child // what started it
	out   bytes.Buffer
	group *group
}

// canRunPostfix says what is missing.
func canRunPostfix() error {
	for _, program := range []string{"postfix", smtpSource} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%s is missing (Debian: apt-get install postfix); without it: --subjects glassmail,null", program)
		}
	}
	if os.Geteuid() != 0 {
		return errors.New("postfix starts for root only; without it: --subjects glassmail,null")
	}
	return nil
}

// startPostfix writes the instance's configuration and starts it.
func startPostfix(ctx context.Context, at place) (*subject, error) {
	if err := canRunPostfix(); err != nil {
		return nil, err
	}
	owner, err := user.Lookup("postfix")
	if err != nil {
		return nil, err
	}
	p := &postfix{dir: at.dir}
	if p.port, err = freePort(); err != nil {
		return nil, err
	}
	if err := p.configure(owner, at.connections+50); err != nil {
		return nil, err
	}
	p.group = newGroup(filepath.Base(p.dir))
	cmd := p.group.command(at.under, "postfix", "-c", filepath.Join(p.dir, "conf"), "start")
	cmd.Stdout, cmd.Stderr = &p.out, &p.out
	if p.child, err = startChild(cmd); err != nil {
		return nil, errors.Join(err, p.group.remove())
	}
	s := &subject{name: postfixName, addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)), data: p.dir,
		delivered: p.delivered, group: p.group, stop: p.stop}
	if err := p.ready(ctx, s.addr); err != nil {
		log, _ := os.ReadFile(filepath.Join(p.dir, "log"))
		return nil, fmt.Errorf("postfix: %w\n%s", errors.Join(err, p.stop()), log)
	}
	return s, nil
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
	main := fmt.Appendf(nil, postfixMain, p.dir, owner.Uid, owner.Gid, processes)
	master := fmt.Appendf(nil, postfixMaster, p.port)
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

// ready is over once the master process has written its number and answers.
func (p *postfix) ready(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTime, errors.New("not ready in time"))
	defer cancel()
	return until(ctx, 50*time.Millisecond, func() (bool, error) {
		b, err := os.ReadFile(filepath.Join(p.dir, "queue", "pid", "master.pid"))
		if err != nil {
			return false, p.failed()
		}
		if p.group.root, err = strconv.Atoi(strings.TrimSpace(string(b))); err != nil {
			return false, nil // being written
		}
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return false, nil
		}
		return true, conn.Close()
	})
}

// failed is the error with which the start ended; nil while it has not.
func (p *postfix) failed() error {
	select {
	case <-p.child.done:
		if p.child.err != nil {
			return fmt.Errorf("start: %w\n%s", p.child.err, p.out.String())
		}
	default:
	}
	return nil
}

// delivered counts the files in the Maildir.
func (p *postfix) delivered(context.Context) (int, error) {
	d, err := os.Open(filepath.Join(p.dir, "mail", "bob", "new"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	return len(names), err
}

// stop asks the instance to end and waits for all its processes.
func (p *postfix) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	out, err := exec.CommandContext(ctx, "postfix", "-c", filepath.Join(p.dir, "conf"), "stop").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("postfix stop: %w\n%s", err, out)
	}
	err = errors.Join(err, p.child.end(postfixName))
	if p.group.cgroup == "" {
		return err
	}
	ended := until(ctx, 20*time.Millisecond, func() (bool, error) {
		pids, err := p.group.pids()
		return len(pids) == 0, err
	})
	return errors.Join(err, ended, p.group.remove())
}
