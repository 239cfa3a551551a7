//go:build race

package mailview

// unpooled is how many times as much is allocated under the race detector, which makes
// sync.Pool lose things: those of regular expressions are large.
const unpooled = 20
