package server

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"net"
	"net/smtp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"glassmail/config"
	"glassmail/store/bolt"
	"glassmail/wire"
)

// brokenDisk is the system's file system, of which one operation fails while a test
// wishes it.
type brokenDisk struct {
	bolt.FS
	mu   sync.Mutex
	op   string
	with error
}

func (d *brokenDisk) breaks(op string, with error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.op, d.with = op, with
}

func (d *brokenDisk) fault(op string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if op == d.op {
		return d.with
	}
	return nil
}

func (d *brokenDisk) OpenFile(name string, flag int, perm fs.FileMode) (bolt.File, error) {
	if err := d.fault("open"); err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	f, err := d.FS.OpenFile(name, flag, perm)
	return &brokenFile{f, d}, err
}

type brokenFile struct {
	bolt.File
	disk *brokenDisk
}

func (f *brokenFile) Datasync() error {
	return errors.Join(f.disk.fault("datasync"), f.File.Datasync())
}

// node runs a node with user bob until the test ends.
func node(t *testing.T, o Options) (n *Node, ended chan error) {
	t.Helper()
	return nodeWith(t, o, func(*config.Config) {})
}

func nodeWith(t *testing.T, o Options, set func(*config.Config)) (n *Node, ended chan error) {
	t.Helper()
	o.Config = config.Default()
	o.Config.Data, o.Config.Domains = t.TempDir(), []string{"hamburger.edu"}
	o.Config.Listen = config.Listen{SMTP: []string{"127.0.0.1:0"}, IMAP: []string{"127.0.0.1:0"}}
	if len(o.Users) == 0 {
		o.Users = map[string]string{"bob@hamburger.edu": "secret-bob"}
	}
	if o.Host == nil {
		o.Host, o.Resolver = wire.OS{}, net.DefaultResolver
	}
	set(&o.Config)
	n, err := New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended = make(chan error, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		ended <- n.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return n, ended
}

func deliver(n *Node) error {
	c, err := smtp.Dial(n.health.listeners[1].listening()[0].Addr.String())
	if err != nil {
		return err
	}
	defer c.Close()
	if err := errors.Join(c.Mail("alice@crepes.fr"), c.Rcpt("bob@hamburger.edu")); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	_, err = w.Write([]byte("Subject: x\r\n\r\nHello.\r\n"))
	return errors.Join(err, w.Close())
}

// healthOf is one part, by the beginning of its name.
func healthOf(t *testing.T, n *Node, name string) (trouble string, dead bool) {
	t.Helper()
	for _, p := range n.Health() {
		if strings.HasPrefix(p.Name, name) {
			return p.Trouble, p.Dead
		}
	}
	t.Fatalf("no part %s in %+v", name, n.Health())
	return "", false
}

// waitServing waits until a node has begun to serve.
func waitServing(t *testing.T, n *Node) {
	t.Helper()
	for len(n.Health()) < 5 || n.Health()[0].Trouble != "" {
		if t.Context().Err() != nil {
			t.Fatal("it never serves")
		}
		runtime.Gosched()
	}
}

// Every part tells how it is, and without names of files.
func TestHealthOfParts(t *testing.T) {
	disk := &brokenDisk{FS: bolt.SystemFS()}
	n, _ := node(t, Options{fs: disk})
	waitServing(t, n)
	for _, part := range []string{"hamburger.edu", "store", "queue", "smtp 127.0.0.1:", "imap 127.0.0.1:"} {
		if trouble, dead := healthOf(t, n, part); trouble != "" || dead {
			t.Errorf("%s: %q, %v", part, trouble, dead)
		}
	}
	disk.breaks("open", syscall.EMFILE)
	if trouble, dead := healthOf(t, n, "store"); trouble != "too many open files" || dead {
		t.Errorf("without files: %q, %v", trouble, dead)
	}
	disk.breaks("", nil)
	if trouble, _ := healthOf(t, n, "store"); trouble != "" {
		t.Errorf("when there are files again: %q", trouble)
	}
	if err := deliver(n); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// A store that has stopped ends its node, which says why; the client had a 4xx.
func TestStoppedStoreEndsTheNode(t *testing.T) {
	disk := &brokenDisk{FS: bolt.SystemFS()}
	n, ended := node(t, Options{fs: disk})
	waitServing(t, n)
	if err := deliver(n); err != nil {
		t.Fatal(err)
	}
	disk.breaks("datasync", syscall.EIO)
	if err := deliver(n); err == nil || !strings.HasPrefix(err.Error(), "4") {
		t.Errorf("a message that could not be flushed: %v", err)
	}
	if err := <-ended; !errors.Is(err, bolt.ErrStopped) || !strings.Contains(err.Error(), "new start") {
		t.Errorf("the end: %v", err)
	}
	if trouble, dead := healthOf(t, n, "store"); !dead || !strings.Contains(trouble, "has stopped") || strings.Contains(trouble, "/") {
		t.Errorf("the store: %q, %v", trouble, dead)
	}
	if trouble, _ := healthOf(t, n, "hamburger.edu"); trouble == "" {
		t.Error("the node says that it serves")
	}
}

// The store is open until the servers beside the node's own have stopped: what they
// were asked before is answered.
func TestStopWith(t *testing.T) {
	c := config.Default()
	c.Data, c.Domains, c.Listen = t.TempDir(), []string{"hamburger.edu"}, config.Listen{}
	n, err := New(t.Context(), Options{Config: c, Host: wire.OS{}, Resolver: net.DefaultResolver})
	if err != nil {
		t.Fatal(err)
	}
	s := n.store
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var during error
	asked := false
	n.StopWith(func(context.Context) (cut, left int) {
		asked = true
		for until := time.Now().Add(200 * time.Millisecond); time.Now().Before(until); { // meanwhile all else ends
			during = cmp.Or(during, s.Alive())
			runtime.Gosched()
		}
		return 0, 0
	})
	if err := n.Run(ctx); err != nil || during != nil || !asked {
		t.Errorf("%v; another server was stopped %v, and met %v", err, asked, during)
	}
	if err := s.Alive(); !errors.Is(err, bolt.ErrClosed) {
		t.Errorf("afterwards: %v", err)
	}
}
