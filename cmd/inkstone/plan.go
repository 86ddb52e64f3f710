package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/train"
)

func (a *app) plan() *cobra.Command {
	var o trainFlags
	var out, preset string
	var resume bool
	var seconds, minutes float64
	c := &cobra.Command{
		Use:   "plan --data PATH... [train's flags]",
		Short: a.t("what a training needs: memory, time, energy", "训练需要什么：内存、时间、能量"),
		Long: a.t(`Takes train's arguments and prints parameters, operations per token, bytes of weights, gradients,
optimizer state and activations, and, from a few real steps, tokens per second, time and energy.
The expected held-out loss and the interval of eight runs in ten come from a study of small runs of this program,
docs/expected-loss.md; a run unlike all of those is said to be one.
--minutes proposes a depth for a budget of time. --preset prints a published model's plan.
--model-type plans encoder–decoders and masked language models too, whose loss is not foretold. The memory of sentences
of all lengths is the most that the run's first 256 batches come to.`,
			`接受 train 的参数，打印参数量、每词元运算量，权重、梯度、优化器状态和激活的字节数，
并用几步真实训练测出每秒词元数、总时间和能量。预计的留出损失及其 八成区间来自本程序的小规模
训练研究（docs/expected-loss.md）；超出研究范围的训练会注明。--minutes 为给定时间推荐层数。
--preset 打印已发表模型的计划。--model-type 也可计划编码器–解码器和掩码语言模型，但不预计其损失；
长短不一的句子，其内存为前 256 批所达到的最大值。`),
		Example: `  inkstone plan --data book.txt --depth 6
  inkstone plan --data book.txt --minutes 10
  inkstone plan --model-type bert --data book.txt --adversarial fgm --epsilon 0.1
  inkstone plan --preset gpt2-xl --json`,
	}
	a.addTrainFlags(c.Flags(), &o)
	a.addAdversary(c.Flags(), &o.adversarial)
	c.Flags().StringVar(&out, "out", "", a.t("train's `DIR`; nothing is written", "与 train 相同的 `DIR`；不写入任何内容"))
	c.Flags().BoolVar(&resume, "resume", false, a.t("as of train; a plan is of the whole run", "与 train 相同；计划总是针对全程"))
	c.Flags().StringVar(&preset, "preset", "", a.t("a published model: ", "已发表的模型：")+strings.Join(inkstone.Presets(), ", "))
	c.Flags().Float64Var(&seconds, "seconds", 5, a.t("measure the speed for `N` seconds, 0: not at all", "测速 `N` 秒，0 表示不测"))
	c.Flags().Float64Var(&minutes, "minutes", 0, a.t("propose the depth for a training of `N` minutes", "为 `N` 分钟的训练推荐层数"))
	c.RunE = func(c *cobra.Command, args []string) error {
		if c.Flags().Changed("minutes") {
			return a.planMinutes(c, &o, args, minutes, seconds)
		}
		p, err := a.makePlan(c, &o, args, preset, seconds)
		if err != nil {
			return err
		}
		free, known := train.Available()
		if o.asJSON {
			return a.printJSON(planned{p, available(free, known)})
		}
		unforeseen := a.t("unknown: the study has no such models", "未知：研究中没有此类模型")
		if preset != "" {
			unforeseen = a.t("unknown: no text was read", "未知：没有读取文本")
		}
		if err := a.printPlan(p, available(free, known), unforeseen); err != nil {
			return err
		}
		if p.Expected != nil {
			a.sayOutside(p.Expected.Outside)
		}
		if err := p.Fit(free); known && err != nil {
			a.notice(err.Error())
		}
		return nil
	}
	return c
}

// planned is what plan --json prints.
type planned struct {
	train.Plan
	Available *int64 `json:"available_bytes"` // null where it cannot be read
}

func available(free int64, known bool) *int64 {
	if !known {
		return nil
	}
	return &free
}

func (a *app) makePlan(c *cobra.Command, o *trainFlags, args []string, preset string, seconds float64) (train.Plan, error) {
	if seconds < 0 {
		return train.Plan{}, usagef("plan: --seconds %g is negative", seconds)
	}
	if preset != "" {
		p, err := inkstone.PlanPreset(preset)
		if err != nil {
			return p, usageError{err}
		}
		if o.checkpoint {
			p = p.Checkpointed()
		}
		return p, nil
	}
	if f := a.family(o.kind); f != nil {
		if f.plan == nil {
			return train.Plan{}, usagef("plan: there is none of %s yet", o.kind)
		}
		return f.plan(c, trainRequest{trainFlags: o, data: append(o.data, args...)}, seconds)
	}
	t, err := o.options(a, c, args)
	if err != nil {
		return train.Plan{}, err
	}
	t.Planned = a.announce
	return inkstone.Plan(c.Context(), t, time.Duration(seconds*float64(time.Second)))
}

// printPlan is [train.Plan.Write] in the chosen language; unforeseen stands where no loss is
// foretold.
func (a *app) printPlan(p train.Plan, free *int64, unforeseen string) error {
	unknown := a.t("not measured", "未测量")
	speed, duration, energy, memory := unknown, unknown, unknown, unknown
	if p.TokensPerSecond != nil {
		speed, duration = rate(*p.TokensPerSecond), round(time.Duration(*p.Seconds*float64(time.Second))).String()
	}
	if p.Joules != nil {
		energy = fmt.Sprintf(a.t("%.3g J per token, %.3g kWh in all", "每词元 %.3g 焦耳，共 %.3g 千瓦时"), *p.JoulesPerToken, *p.Joules/3.6e6)
	}
	if free != nil {
		memory = train.Bytes(*free)
	}
	activations := train.Bytes(p.Activations)
	if p.Checkpoint {
		activations += a.t(", blocks checkpointed", "，各层重新计算")
	}
	expected, bits := unforeseen, "–"
	if e := p.Expected; e != nil {
		expected = between(e.Loss, e.Low, e.High)
		bits = between(e.BitsPerByte[0], e.BitsPerByte[1], e.BitsPerByte[2])
	}
	rows := []row{
		{"parameters", "参数", thousands(p.Parameters)},
		{"FLOPs per token", "每词元浮点运算", fmt.Sprintf("%.4g", p.FLOPsPerToken)},
		{"weights", "权重", train.Bytes(p.Weights)},
		{"gradients", "梯度", train.Bytes(p.Gradients)},
		{"optimizer state", "优化器状态", train.Bytes(p.Optimizer)},
		{"activations", "激活", activations},
		{"process", "进程", train.Bytes(p.Process)},
		{"sum", "合计", train.Bytes(p.Total)},
		{"free memory", "可用内存", memory},
		{"tokens", "词元", thousands(p.Tokens)},
		{"tokens per update", "每次更新词元", thousands(p.TokensPerUpdate)},
		{"tokens per second", "每秒词元", speed},
		{"time", "时间", duration},
		{"energy", "能量", energy},
		{"held-out loss, expected", "预计留出损失", expected},
		{"bits per byte, expected", "预计每字节比特数", bits},
	}
	if p.Noise > 0 {
		rows = slices.Insert(rows, 6, row{"adversarial noise", "对抗噪声", train.Bytes(p.Noise)})
	}
	return a.table(rows)
}
