package bolt

import (
	"testing"

	"glassmail/store"
	"glassmail/store/storetest"
)

func TestStore(t *testing.T) {
	for _, ack := range []struct {
		name string
		ack  Ack
	}{{"journal", Journal}, {"index", Index}} {
		t.Run(ack.name, func(t *testing.T) {
			storetest.RunDurable(t, func(t *testing.T, dir string) store.Store {
				s, err := Open(dir, Options{Ack: ack.ack, SegmentSize: 1 << 20})
				if err != nil {
					t.Fatal(err)
				}
				return s
			})
		})
	}
}
