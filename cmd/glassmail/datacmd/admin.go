// Package datacmd holds the commands that work on the data of a node, whether it runs or
// not: users, aliases, mailboxes, the store, the queue, the configuration.
package datacmd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"glassmail/cmd/glassmail/cli"
	"glassmail/server"
)

// Commands are all of them.
func Commands() []*cobra.Command {
	return []*cobra.Command{userCommand(), aliasCommand(), mailboxCommand(), storeCommand(), queueCommand(), configCommand()}
}

// data are the flags of all commands here.
type data struct{ cli.Data }

// with runs work on the running node, or on its files when it is stopped. Only a
// command that creates may make the folder.
func (d *data) with(creates bool, work func(server.Admin) error) error {
	conf, err := d.Config()
	if err != nil {
		return err
	}
	a, err := server.DialControl(conf.Data)
	if err == nil {
		return work(a)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := os.Stat(conf.Data); err != nil && !creates {
		return fmt.Errorf("there is no node's data in %s; name its folder with --data: %w", conf.Data, err)
	}
	s, err := server.OpenStore(&conf, time.Now)
	if err != nil {
		return err
	}
	return errors.Join(work(server.NewAdmin(s, time.Now)), s.Close())
}
