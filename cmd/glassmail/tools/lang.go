package tools

import (
	"cmp"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"glassmail/explain"
)

// LanguageFlag adds --lang to a command and all below it.
func LanguageFlag(cmd *cobra.Command) {
	cmd.PersistentFlags().String("lang", "", "language of explanations and displays: en or th (default: GLASSMAIL_LANG, else that of the locale, else en)")
}

// Language is the language of what a command explains: what --lang says, or
// GLASSMAIL_LANG, or else that of the locale if texts exist in it, or else English.
func Language(cmd *cobra.Command) (string, error) {
	given := ""
	if f := cmd.Flag("lang"); f != nil {
		given = f.Value.String()
	}
	return language(given, os.Getenv)
}

func language(flag string, env func(string) string) (string, error) {
	source, lang := "--lang", flag
	if lang == "" {
		source, lang = "GLASSMAIL_LANG", env("GLASSMAIL_LANG")
	}
	if lang != "" {
		if !slices.Contains(explain.Languages(), lang) {
			return "", usage("%s %s: it may be %s", source, lang, strings.Join(explain.Languages(), " or "))
		}
		return lang, nil
	}
	locale := cmp.Or(env("LC_ALL"), env("LC_MESSAGES"), env("LANG")) // in the order of POSIX
	primary, _, _ := strings.Cut(locale, "_")
	primary, _, _ = strings.Cut(primary, ".")
	if slices.Contains(explain.Languages(), primary) {
		return primary, nil
	}
	return "en", nil
}
