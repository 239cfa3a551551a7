package tools

import (
	"cmp"
	"os"
	"slices"
	"strings"

	"glassmail/explain"
)

// Language is the language of explanations: what --lang says, or else that of the
// locale if texts exist in it, or else English.
func Language(flag string) (string, error) {
	if flag != "" {
		if !slices.Contains(explain.Languages(), flag) {
			return "", usage("--lang %s: it may be %s", flag, strings.Join(explain.Languages(), " or "))
		}
		return flag, nil
	}
	locale := cmp.Or(os.Getenv("LC_ALL"), os.Getenv("LC_MESSAGES"), os.Getenv("LANG")) // in the order of POSIX
	if len(locale) >= 2 && slices.Contains(explain.Languages(), locale[:2]) {
		return locale[:2], nil
	}
	return "en", nil
}
