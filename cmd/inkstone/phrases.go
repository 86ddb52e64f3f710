package main

import (
	"regexp"
	"sync"
)

// phrase is a sentence of the packages below, which speak English, in the chosen
// language. What the table does not have stays English.
func (a *app) phrase(text string) string {
	if a.lang != chinese {
		return text
	}
	for _, p := range phrases() {
		if p.en.MatchString(text) {
			return p.en.ReplaceAllString(text, p.zh)
		}
	}
	return text
}

type phrase struct {
	en *regexp.Regexp
	zh string // $1 is the first group of en
}

// phrases are compiled when the first is asked for, not at the start.
var phrases = sync.OnceValue(func() (all []phrase) {
	for _, p := range [][2]string{
		// Package eval; tokenizer info.
		{`loss`, "损失"}, {`perplexity`, "困惑度"}, {`bits per byte`, "每字节比特数"}, {`bits per character`, "每字符比特数"},
		{`tokens`, "词元"}, {`bytes`, "字节"}, {`frame`, "首尾标记"}, {`padding`, "填充"}, {`truncation`, "截断"}, {`tokens per second`, "每秒词元"}, {`exact match`, "完全匹配率"}, {`all`, "全部"},
		{`windows of (\d+) tokens, a new one every (\d+) tokens \(the stride\); .*`, "窗口为 $1 个词元，每隔 $2 个词元（步幅）开始一个；除第一个外每个词元恰好预测一次"},
		{`read in (\d+) streams, the state carried along each; .*`, "分 $1 路读入，状态沿每一路传递；除第一个外每个词元恰好预测一次"},
		{`model`, "模型"}, {`parameters`, "参数"}, {`tokens/s`, "词元/秒"}, {`weights`, "权重"}, {`past`, "过去"}, {`training`, "训练"},
		{`loss at (\d+)–(\d+)`, "第 $1–$2 位的损失"},
		{`bits per byte are not given: (\d+) .*`, "不给出每字节比特数：有 $1 个待预测的词元代表未知词"},
		{`questions perturbed: chars, rate (\S+), seed (\d+)`, "问题的字符受扰动，比率 $1，种子 $2"},
		{`questions perturbed: words, rate (\S+), seed (\d+)`, "问题的词受扰动，比率 $1，种子 $2"},
		{`(\d+) answers did not end by themselves`, "$1 个回答没有自行结束"},
		{`not read \(hidden, a link to a folder, or no file\): (\d+), the first is (.*)`, "未读取（隐藏文件、指向文件夹的链接或非文件）：$1 个，第一个是 $2"},

		// Word vectors.
		{`words`, "词"}, {`unknown words`, "未知词"}, {`analogies answered`, "答对的类比"}, {`analogies`, "类比"},
		{`similarity, Spearman's correlation`, "相似度（Spearman 相关系数）"}, {`pairs compared`, "比较的词对"},
		{`(\d+) analogies have a word without a vector and were not asked`, "$1 个类比中有词没有向量，未提问"},
		{`(\d+) pairs have a word without a vector and were not compared`, "$1 个词对中有词没有向量，未比较"},
		{`(\d+) of (\d+) words start from the vectors of (.*); the other (\d+) keep the values that were drawn`, "$2 个词中有 $1 个从 $3 的向量开始；其余 $4 个保留随机初值"},
		// Masked language models and heads.
		{`masked loss, (.*)`, "掩码损失：$1"}, {`top 1, (.*)`, "首位命中：$1"}, {`top 5, (.*)`, "前五命中：$1"}, {`hidden`, "被遮的词元"},
		{`rows of (\d+) tokens; 15 % of the tokens are hidden, all behind the mask token`, "每行 $1 个词元；遮住 15 % 的词元，全部换成掩码符号"},
		{`the baselines have counted this very text, which favours them; .*`, "基线统计的正是这段文本，对它们有利；--baseline PATH 指明训练文本"},
		{`accuracy at ε = (\S+)`, "ε = $1 时的准确率"}, {`accuracy of class (.*)`, "类别 $1 的准确率"},
		{`recognised as asked for`, "被认作所要类别"}, {`recognised of class (.*)`, "类别 $1 中被认出的"}, {`classes that appear`, "出现的类别"},
		{`inception score of the judge`, "评判者的 Inception 分数"}, {`Fréchet distance of the judge's features`, "评判者特征的 Fréchet 距离"},
		{`coverage of real images`, "真实图像的覆盖率"}, {`distance to the nearest learned image`, "到最近训练图像的距离"},
		{`diversity within a class over that of learned images`, "类内多样性与训练图像之比"},
		{`classes without an image are left out: (.*)`, "略去没有图像的类别：$1"},
		{`accuracy`, "准确率"}, {`accuracy of the commonest label`, "最常见标签的准确率"}, {`accuracy of no label`, "全不标注的准确率"}, {`examples`, "例子"},
		{`Pearson correlation`, "皮尔逊相关"}, {`Spearman correlation`, "斯皮尔曼相关"}, {`Pearson correlation of shared characters`, "相同字符比例的皮尔逊相关"},
		{`F1 of labelled words`, "带标签词的 F1"}, {`F1 of words known by heart`, "死记硬背的 F1"}, {`labelled words`, "带标签的词"},
		{`F1 of words`, "词的 F1"}, {`F1 of the sentence nearest the question`, "与问题最近的句子的 F1"},

		// Models of speech.
		{`loss, recordings of one word`, "损失，单词录音"}, {`loss, utterances`, "损失，语句"},
		{`word error rate, recordings of one word`, "词错误率，单词录音"}, {`word error rate, utterances`, "词错误率，语句"},
		{`word error rate, recordings of one word, beam of (\d+)`, "词错误率，单词录音，束宽 $1"}, {`word error rate, utterances, beam of (\d+)`, "词错误率，语句，束宽 $1"},
		{`word error rate, utterances of (\d+)`, "词错误率，$1 个词的语句"}, {`without an error, recordings of one word`, "完全正确，单词录音"},
		{`without an error, utterances`, "完全正确，语句"}, {`accuracy of word (.*)`, "单词 $1 的准确率"},
		{`nothing is learned of the speaker (".*"), on whom the model is measured`, "不从说话人 $1 学习，而用其测量模型"},
		{`one speaker alone: how well others are understood is not measured`, "只有一位说话人：对他人的识别效果不作测量"},
		{`(\d+) files do not end in \.wav and are left out: (.*)`, "$1 个文件不以 .wav 结尾，已略去：$2"},
		{`(\d+) recordings of several channels are mixed to one: (.*)`, "$1 个多声道录音已混为单声道：$2"},
		{`(\d+) recordings of (\d+) samples a second are resampled to (\d+)`, "$1 个每秒 $2 个样本的录音已重采样为 $3"},

		// Models of clips.
		{`squared error a frame, model`, "每帧平方误差，模型"}, {`squared error a frame, copy of the last frame`, "每帧平方误差，复制最后一帧"}, {`squared error a frame, linear motion`, "每帧平方误差，线性运动"},
		{`squared error of frame (\d+), model`, "第 $1 帧平方误差，模型"}, {`squared error of frame (\d+), copy of the last frame`, "第 $1 帧平方误差，复制最后一帧"},
		{`squared error of frame (\d+), linear motion`, "第 $1 帧平方误差，线性运动"},
		{`digits read in the last frame, model`, "最后一帧识别出的数字，模型"}, {`digits read in the last frame, copy of the last frame`, "最后一帧识别出的数字，复制最后一帧"},
		{`digits read in the last frame, linear motion`, "最后一帧识别出的数字，线性运动"}, {`digits read in the last frame, truth`, "最后一帧识别出的数字，真实"},
		{`digits read in the first frame of the model's own clips`, "模型自己的片段，首帧识别出的数字"},
		{`digits read in frame (\d+) of the model's own clips`, "模型自己的片段，第 $1 帧识别出的数字"},

		// Models of pictures from pictures.
		{`PSNR of holes, model`, "空洞的 PSNR，模型"}, {`PSNR of holes, mean of the learned pictures`, "空洞的 PSNR，训练图像的平均"}, {`PSNR of holes, nearest learned picture`, "空洞的 PSNR，最近的训练图像"},
		{`PSNR, model`, "PSNR，模型"}, {`PSNR, mean of the learned pictures`, "PSNR，训练图像的平均"}, {`PSNR, nearest learned picture`, "PSNR，最近的训练图像"}, {`PSNR, the given picture`, "PSNR，给出的图像"},
		{`mean absolute error, model`, "平均绝对误差，模型"}, {`mean absolute error, mean of the learned pictures`, "平均绝对误差，训练图像的平均"},
		{`mean absolute error, nearest learned picture`, "平均绝对误差，最近的训练图像"}, {`mean absolute error, the given picture`, "平均绝对误差，给出的图像"},
		{`recognised, model`, "被认出，模型"}, {`recognised, mean of the learned pictures`, "被认出，训练图像的平均"}, {`recognised, nearest learned picture`, "被认出，最近的训练图像"},
		{`recognised, the given picture`, "被认出，给出的图像"}, {`recognised, truth`, "被认出，真实"},
		// Models of several modalities.
		{`picture`, "图片"}, {`sound`, "声音"}, {`name`, "名称"},
		{`noisy, accuracy from (.*)`, "有噪声，准确率，依据 $1"}, {`clean, accuracy from (.*)`, "无噪声，准确率，依据 $1"},
		{`noisy, retrieval@(\d+), (\S+) to (\S+)`, "有噪声，检索@$1，$2 → $3"}, {`clean, retrieval@(\d+), (\S+) to (\S+)`, "无噪声，检索@$1，$2 → $3"},
		{`noisy, retrieval@(\d+), chance`, "有噪声，检索@$1，随机"}, {`clean, retrieval@(\d+), chance`, "无噪声，检索@$1，随机"},
		{`captions right, (\S+), always (.*)`, "描述正确，$1，总说 $2"}, {`captions right, (\S+)`, "描述正确，$1"},

		{`GPT-2's vocabulary is not on this machine: .*`, "本机没有 GPT-2 的词表：把 vocab.json 和 merges.txt（或 r50k_base.tiktoken）放入一个文件夹，用环境变量 INKSTONE_GPT2 指明"},

		// Models in another form.
		{`adapter (.*): weights changed: (\d+), rank (\d+), made for "(.*)"`, "适配器 $1：改变了 $2 个权重，秩 $3，为 $4 而作"},
		{`(\S+) is (\S+): its rows are no multiple of (\d+)`, "$1 为 $2：其行长不是 $3 的倍数"},
		{`no tokenizer: the folder has none`, "没有分词器：文件夹中没有"}, {`no tokenizer\.json: (.*)`, "没有 tokenizer.json：$1"},
		{`(\S+\.json): (\S+) is (.*), the GGUF file has none`, "$1：$2 为 $3，GGUF 文件中没有"}, {`(\S+\.json): (\S+) is (.*), the GGUF file has (.*)`, "$1：$2 为 $3，GGUF 文件中为 $4"},
		{`config\.json: rope_type dynamic has no place in a GGUF file: nothing changes up to (\d+) tokens, .*`, "config.json：rope_type dynamic 在 GGUF 文件中没有位置：$1 个词元以内没有变化，更长的文本读法不同"},
		{`other programs heed no window in a GGUF file of a (\S+): nothing changes up to (\d+) tokens, .*`, "其他程序不理会 $1 的 GGUF 文件中的窗口：$2 个词元以内没有变化，更长的文本中每个词元看到之前的全部词元"},
		{`other programs do not know the architecture (\S+): .*`, "其他程序不认识架构 $1：要得到它们能运行的文件，请训练 llama 或 gpt2"},
		{`tokenizer: in the GGUF file texts are not put into Unicode's form NFC: .*`, "分词器：GGUF 文件不把文本转成 Unicode 的 NFC 形式：其他形式的文本得到不同的编号"},
		{`tokenizer: in the GGUF file a blank is put before a text, also .*`, "分词器：GGUF 文件总在文本前加一个空格，即使已有空格"},
		{`tokenizer: in the GGUF file a blank is put before a text and behind added tokens, .*`, "分词器：GGUF 文件总在文本前和附加词元之后加一个空格，即使已有空格，而不只在全文开头"},
		{`tokenizer: in the GGUF file a blank is put behind the pieces that the user defined`, "分词器：GGUF 文件在用户定义的词元之后加一个空格"},
		{`tokenizer: in the GGUF file blanks side by side stay, where other programs read it`, "分词器：其他程序按 GGUF 文件不合并相连的空格"},
		{`tokenizer: in the GGUF file added tokens do not take the blanks around them: (\d+), the first is (.*)`, "分词器：GGUF 文件中附加词元不吸收两旁的空格：$1 个，第一个是 $2"},
		{`tokenizer: in the GGUF file added tokens are found within words too: (\d+), the first is (.*)`, "分词器：GGUF 文件中附加词元在词的内部也会被找到：$1 个，第一个是 $2"},
		{`tokenizer: in the GGUF file added tokens are found in a text as it is, .*: (\d+), the first is (.*)`, "分词器：GGUF 文件在原文而非规范化后的文本中查找附加词元：$1 个，第一个是 $2"},
		{`tokenizer: in the GGUF file added tokens stand for blanks, .*: (\d+), the first is (.*)`, "分词器：GGUF 文件中附加词元代表空格，而非文本本身的 ▁：$1 个，第一个是 $2"},
		{`tokenizer: the model has no rows for added tokens: (\d+), the first is (.*)`, "分词器：模型没有附加词元的行：$1 个，第一个是 $2"},
		{`other programs have no such tokenizer, and take and give ids alone: (.*)`, "其他程序没有这样的分词器，只能收发编号：$1"},

		// Models of the hub, and two models compared.
		{`(.*) is being fetched by another pull: waiting for it`, "另一个下载正在获取 $1：等待其完成"},
		{`(.*): again in (.*)`, "$1：$2 后重试"},
		{`(.*): wrong checksum, it is fetched anew`, "$1：校验和不符，重新下载"},
		{`the program's own text`, "程序自带的文本"}, {`same`, "相同"}, {`exact`, "精确"}, {`none`, "无"},
		{`texts begin with "(.*)" and "(.*)"`, `文本分别以 "$1" 和 "$2" 开头`},
		{`each text begins with (.*), as the tokenizer's file says; that is not predicted`, "每段文本按分词器文件以 $1 开头，它不作预测"},
		{`token (\d+) of the text differs: the end and (.*)`, "文本的第 $1 个词元不同：前者已结束，后者为 $2"},
		{`token (\d+) of the text differs: (.*) and the end`, "文本的第 $1 个词元不同：前者为 $2，后者已结束"},
		{`token (\d+) of the text differs: (.*) and (.*)`, "文本的第 $1 个词元不同：$2 与 $3"},
		{`(.*) does not give the text back: from byte (\d+) on (.*) and (.*)`, "$1 未能还原文本：自第 $2 字节起为 $3 与 $4"},
		{`(.*) has one, (.*) has none`, "$1 有，$2 没有"}, {`one refuses a conversation: (?s:(.*))`, "其中一个拒绝一段对话：$1"},
		{`from byte (\d+) on (.*) and (.*)`, "自第 $1 字节起为 $2 与 $3"},

		// Trainings and plans.
		{`nats`, "奈特"}, {`nats a word`, "奈特/词"},
		{`(\d+) × (\d+), grey, (\d+) classes`, "$1 × $2，灰度，$3 类"}, {`(\d+) × (\d+), colour, (\d+) classes`, "$1 × $2，彩色，$3 类"},
		{`(\d+) × (\d+), grey`, "$1 × $2，灰度"}, {`(\d+) × (\d+), colour`, "$1 × $2，彩色"}, {`(\d+) × (\d+), clips of (\d+)`, "$1 × $2，每段 $3 帧"},
		{`(\d+) × (\d+), (\d+) classes`, "$1 × $2，$3 类"}, {`(\d+) × (\d+), (\d+) Hz, (\d+) classes`, "$1 × $2，$3 Hz，$4 类"},
		{`(\d+) Hz, (\d+) words, utterances of 1 to (\d+)`, "$1 Hz，$2 个词，语句含 1 到 $3 个词"}, {`(\d+) Hz, (\d+) words`, "$1 Hz，$2 个词"},
		{`images`, "幅图像"}, {`recordings`, "段录音"}, {`discriminator`, "判别器"}, {`generator`, "生成器"},
		{`nothing to resume in (.*): starting at step 0`, "$1 中没有可继续的训练：从第 0 步开始"},
		{`(\S+) was asked for, and (".*") has no instruction for it: products run in (\S+)`, "要求 $1，但 $2 没有相应指令：乘积以 $3 计算"},
		{`resuming on (".*") what ran on (".*"): .*`, "在 $1 上继续 $2 上的训练：权重的末位会与只在其中一种机器上训练的不同"},
		{`inkstone_canon_llama is an architecture of Inkstone: other programs do not load (.*)`, "inkstone_canon_llama 是 Inkstone 自己的架构：其他程序不能加载 $1"},
		{`the template ends a turn with no special token of this tokenizer: .*`, "模板没有用此分词器的特殊符号结束一轮：回答不会自行结束"},
		{`attn_pdrop (\S+) of the model's config is not applied: .*`, "模型配置中的 attn_pdrop $1 未被采用：注意力从不保存其权重，无从丢弃"},
		{`how much memory is free can not be read here: .*`, "无法读取此处的可用内存：未对照计划检查"},
		{`the run needs (\S+ \S+) and (\S+ \S+) are free: it checkpoints its blocks, which needs (\S+ \S+) .*`, "训练需要 $1，可用 $2：将在反向时重新计算各层，需要 $3，多用三分之一时间；权重不变"},
		{`the expected loss is an extrapolation, for the study has no such run: (.*)`, "预计的损失是外推：研究中没有这样的训练：$1"},
		{`depth (\d+) ends in (\S+): its recipe stops at 20 tokens .*`, "层数 $1 在 $2 内结束：其配方止于每参数 20 个词元或文本的四遍"},
		{`the speed is not measured, for the run does not fit the memory`, "未测速：内存容不下这次训练"},
		{`train: the run needs (.+) \(weights .*\) and (.+) are free, (.+) too few: .*`, "训练需要 $1，可用 $2，还差 $3：请减小层数、宽度、上下文或每批行数"},

		// Package bench.
		{`PyTorch: (.*); --python names an interpreter that has it`, "PyTorch：$1；用 --python 指定装有它的解释器"},
		{`products beside OpenBLAS: (.*)`, "未与 OpenBLAS 比较矩阵乘：$1"},
		{`(.*): needs (\S+) GB of memory, (\S+) are free`, "$1：需要 $2 GB 内存，可用 $3"},

		// Pipelines of package runs.
		{`(\d+) merges`, "$1 条合并"},
		{`step (\d+) · loss (\S+) · (\d+) tokens/s`, "第 $1 步 · 损失 $2 · $3 词元/秒"},
		{`the Go standard library`, "Go 标准库"},
		{`the model on (\d+) tokens`, "模型，$1 个词元"},
		{`n-grams`, "n 元模型"},
		{`(\d+) function heads`, "$1 个函数头"},
		{`type-checking`, "类型检查"},
		{`measuring the speed`, "测速"}, {`(\d+) spans`, "$1 段"},
		{`this model`, "本模型"},
		{`gzip -9, each file alone`, "gzip -9，逐个文件"},
		{`gzip -9, primed with the last 32 KiB of training text`, "gzip -9，先读训练文本的最后 32 KiB"},
		{`order-2 byte model`, "二阶字节模型"},
		{`order-5 Kneser-Ney on the same tokens`, "同样词元上的五阶 Kneser-Ney"},
	} {
		all = append(all, phrase{regexp.MustCompile("^(?:" + p[0] + ")$"), p[1]})
	}
	return all
})
