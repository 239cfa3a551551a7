package memory_test

import (
	"testing"

	"glassmail/store"
	"glassmail/store/memory"
	"glassmail/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store { return memory.New(nil) })
}
