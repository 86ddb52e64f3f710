package world

// The tasks, as they stand in [Item].Task. The first six ask for a fact of a
// story; UnseenPair is such a question on a colour and object that training
// never joins.
const (
	WherePerson = "where-person" // Where is Tom? 汤姆在哪里？
	WhereObject = "where-object" // Where is the red ball? 红色的球在哪里？
	WhatHas     = "what-has"     // What does Tom have? 汤姆有什么？
	Colour      = "colour"       // What colour is the ball? 球是什么颜色的？
	LikesFood   = "likes"        // What does Tom like? 汤姆喜欢什么？
	WhoHas      = "who-has"      // Who has the red ball? 谁有红色的球？
	UnseenPair  = "unseen-pair"
	Translate   = "translate"
	Go          = "go"
)

// asks lists, by kind of fact, the tasks that may ask for it. A task that
// stands twice is asked twice as often: where an object is, and who has it, which
// turns a fact round and is learnt last.
var asks = [...][]string{
	IsIn:     {WherePerson},
	WentTo:   {WherePerson},
	ObjectIn: {WhereObject, WhereObject, Colour},
	Has:      {WhatHas, WhoHas, WhoHas, Colour},
	Likes:    {LikesFood},
}

// A Question asks for one fact of a story.
type Question struct {
	Task  string // WherePerson … WhoHas
	About Fact
}

// Ask is the question's sentence.
func (q Question) Ask(lang string) string {
	if lang == Chinese {
		return q.askChinese()
	}
	return q.askEnglish()
}

func (q Question) askEnglish() string {
	name, pair := names[q.About.Name].en, q.About.pair(English)
	switch q.Task {
	case WherePerson:
		return "Where is " + name + "?"
	case WhereObject:
		return "Where is the " + pair + "?"
	case WhatHas:
		return "What does " + name + " have?"
	case Colour:
		return "What colour is the " + objects[q.About.Object].en + "?"
	case LikesFood:
		return "What does " + name + " like?"
	default:
		return "Who has the " + pair + "?"
	}
}

func (q Question) askChinese() string {
	name, pair := names[q.About.Name].zh, q.About.pair(Chinese)
	switch q.Task {
	case WherePerson:
		return name + "在哪里？"
	case WhereObject:
		return pair + "在哪里？"
	case WhatHas:
		return name + "有什么？"
	case Colour:
		return objects[q.About.Object].zh + "是什么颜色的？"
	case LikesFood:
		return name + "喜欢什么？"
	default:
		return "谁有" + pair + "？"
	}
}

// Answer is the right answer. It repeats the subject, so that answering is a
// copy with one look-up in the story.
func (q Question) Answer(lang string) string { return q.answer(q.About, lang) }

// answer answers the question as if fact g of the story held what is asked
// for; g is q.About in the right answer, another fact in a wrong guess.
func (q Question) answer(g Fact, lang string) string {
	f := q.About
	switch q.Task {
	case WherePerson:
		return Fact{Kind: IsIn, Name: f.Name, Place: g.Place}.Sentence(lang)
	case WhereObject:
		return Fact{Kind: ObjectIn, Colour: f.Colour, Object: f.Object, Place: g.Place}.Sentence(lang)
	case WhatHas:
		return Fact{Kind: Has, Name: f.Name, Colour: g.Colour, Object: g.Object}.Sentence(lang)
	case LikesFood:
		return Fact{Kind: Likes, Name: f.Name, Food: g.Food}.Sentence(lang)
	case Colour:
		if lang == Chinese {
			return objects[f.Object].zh + "是" + colours[g.Colour].zh + "的。"
		}
		return "The " + objects[f.Object].en + " is " + colours[g.Colour].en + "."
	default:
		if lang == Chinese {
			return names[g.Name].zh + "有" + f.pair(Chinese) + "。"
		}
		return names[g.Name].en + " has the " + f.pair(English) + "."
	}
}

// fits reports whether fact g is of the kind that the question asks for.
func (q Question) fits(g Fact) bool {
	switch q.Task {
	case WherePerson:
		return g.Kind == IsIn || g.Kind == WentTo
	case WhereObject:
		return g.Kind == ObjectIn
	case WhatHas, WhoHas:
		return g.Kind == Has
	case LikesFood:
		return g.Kind == Likes
	default:
		return g.hasObject()
	}
}
