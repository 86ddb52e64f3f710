package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/inkstone-ai/inkstone/internal/kernel/cpu"
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

// checkEnvironment refuses what the environment or --lang asks for and this
// program or this machine has not.
func (a *app) checkEnvironment(c *cobra.Command, args []string) error {
	if err := cpu.Check(); err != nil {
		return usageError{err}
	}
	if cpu.Forced() {
		a.notice(fmt.Sprintf(a.t("the kernels are %s, forced by %s", "使用 %s 内核，由 %s 指定"), os.Getenv(cpu.Variable), cpu.Variable))
	}
	if err := a.checkLanguage(c, args); err != nil {
		return err
	}
	return a.resolveModel(c)
}

// resolveModel lets every flag that takes a model name one of the hub's cache: ORG/NAME becomes its
// folder before the verb sees it.
func (a *app) resolveModel(c *cobra.Command) error {
	for _, name := range []string{"model", "draft-model", "tokenizer"} {
		f := c.Flags().Lookup(name)
		if f == nil || !f.Changed || f.Value.Type() != "string" {
			continue
		}
		if name == "tokenizer" && exists(f.Value.String()) { // a folder may have one beside GGUF files
			continue
		}
		path, err := a.resolve(f.Value.String())
		if err != nil {
			return err
		}
		if err := f.Value.Set(path); err != nil {
			return err
		}
	}
	return nil
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

// usage prints a command's usage, examples before flags, in the language. It is
// plain code: cobra's templates would link text/template, half a megabyte.
func (a *app) usage(c *cobra.Command) error {
	w := c.OutOrStderr()
	section := func(heading, text string) {
		fmt.Fprintf(w, "\n%s\n%s\n", heading, strings.TrimRight(text, " \n"))
	}
	fmt.Fprintln(w, a.t("Usage:", "用法："))
	if c.Runnable() {
		fmt.Fprintln(w, "  "+c.UseLine())
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintln(w, "  "+c.CommandPath()+" [command]")
	}
	if c.HasExample() {
		section(a.t("Examples:", "示例："), c.Example)
	}
	if c.HasAvailableSubCommands() {
		section(a.t("Commands:", "命令："), commandList(c))
	}
	if c.HasAvailableLocalFlags() {
		section(a.t("Flags:", "选项："), c.LocalFlags().FlagUsages())
	}
	if c.HasAvailableInheritedFlags() {
		section(a.t("Global flags:", "全局选项："), c.InheritedFlags().FlagUsages())
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(w, a.t("\nUse \"%s [command] --help\" for more about a command.\n", "\n用 \"%s [command] --help\" 查看某个命令的说明。\n"), c.CommandPath())
	}
	return nil
}

func commandList(c *cobra.Command) string {
	var b strings.Builder
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() || sub.Name() == "help" {
			fmt.Fprintf(&b, "  %-*s %s\n", sub.NamePadding(), sub.Name(), sub.Short)
		}
	}
	return b.String()
}

// help prints what a command does, and its usage.
func (a *app) help(c *cobra.Command, _ []string) {
	text := c.Long
	if text == "" {
		text = c.Short
	}
	fmt.Fprintf(c.OutOrStdout(), "%s\n\n%s", strings.TrimSpace(text), c.UsageString())
}
