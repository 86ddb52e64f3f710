package world

import (
	"cmp"
	"slices"
	"sync"
	"unicode/utf8"
)

// word is one meaning in both languages.
type word struct{ en, zh string }

// thing is an object with its Chinese measure word (一把钥匙, 一本书), which
// depends on the noun.
type thing struct{ en, zh, measure string }

// The lexicon. Every English colour starts with a consonant, so that the
// article is always "a"; every place takes "in the" and 里; foods are plural or
// uncountable, so that "N likes F" needs no article. No Chinese name begins a
// longer word of the list.
var (
	names = [...]word{
		{"Tom", "汤姆"}, {"Anna", "安娜"}, {"Jack", "杰克"}, {"Lucy", "露西"},
		{"Mike", "迈克"}, {"Mary", "玛丽"}, {"Peter", "彼得"}, {"Emma", "艾玛"},
		{"David", "大卫"}, {"Lily", "莉莉"}, {"Sam", "萨姆"}, {"Rose", "罗丝"},
	}
	places = [...]word{
		{"kitchen", "厨房"}, {"garden", "花园"}, {"park", "公园"}, {"school", "学校"}, {"library", "图书馆"},
		{"shop", "商店"}, {"office", "办公室"}, {"hospital", "医院"}, {"museum", "博物馆"}, {"bedroom", "卧室"},
	}
	objects = [...]thing{
		{"ball", "球", "个"}, {"book", "书", "本"}, {"hat", "帽子", "顶"}, {"cup", "杯子", "个"},
		{"key", "钥匙", "把"}, {"box", "盒子", "个"}, {"kite", "风筝", "只"}, {"lamp", "台灯", "盏"},
	}
	colours = [...]word{
		{"red", "红色"}, {"blue", "蓝色"}, {"green", "绿色"}, {"yellow", "黄色"}, {"white", "白色"}, {"black", "黑色"},
	}
	foods = [...]word{
		{"apples", "苹果"}, {"bread", "面包"}, {"rice", "米饭"}, {"cheese", "奶酪"},
		{"noodles", "面条"}, {"fish", "鱼"}, {"eggs", "鸡蛋"}, {"cakes", "蛋糕"},
	}
	phrases = [...]string{"去了", "喜欢", "什么", "哪里", "颜色", "翻译", "英文", "中文"}
)

// Words returns the Chinese words of the world that have two signs or more,
// longest first and then in code-point order: the list by which [Pattern] and
// [Piece] split Chinese. A sign outside the list stands alone.
func Words() []string { return slices.Clone(words()) }

var words = sync.OnceValue(func() []string {
	var all []string
	for _, table := range [][]word{names[:], places[:], colours[:], foods[:]} {
		for _, w := range table {
			all = append(all, w.zh)
		}
	}
	for _, t := range objects {
		all = append(all, t.zh, "一"+t.measure)
	}
	all = append(all, phrases[:]...)
	all = slices.DeleteFunc(all, func(w string) bool { return utf8.RuneCountInString(w) < 2 })
	slices.SortFunc(all, func(a, b string) int {
		return cmp.Or(cmp.Compare(utf8.RuneCountInString(b), utf8.RuneCountInString(a)), cmp.Compare(a, b))
	})
	return slices.Compact(all)
})
