package bolt

import "sync/atomic"

type counters struct {
	flushes, commits, faults atomic.Int64
}
