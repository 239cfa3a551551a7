package cli

import (
	"cmp"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"glassmail/catalogue"
	"glassmail/explain"
)

// LanguageFlag adds --lang to a command and all below it.
func LanguageFlag(cmd *cobra.Command) {
	cmd.PersistentFlags().String("lang", "", "`LANGUAGE` of explanations: en or th (default: GLASSMAIL_LANG, or the locale's, or en)")
}

// ChosenLanguage is what --lang says, or GLASSMAIL_LANG; "" if neither does.
func ChosenLanguage(cmd *cobra.Command) (string, error) {
	source, lang := "--lang", ""
	if f := cmd.Flag("lang"); f != nil {
		lang = f.Value.String()
	}
	if lang == "" {
		source, lang = "GLASSMAIL_LANG", os.Getenv("GLASSMAIL_LANG")
	}
	if lang != "" && !slices.Contains(explain.Languages(), lang) {
		return "", Wrong("%s %s: it may be %s", source, lang, strings.Join(explain.Languages(), " or "))
	}
	return lang, nil
}

// Language is the language of what a command explains: the chosen one, or that of
// the locale if texts exist in it, or English.
func Language(cmd *cobra.Command) (string, error) {
	lang, err := ChosenLanguage(cmd)
	if err != nil || lang != "" {
		return lang, err
	}
	return localeLanguage(os.Getenv), nil
}

// localeLanguage is the language of the locale (POSIX, Environment Variables §8.2).
func localeLanguage(env func(string) string) string {
	locale := cmp.Or(env("LC_ALL"), env("LC_MESSAGES"), env("LANG"))
	primary := strings.FieldsFunc(locale, func(r rune) bool { return strings.ContainsRune("_.@", r) })
	if len(primary) > 0 && slices.Contains(explain.Languages(), primary[0]) {
		return primary[0]
	}
	return "en"
}

// Phrase is a text of the catalogue in the language of a command; args alternates
// names and values.
type Phrase func(key string, args ...any) string

// Phrases are the texts of a command.
func Phrases(c *cobra.Command) (Phrase, error) {
	lang, err := Language(c)
	if err != nil {
		return nil, err
	}
	texts, err := catalogue.New()
	if err != nil {
		return nil, err
	}
	return func(key string, args ...any) string { return texts.Text(lang, key, args...) }, nil
}
