package world_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/inkstone-ai/inkstone/corpus/world"
)

func ExampleWorld_HeldOut() {
	w := world.New(1)
	for _, test := range []world.Test{{world.WherePerson, world.English}, {world.Colour, world.Chinese}, {world.Go, world.English}} {
		it := w.HeldOut(test.Task, test.Lang, 1)[0]
		fmt.Println(it.Messages[0].Content)
		fmt.Println("→", it.Answer())
	}
	// Output:
	// Peter went to the library. Mike went to the office. Anna has a yellow book. Anna went to the garden.
	// Where is Anna?
	// → Anna is in the garden.
	// 艾玛有一把红色的钥匙。黑色的杯子在公园里。红色的书在办公室里。安娜有一顶白色的帽子。彼得有一个黑色的球。
	// 帽子是什么颜色的？
	// → 帽子是白色的。
	// Go: loadWeight returns twice c, type int.
	// → func loadWeight(c int) int { return 2 * c }
}

func ExampleWorld_Prose() {
	w := world.New(1)
	for step := range uint64(2) {
		r := rand.New(rand.NewPCG(1, step)) // a step's text depends on nothing else
		fmt.Print(w.Prose(r).Text())
	}
	// Output:
	// Peter has a white key. Anna likes cheese. Rose has a blue hat.
	// Who has the blue hat?
	// Rose has the blue hat.
	// Who has the white key?
	// Peter has the white key.
	// What does Anna like?
	// Anna likes cheese.
	// 罗丝喜欢米饭。彼得喜欢面条。汤姆在花园里。
	// 彼得喜欢什么？
	// 彼得喜欢面条。
	// 汤姆在哪里？
	// 汤姆在花园里。
	// 罗丝喜欢什么？
	// 罗丝喜欢米饭。
}
