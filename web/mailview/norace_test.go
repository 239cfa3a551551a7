//go:build !race

package mailview

// unpooled is how many times as much is allocated as in use.
const unpooled = 1
