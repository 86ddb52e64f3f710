// Command inkstone is the whole life of a generative model in one binary: raw
// text → tokenizer → pretraining → fine-tuning → evaluation → generation.
//
// Each verb is one file: it parses, calls the façade or a pipeline of package
// runs, and prints. Data goes to standard output; progress, reports and
// messages go to standard error. Exit codes: 0 success, 1 failure, 2 wrong
// usage, 130 interrupted.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/inkstone-ai/inkstone/format"
)

func main() {
	code := run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	format.Abandon() // what a verb that was not waited for still writes
	os.Exit(code)
}

// run executes one command line and returns its exit code.
func run(args []string, in io.Reader, out, errs io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the second Ctrl-C has the system's effect: it ends the process at once

	if f, ok := errs.(*os.File); ok && isTerminal(f) {
		errs = &screen{File: f}
	}
	printed := &output{Writer: out}
	a := &app{in: in, out: printed, errs: errs, lang: chooseLanguage(args, os.Getenv)}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(printed)
	root.SetErr(errs)
	err := root.ExecuteContext(ctx)
	if err == nil {
		err = printed.err
	}
	return a.exitCode(err)
}

// An app is what the verbs share: the three streams and the language.
type app struct {
	in        io.Reader
	out, errs io.Writer
	lang      language
}

// A usageError is a command line that cannot be understood: exit code 2.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

func (a *app) exitCode(err error) int {
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, context.Canceled):
		if isTerminal(a.errs) {
			fmt.Fprint(a.errs, "\r\x1b[K") // over a progress that was left
		}
		fmt.Fprintln(a.errs, "inkstone: interrupted")
		return 130
	case errors.As(err, &usage):
		fmt.Fprintf(a.errs, "inkstone: %v\n", err)
		return 2
	}
	fmt.Fprintf(a.errs, "inkstone: %v\n", err)
	return 1
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use: "inkstone",
		Short: a.t("the whole life of a generative model: text in, a trained model out",
			"一个生成式模型的一生：输入文本，得到训练好的模型"),
		Example: `  inkstone quickstart
  inkstone tokenizer train --vocab 4096 --out tokenizer.json book.txt
  inkstone train --data book.txt --out model --depth 4
  inkstone generate --model model --prompt "Once" --max-tokens 50`,
		Version:           version(),
		SilenceErrors:     true,
		SilenceUsage:      true,
		RunE:              func(c *cobra.Command, _ []string) error { return c.Help() },
		PersistentPreRunE: a.checkEnvironment,
	}
	root.PersistentFlags().String("lang", string(a.lang), a.t("language of help, progress and reports: en or zh", "帮助、进度和报告的语言：en 或 zh"))
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usagef("%w; see '%s --help'", err, c.CommandPath())
	})
	root.SetUsageFunc(a.usage)
	root.SetHelpFunc(a.help)
	root.AddCommand(
		stoppable(a.quickstart()), a.tokenizer(), a.train(), a.tune(), stoppable(a.generate()), a.chat(), stoppable(a.eval()), a.vectors(), stoppable(a.embed()), stoppable(a.stylize()), stoppable(a.plan()), stoppable(a.bench()),
		stoppable(a.pull()), stoppable(a.list()), stoppable(a.show()), a.rm(), stoppable(a.complete()), a.embedded(), stoppable(a.verify()), stoppable(a.convert()), stoppable(a.quantize()),
	)
	root.SetHelpCommand(&cobra.Command{Use: "help [command]", Short: a.t("help about a command", "某个命令的帮助"), RunE: help})
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd("help") // any argument: without one the command is not made
	root.InitDefaultVersionFlag()
	root.Flags().Lookup("version").Usage = a.t("version of inkstone", "inkstone 的版本")
	a.finish(root)
	return root
}

// finish gives c and the commands below it what all have: help in the
// language, and wrong arguments as usage errors.
func (a *app) finish(c *cobra.Command) {
	c.InitDefaultHelpFlag()
	c.Flags().Lookup("help").Usage = a.t("this help", "显示此帮助")
	if c.Name() == "completion" {
		c.Short = a.t("the autocompletion script for a shell", "生成 shell 的自动补全脚本")
		c.Args = nil                                                          // cobra's refuses without naming what is spelled alike
		c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() } // cobra looks at the arguments of a command that runs alone
	}
	check := c.Args
	if check == nil && c.HasSubCommands() {
		check = knownCommand
	}
	if check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return usagef("%w; see '%s --help'", err, c.CommandPath())
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		a.finish(sub)
	}
}

// knownCommand refuses arguments of a command that has commands: none of them
// is one. It names those that are spelled alike.
func knownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := ""
	c.SuggestionsMinimumDistance = 2 // letters
	if alike := c.SuggestionsFor(args[0]); len(alike) > 0 {
		hint = fmt.Sprintf("; did you mean %s?", strings.Join(alike, " or "))
	}
	return fmt.Errorf("unknown command %q for %q%s", args[0], c.CommandPath(), hint)
}

func help(c *cobra.Command, args []string) error {
	target, rest, err := c.Root().Find(args)
	if err == nil && target.HasSubCommands() {
		err = target.ValidateArgs(rest)
	}
	if err != nil {
		return usageError{err}
	}
	return target.Help()
}

// version is the module's, or the commit's where the binary was built from a checkout.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}

// printJSON writes one object as one line, letters beyond ASCII as they are.
func (a *app) printJSON(v any) error {
	e := json.NewEncoder(a.out)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
