package cli

import (
	"testing"

	"github.com/spf13/cobra"
)

func TestLanguage(t *testing.T) {
	for _, tt := range []struct{ flag, chosen, all, messages, lang, want string }{
		{"", "", "", "", "", "en"},
		{"", "", "", "", "th_TH.UTF-8", "th"},
		{"", "", "", "", "th", "th"},
		{"", "", "", "", "th@x", "th"},
		{"", "", "", "", "C.UTF-8", "en"},
		{"", "", "", "", "thx_XX", "en"},
		{"", "", "", "en_GB.UTF-8", "th_TH.UTF-8", "en"},
		{"", "", "th_TH@calendar=gregorian", "en_GB", "", "th"},
		{"", "en", "th_TH.UTF-8", "", "", "en"},
		{"th", "en", "en_GB.UTF-8", "", "", "th"},
	} {
		for name, value := range map[string]string{"GLASSMAIL_LANG": tt.chosen, "LC_ALL": tt.all, "LC_MESSAGES": tt.messages, "LANG": tt.lang} {
			t.Setenv(name, value)
		}
		cmd := &cobra.Command{}
		LanguageFlag(cmd)
		if err := cmd.PersistentFlags().Set("lang", tt.flag); err != nil {
			t.Fatal(err)
		}
		if got, err := Language(cmd); got != tt.want || err != nil {
			t.Errorf("%+v: %q, %v", tt, got, err)
		}
	}
	t.Setenv("GLASSMAIL_LANG", "de")
	if _, err := Language(&cobra.Command{}); err == nil {
		t.Error("German is known")
	}
}
