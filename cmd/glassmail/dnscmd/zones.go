package dnscmd

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"glassmail/cmd/glassmail/cli"
	"glassmail/dns"
	"glassmail/server/dnsd"
	"glassmail/trace"
	"glassmail/wire"
)

// lookAgain is how often a folder of zone files is looked at.
const lookAgain = time.Second

// serveZones answers with authority for the zones of a folder until the process
// is told to stop.
func serveZones(c *cobra.Command, dir string, listen []string, readyFile string) error {
	authority := dns.NewAuthority(nil)
	stamp := folderStamp(dir)
	folder, err := dns.OpenFolder(dir, authority)
	if err != nil {
		return err
	}
	// For the other commands SIGHUP means the end.
	ctx, stop := signal.NotifyContext(context.WithoutCancel(c.Context()), os.Interrupt, syscall.SIGTERM)
	defer stop()
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	defer signal.Stop(reload)

	host := wire.OS{}
	server := dnsd.New(host, listen, authority, dnsd.Options{Trace: trace.NewLog(eventsKept, host.Clock().Now), Node: "dns"})
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	select {
	case err := <-done:
		return cli.Listening("the name server", err)
	case <-server.Ready():
	}
	err = cli.WriteReady(readyFile, namesReady{DNS: server.Addr().String()})
	if err == nil {
		tellDoors(c, "The name server", server.Addrs())
		tellZones(c, folder)
		watchFolder(ctx, c, dir, stamp, folder, reload)
	}
	stop()
	return errors.Join(err, <-done)
}

// watchFolder reads the folder again when told to, and when its files change.
func watchFolder(ctx context.Context, c *cobra.Command, dir string, stamp uint64, f *dns.Folder, reload <-chan os.Signal) {
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-reload:
			stamp = folderStamp(dir)
		case <-tick.C:
			now := folderStamp(dir)
			if now == stamp {
				continue
			}
			stamp = now
		}
		if err := f.Reload(); err != nil {
			fmt.Fprintf(c.ErrOrStderr(), "glassmail: what has a fault is served as it was before: %v\n", err)
		}
		fmt.Fprintln(c.OutOrStdout(), "Read again:")
		tellZones(c, f)
	}
}

func tellZones(c *cobra.Command, f *dns.Folder) {
	for _, z := range f.Zones() {
		fmt.Fprintf(c.OutOrStdout(), "  %-28s serial %-11d %s\n", z.Origin(), z.Serial(), filepath.Base(z.File))
	}
}

// folderStamp is a number that changes when a file of the folder does.
func folderStamp(dir string) uint64 {
	h := fnv.New64a()
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // a file that comes or goes meanwhile is seen the next time
		}
		if i, err := os.Stat(path); err == nil {
			fmt.Fprintln(h, path, i.Size(), i.ModTime().UnixNano())
		}
		return nil
	})
	return h.Sum64()
}
