package server

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"glassmail/mailbox"
	"glassmail/store/bolt"
	"glassmail/web/api"
	"glassmail/wire"
)

// Health tells how each part of the node is. It may be called at any time, also
// after Close.
func (n *Node) Health() []api.Part {
	node := api.Part{Name: n.name}
	if !n.running.Load() {
		node.Trouble = "it does not serve: it is starting or stopping"
	}
	parts := []api.Part{node, storePart(n.health.store)}
	parts = append(parts, part("queue", n.health.queue()))
	for _, s := range n.health.listeners {
		for _, l := range s.listening() {
			parts = append(parts, part(s.key+" "+l.Addr.String(), l.Trouble))
		}
	}
	return parts
}

// health is what Health asks. It is complete when New returns, and stays.
type health struct {
	store     *bolt.Store
	queue     func() error
	listeners []listening
}

// listening is one service.
type listening struct {
	key       string
	listening func() []wire.Listening
}

func storePart(s *bolt.Store) api.Part {
	p := part("store", s.Ready())
	p.Dead = s.Alive() != nil
	return p
}

func part(name string, err error) api.Part {
	p := api.Part{Name: name}
	if err != nil {
		p.Trouble = plainWords(err)
	}
	return p
}

// plainWords says what is wrong without names of files, which are nothing for
// strangers: the log has them.
func plainWords(err error) string {
	var system syscall.Errno
	switch {
	case errors.Is(err, bolt.ErrStopped):
		return "it has stopped after a failed write; the log says which, and the next start finds out what is on the disk"
	case errors.Is(err, bolt.ErrClosed):
		return "it is closed"
	case errors.Is(err, mailbox.ErrFull):
		return "the disk is full: nothing is accepted until there is room"
	case errors.As(err, &system):
		return system.Error()
	}
	return "it has failed; the log says why"
}

// watchStore ends the node when its store has stopped: a new start finds out what
// is on the disk, and nothing can be done before.
func (n *Node) watchStore(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-n.health.store.Stopped():
		return fmt.Errorf("%w\nThe node ends, since nothing can be done before a new start; what was acknowledged is in the journal", n.health.store.Alive())
	}
}
