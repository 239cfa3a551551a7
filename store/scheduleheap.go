package store

func (h hints) Len() int      { return len(h) }
func (h hints) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *hints) Push(x any)   { *h = append(*h, x.(hint)) }
func (h hints) Less(i, j int) bool {
	return h[i].due < h[j].due || h[i].due == h[j].due && h[i].message < h[j].message
}
func (h *hints) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}

func (d destinations) Len() int { return len(d) }
func (d destinations) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].place, d[j].place = i, j
}
func (d destinations) Less(i, j int) bool { return d[i].hints[0].due < d[j].hints[0].due }
func (d *destinations) Push(x any) {
	x.(*destination).place = len(*d)
	*d = append(*d, x.(*destination))
}
func (d *destinations) Pop() any {
	old := *d
	x := old[len(old)-1]
	old[len(old)-1] = nil
	*d = old[:len(old)-1]
	return x
}

func (l leaseEnds) Len() int           { return len(l) }
func (l leaseEnds) Swap(i, j int)      { l[i], l[j] = l[j], l[i] }
func (l leaseEnds) Less(i, j int) bool { return l[i].until.Before(l[j].until) }
func (l *leaseEnds) Push(x any)        { *l = append(*l, x.(*lease)) }
func (l *leaseEnds) Pop() any {
	old := *l
	x := old[len(old)-1]
	old[len(old)-1] = nil
	*l = old[:len(old)-1]
	return x
}

// frontier is the open edge of a walk over a heap, itself a heap.
type frontier struct {
	of   destinations
	open []int
}

func (f frontier) Len() int           { return len(f.open) }
func (f frontier) Swap(i, j int)      { f.open[i], f.open[j] = f.open[j], f.open[i] }
func (f frontier) Less(i, j int) bool { return f.of.Less(f.open[i], f.open[j]) }
func (f *frontier) Push(x any)        { f.open = append(f.open, x.(int)) }
func (f *frontier) Pop() any {
	x := f.open[len(f.open)-1]
	f.open = f.open[:len(f.open)-1]
	return x
}
