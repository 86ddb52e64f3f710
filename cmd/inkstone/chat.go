package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/spf13/cobra"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/generate"
)

func (a *app) chat() *cobra.Command {
	var o inkstone.ChatOptions
	var dir string
	var threads int
	var asJSON bool
	var e engineFlags
	var bias []string
	c := &cobra.Command{
		Use:   "chat [--model DIR]",
		Short: a.t("converse with a model in the terminal", "在终端与模型对话"),
		Long: a.t(`A conversation in the form of the model's chat template. One line is one message; a line of """
begins and ends a message of several lines. /reset begins anew, /bye ends. Ctrl-C stops an answer, and leaves at the prompt.
When the context window is full the message is refused, or with --drop-oldest whole turns are
dropped and their number is said.`,
			`按模型的对话模板对话。一行是一条消息；单独一行的 """ 开始并结束一条多行消息。
/reset 重新开始，/bye 结束。Ctrl-C 停止当前回答，在提示符处则退出。
上下文窗口写满时拒绝该消息；加 --drop-oldest 则丢弃最早的整轮对话并说明数量。`),
		Example: `  inkstone chat --model tuned
  inkstone chat --model tuned --system "Answer briefly." --temperature 0.7 --drop-oldest
  inkstone chat --model base --adapter lora
  echo "Where is Tom?" | inkstone chat --model tuned`,
		Args: cobra.NoArgs,
	}
	f := c.Flags()
	f.StringVar(&dir, "model", "", a.t("`DIR` of the model (default: the one that this program carries)", "模型文件夹 `DIR`（默认：本程序自带的模型）"))
	f.StringVar(&o.System, "system", "", a.t("system message `TEXT` to begin with", "开头的系统消息 `TEXT`"))
	f.IntVar(&o.MaxTokens, "max-tokens", 0, a.t("at most `N` tokens an answer, 0: as many as the window holds", "回答最多 `N` 个词元，0 表示以窗口为限"))
	f.StringArrayVar(&o.Stop, "stop", nil, a.t("`TEXT` that ends an answer, may be repeated", "遇到即结束回答的文本 `TEXT`，可多次给出"))
	f.BoolVar(&o.DropOldest, "drop-oldest", false, a.t("when the window is full drop whole turns instead of refusing", "窗口写满时丢弃最早的整轮对话，而不是拒绝"))
	f.IntVar(&threads, "threads", 0, a.t("`N` threads, 0: one for each core", "线程数 `N`，0 表示每核一个"))
	f.BoolVar(&asJSON, "json", false, a.t("print one object an answer instead of streaming", "每个回答打印一个对象，不流式输出"))
	a.addSamplingFlags(f, &o.Sampling, &bias)
	a.addEngineFlags(f, &e)
	c.RunE = func(c *cobra.Command, _ []string) error {
		if o.MaxTokens < 0 || threads < 0 {
			return usagef("chat: --max-tokens and --threads must not be negative")
		}
		if err := checkSampling(&o.Sampling, bias); err != nil {
			return err
		}
		load, err := e.options(c, threads, &o.Drafts)
		if err != nil {
			return err
		}
		if dir, err = a.ownModel(c, dir); err != nil {
			return err
		}
		m, err := inkstone.Load(dir, load)
		if err != nil {
			return err
		}
		defer m.Close()
		talk, err := m.Chat(o)
		if err != nil {
			return err
		}
		return a.converse(c.Context(), talk, a.openMessages(), asJSON)
	}
	return c
}

// converse reads messages and prints answers until the input or ctx ends. On a
// terminal Ctrl-C stops an answer, and at the prompt it leaves. Where nobody reads
// along, messages that the window did not hold are an error at the end.
func (a *app) converse(ctx context.Context, talk *generate.Chat, in *messages, asJSON bool) error {
	defer in.close()
	begin, refused := len(talk.Messages), 0 // the system message stays
	for {
		message, err := in.next(ctx)
		switch {
		case errors.Is(err, io.EOF), err == nil && message == "/bye":
			if refused > 0 && in.terminal == nil {
				return fmt.Errorf("chat: messages without an answer: %d", refused)
			}
			return nil
		case err != nil:
			return fmt.Errorf("chat: %w", err)
		case message == "/reset":
			talk.Messages = talk.Messages[:begin]
			fmt.Fprintln(a.errs, a.t("a new conversation", "新的对话"))
			continue
		case strings.TrimSpace(message) == "":
			continue
		}
		answering, stop := ctx, context.CancelFunc(func() {})
		if in.terminal != nil {
			answering, stop = signal.NotifyContext(ctx, os.Interrupt)
		}
		err = a.answer(answering, talk, message, asJSON)
		stop()
		switch {
		case errors.Is(err, generate.ErrTooLong):
			refused++
			fmt.Fprintln(a.errs, err)
			fmt.Fprintln(a.errs, a.full(talk, begin))
		case errors.Is(err, context.Canceled) && ctx.Err() == nil:
			fmt.Fprintln(a.errs, a.t("(stopped)", "（已停止）"))
		case err != nil:
			return err
		}
	}
}

// full says what can be done about a message that the window does not hold.
func (a *app) full(talk *generate.Chat, begin int) string {
	switch {
	case talk.DropOldest || len(talk.Messages) == begin:
		return a.t("the context window does not hold this message even alone: a shorter one, or a smaller --max-tokens, may fit",
			"上下文窗口连这一条消息也放不下：请缩短消息，或减小 --max-tokens")
	default:
		return a.t("the context window is full: /reset begins anew; with --drop-oldest the oldest turns would be dropped",
			"上下文窗口已满：/reset 重新开始；用 --drop-oldest 启动则丢弃最早的轮次")
	}
}

// answer prints the model's answer to one message.
func (a *app) answer(ctx context.Context, talk *generate.Chat, message string, asJSON bool) error {
	reply, err := talk.Say(ctx, message)
	if err != nil {
		return err
	}
	if reply.Dropped > 0 {
		fmt.Fprintf(a.errs, a.t("(the context window was full: turns dropped, the oldest first: %d)\n", "（上下文窗口已满：丢弃了最早的 %d 轮）\n"), reply.Dropped)
	}
	var text strings.Builder
	var finish generate.Finish
	var used *generate.Usage
	watch := newStopwatch()
	for t, err := range watch.around(reply.Tokens) {
		if err != nil {
			if !asJSON {
				fmt.Fprintln(a.out)
			}
			return err
		}
		text.WriteString(t.Text)
		finish, used = t.Finish, t.Usage
		if asJSON {
			continue
		}
		if _, err := io.WriteString(a.out, t.Text); err != nil {
			return err
		}
	}
	if asJSON {
		return a.printJSON(answered{"assistant", text.String(), finish, reply.Dropped, watch.took(used)})
	}
	fmt.Fprintln(a.out)
	if finish == generate.ContextFull {
		fmt.Fprintln(a.errs, a.t("(the answer ended because the context window is full)", "（上下文窗口已满，回答就此结束）"))
	}
	return nil
}

// answered is what chat --json prints.
type answered struct {
	Role    string          `json:"role"`
	Content string          `json:"content"`
	Finish  generate.Finish `json:"finish_reason"`
	Dropped int             `json:"dropped_turns"`
	took
}
