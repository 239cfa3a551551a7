package api

// Part is one part of a node, such as its store or one of its listeners, and how it
// is.
type Part struct {
	Name    string
	Trouble string // what is wrong, in words for everybody; "" is nothing
	Dead    bool   // it will not get better before the next start
}
