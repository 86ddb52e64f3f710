package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// A language of help, progress and reports. Errors are English in both, so
// that a message found in a log can be searched for.
type language string

const (
	english language = "en"
	chinese language = "zh"
)

// t picks the text of the chosen language; both stand side by side where they
// are used, so that one is not changed without the other.
func (a *app) t(en, zh string) string {
	if a.lang == chinese {
		return zh
	}
	return en
}

// chooseLanguage reads --lang before the commands are built, whose help is
// text of that language; without it LC_ALL, LC_MESSAGES and LANG decide, in
// POSIX order. Other values of --lang are English here and refused later.
func chooseLanguage(args []string, getenv func(string) string) language {
	for i := len(args) - 1; i >= 0; i-- { // the last one counts, as for every flag
		if value, ok := strings.CutPrefix(args[i], "--lang="); ok {
			return language(value).known()
		}
		if i > 0 && args[i-1] == "--lang" {
			return language(args[i]).known()
		}
	}
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if value := getenv(name); value != "" {
			return language(value[:min(2, len(value))]).known()
		}
	}
	return english
}

// checkLanguage refuses what chooseLanguage took for English.
func (a *app) checkLanguage(c *cobra.Command, _ []string) error {
	f := c.Flags().Lookup("lang")
	if f != nil && f.Changed && f.Value.String() != string(a.lang) {
		return usagef("--lang %q is neither en nor zh", f.Value)
	}
	return nil
}

func (l language) known() language {
	if l == chinese {
		return chinese
	}
	return english
}

// usageTemplate is cobra's, with examples before flags and headings in the language.
func (a *app) usageTemplate() string {
	return strings.NewReplacer(
		"%USAGE%", a.t("Usage:", "用法："),
		"%EXAMPLES%", a.t("Examples:", "示例："),
		"%COMMANDS%", a.t("Commands:", "命令："),
		"%FLAGS%", a.t("Flags:", "选项："),
		"%GLOBAL%", a.t("Global flags:", "全局选项："),
		"%MORE%", a.t(`Use "{{.CommandPath}} [command] --help" for more about a command.`,
			`用 "{{.CommandPath}} [command] --help" 查看某个命令的说明。`),
	).Replace(`%USAGE%{{if .Runnable}}
  {{.UseLine}}{{end}}{{if .HasAvailableSubCommands}}
  {{.CommandPath}} [command]{{end}}{{if .HasExample}}

%EXAMPLES%
{{.Example}}{{end}}{{if .HasAvailableSubCommands}}

%COMMANDS%{{range .Commands}}{{if (or .IsAvailableCommand (eq .Name "help"))}}
  {{rpad .Name .NamePadding }} {{.Short}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}

%FLAGS%
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableInheritedFlags}}

%GLOBAL%
{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableSubCommands}}

%MORE%{{end}}
`)
}
