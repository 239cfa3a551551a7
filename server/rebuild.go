package server

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"

	"glassmail/config"
	"glassmail/mailbox"
	"glassmail/store/bolt"
)

// RebuildStore mends a store that does not open; see bolt.Rebuild. No node may run
// on it.
func RebuildStore(c *config.Config, r bolt.RebuildOptions) (bolt.Rebuilt, error) {
	done, err := bolt.Rebuild(c.Data, bolt.Options{Now: time.Now}, r)
	if errors.Is(err, bolt.ErrInUse) {
		return done, fmt.Errorf("%w: stop that node first", err)
	}
	return done, err
}

// explainOpen adds to an error of opening a store what can be done about it.
func explainOpen(dir string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, bolt.ErrInUse):
		return fmt.Errorf("%w (is another glassmail running on it? choose another folder with --data)", err)
	case errors.Is(err, bolt.ErrFormat):
		return fmt.Errorf("%w: start the newer version of glassmail on it; nothing was changed", err)
	case errors.Is(err, bolt.ErrDamaged):
		return fmt.Errorf("%w\nNothing was changed. Make a copy of the folder; then 'glassmail mailbox rebuild --data %s'"+
			" keeps all that can be read and tells what is lost (--from DIR starts from the index of a backup,"+
			" --fresh from none),"+
			" and 'glassmail mailbox verify --data %s' checks the outcome", err, dir, dir)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: the user that runs glassmail must be able to read and write everything in the folder", err)
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w: a node must be able to write there; choose another folder with --data", err)
	case errors.Is(err, mailbox.ErrFull):
		return fmt.Errorf("%w: what was accepted is safe; make room and start again", err)
	}
	return err
}
