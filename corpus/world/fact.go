package world

// Languages of the world.
const (
	English = "en"
	Chinese = "zh"
)

// A Kind says what a fact relates.
type Kind uint8

// The kinds of facts, each with its sentence.
const (
	IsIn     Kind = iota // Tom is in the kitchen. 汤姆在厨房里。
	WentTo               // Tom went to the kitchen. 汤姆去了厨房。
	ObjectIn             // The red ball is in the kitchen. 红色的球在厨房里。
	Has                  // Tom has a red ball. 汤姆有一个红色的球。
	Likes                // Tom likes apples. 汤姆喜欢苹果。
)

// A Fact is one sentence of a story, free of language. The fields after Kind
// index the tables of names, places, colours, objects and foods; those that
// the kind does not use are 0.
type Fact struct {
	Kind                              Kind
	Name, Place, Colour, Object, Food uint8
}

// Sentence says the fact in the language. The two sentences of a fact are
// each other's only translation.
func (f Fact) Sentence(lang string) string {
	if lang == Chinese {
		return f.chinese()
	}
	return f.english()
}

func (f Fact) english() string {
	switch f.Kind {
	case IsIn:
		return names[f.Name].en + " is in the " + places[f.Place].en + "."
	case WentTo:
		return names[f.Name].en + " went to the " + places[f.Place].en + "."
	case ObjectIn:
		return "The " + f.pair(English) + " is in the " + places[f.Place].en + "."
	case Has:
		return names[f.Name].en + " has a " + f.pair(English) + "."
	default:
		return names[f.Name].en + " likes " + foods[f.Food].en + "."
	}
}

func (f Fact) chinese() string {
	switch f.Kind {
	case IsIn:
		return names[f.Name].zh + "在" + places[f.Place].zh + "里。"
	case WentTo:
		return names[f.Name].zh + "去了" + places[f.Place].zh + "。"
	case ObjectIn:
		return f.pair(Chinese) + "在" + places[f.Place].zh + "里。"
	case Has:
		return names[f.Name].zh + "有一" + objects[f.Object].measure + f.pair(Chinese) + "。"
	default:
		return names[f.Name].zh + "喜欢" + foods[f.Food].zh + "。"
	}
}

// pair is the coloured object: "red ball", 红色的球.
func (f Fact) pair(lang string) string {
	if lang == Chinese {
		return colours[f.Colour].zh + "的" + objects[f.Object].zh
	}
	return colours[f.Colour].en + " " + objects[f.Object].en
}

// hasObject reports whether the fact names a coloured object.
func (f Fact) hasObject() bool { return f.Kind == ObjectIn || f.Kind == Has }

// conflicts reports whether a question on f could also be answered from g: a
// story says one place, one possession and one food of a person, and has one
// object of a sort.
func (f Fact) conflicts(g Fact) bool {
	if f.hasObject() && g.hasObject() && f.Object == g.Object {
		return true
	}
	a, b := f.Kind, g.Kind
	if a == WentTo {
		a = IsIn
	}
	if b == WentTo {
		b = IsIn
	}
	return a == b && a != ObjectIn && f.Name == g.Name
}

// key packs the fact; distinct facts have distinct keys, none of them 0.
func (f Fact) key() uint64 {
	return 1 + uint64(f.Kind) | uint64(f.Name)<<8 | uint64(f.Place)<<16 |
		uint64(f.Colour)<<24 | uint64(f.Object)<<32 | uint64(f.Food)<<40
}

// told is the story's text: sentences apart by a blank in English, by nothing
// in Chinese.
func told(story []Fact, lang string) string {
	var text string
	for i, f := range story {
		if i > 0 && lang == English {
			text += " "
		}
		text += f.Sentence(lang)
	}
	return text
}
