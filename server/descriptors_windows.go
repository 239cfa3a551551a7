package server

// fileLimit is 0: Windows has no limit of handles that matters.
func fileLimit() int { return 0 }
