package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
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
	c := &cobra.Command{
		Use:   "chat --model DIR",
		Short: a.t("converse with a model in the terminal", "在终端与模型对话"),
		Long: a.t(`A conversation in the form of the model's chat template. One line is one message; a line of """
begins and ends a message of several lines. /reset begins anew, /bye ends.
When the context window is full the message is refused, or with --drop-oldest whole turns are
dropped and their number is said.`,
			`按模型的对话模板对话。一行是一条消息；单独一行的 """ 开始并结束一条多行消息。
/reset 重新开始，/bye 结束。
上下文窗口写满时拒绝该消息；加 --drop-oldest 则丢弃最早的整轮对话并说明数量。`),
		Example: `  inkstone chat --model tuned
  inkstone chat --model tuned --system "Answer briefly." --temperature 0.7 --drop-oldest
  echo "Where is Tom?" | inkstone chat --model tuned`,
		Args: cobra.NoArgs,
	}
	f := c.Flags()
	f.StringVar(&dir, "model", "", a.t("folder of the model (required)", "模型文件夹（必填）"))
	f.StringVar(&o.System, "system", "", a.t("a system message to begin with", "开头的系统消息"))
	f.IntVar(&o.MaxTokens, "max-tokens", 0, a.t("most tokens of an answer, 0: as many as the window holds", "回答的最多词元数，0 表示以窗口为限"))
	f.StringArrayVar(&o.Stop, "stop", nil, a.t("text that ends an answer, may be repeated", "遇到即结束回答的文本，可多次给出"))
	f.BoolVar(&o.DropOldest, "drop-oldest", false, a.t("when the window is full drop whole turns instead of refusing", "窗口写满时丢弃最早的整轮对话，而不是拒绝"))
	f.IntVar(&threads, "threads", 0, a.t("threads, 0: one for each core", "线程数，0 表示每核一个"))
	f.BoolVar(&asJSON, "json", false, a.t("print one object an answer instead of streaming", "每个回答打印一个对象，不流式输出"))
	a.addSamplingFlags(f, &o.Sampling)
	c.RunE = func(c *cobra.Command, _ []string) error {
		if dir == "" {
			return usagef("chat: --model DIR is missing")
		}
		m, err := inkstone.Load(dir, &inkstone.LoadOptions{Threads: threads})
		if err != nil {
			return err
		}
		defer m.Close()
		talk, err := m.Chat(o)
		if err != nil {
			return err
		}
		return a.converse(c.Context(), talk, asJSON)
	}
	return c
}

// converse reads messages and prints answers until the input or ctx ends.
func (a *app) converse(ctx context.Context, talk *generate.Chat, asJSON bool) error {
	begin := len(talk.Messages) // the system message stays
	messages := make(chan string)
	failed := make(chan error, 1)
	go func() { // a read from a terminal can not be interrupted otherwise
		failed <- readMessages(a.in, messages)
		close(messages)
	}()
	for {
		a.prompt()
		var message string
		var ok bool
		select {
		case <-ctx.Done():
			return ctx.Err()
		case message, ok = <-messages:
		}
		switch {
		case !ok:
			return <-failed
		case message == "/bye":
			return nil
		case message == "/reset":
			talk.Messages = talk.Messages[:begin]
			fmt.Fprintln(a.errs, a.t("a new conversation", "新的对话"))
			continue
		case strings.TrimSpace(message) == "":
			continue
		}
		if err := a.answer(ctx, talk, message, asJSON); errors.Is(err, generate.ErrTooLong) {
			fmt.Fprintln(a.errs, err)
			fmt.Fprintln(a.errs, a.t("the context window is full: /reset begins anew; with --drop-oldest the oldest turns would be dropped",
				"上下文窗口已满：/reset 重新开始；用 --drop-oldest 启动则丢弃最早的轮次"))
		} else if err != nil {
			return err
		}
	}
}

func (a *app) prompt() {
	if isTerminal(a.out) {
		fmt.Fprint(a.errs, "> ")
	}
}

// answer prints the model's answer to one message.
func (a *app) answer(ctx context.Context, talk *generate.Chat, message string, asJSON bool) error {
	reply, err := talk.Say(ctx, message)
	if err != nil {
		return err
	}
	if reply.Dropped > 0 {
		fmt.Fprintf(a.errs, a.t("(the context window was full: the oldest %d turns were dropped)\n", "（上下文窗口已满：丢弃了最早的 %d 轮）\n"), reply.Dropped)
	}
	var text strings.Builder
	var finish generate.Finish
	for t, err := range reply.Tokens {
		if err != nil {
			return err
		}
		text.WriteString(t.Text)
		finish = t.Finish
		if !asJSON {
			io.WriteString(a.out, t.Text)
		}
	}
	if asJSON {
		return a.printJSON(map[string]any{"role": "assistant", "content": text.String(), "finish_reason": finish, "dropped_turns": reply.Dropped})
	}
	fmt.Fprintln(a.out)
	if finish == generate.ContextFull {
		fmt.Fprintln(a.errs, a.t("(the answer ended because the context window is full)", "（上下文窗口已满，回答就此结束）"))
	}
	return nil
}

// readMessages sends each message of the input: a line, or lines between """.
func readMessages(in io.Reader, messages chan<- string) error {
	const fence = `"""`
	s := bufio.NewScanner(in)
	s.Buffer(nil, 1<<24)
	var block []string
	inside := false
	for s.Scan() {
		line := s.Text()
		switch {
		case line == fence && inside:
			messages <- strings.Join(block, "\n")
			block, inside = nil, false
		case line == fence:
			inside = true
		case inside:
			block = append(block, line)
		default:
			messages <- line
		}
	}
	if inside {
		return fmt.Errorf("chat: the input ends inside a message that %s began", fence)
	}
	return s.Err()
}
