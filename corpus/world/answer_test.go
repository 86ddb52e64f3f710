package world_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus/world"
)

// reader understands stories and questions by regular expressions alone: an
// answer of the world is checked by a second way of reading its text.
type reader struct {
	lang                               string
	inPlace, went, thing, has, likes   *regexp.Regexp
	where, what, colour, like, whoHas  *regexp.Regexp
	sayIn, sayHas, sayColour, sayLikes string // with %1 and %2
	sayWho                             string
}

var readers = []reader{{
	lang:    world.English,
	inPlace: regexp.MustCompile(`^([A-Z]\w+) is in the (\w+)$`), went: regexp.MustCompile(`^(\w+) went to the (\w+)$`),
	thing: regexp.MustCompile(`^(The \w+ \w+) is in the (\w+)$`), has: regexp.MustCompile(`^(\w+) has a (\w+ \w+)$`),
	likes: regexp.MustCompile(`^(\w+) likes (\w+)$`),
	where: regexp.MustCompile(`^Where is (.+)\?$`), what: regexp.MustCompile(`^What does (\w+) have\?$`),
	colour: regexp.MustCompile(`^What colour is the (\w+)\?$`), like: regexp.MustCompile(`^What does (\w+) like\?$`),
	whoHas: regexp.MustCompile(`^Who has the (.+)\?$`),
	sayIn:  "%1 is in the %2.", sayHas: "%1 has a %2.", sayColour: "The %1 is %2.", sayLikes: "%1 likes %2.", sayWho: "%1 has the %2.",
}, {
	lang:    world.Chinese,
	inPlace: regexp.MustCompile(`^([^的]+)在(.+)里$`), went: regexp.MustCompile(`^(.+)去了(.+)$`),
	thing: regexp.MustCompile(`^(.+的.+)在(.+)里$`), has: regexp.MustCompile(`^(.+)有(一.+的.+)$`),
	likes: regexp.MustCompile(`^(.+)喜欢(.+)$`),
	where: regexp.MustCompile(`^(.+)在哪里？$`), what: regexp.MustCompile(`^(.+)有什么？$`),
	colour: regexp.MustCompile(`^(.+)是什么颜色的？$`), like: regexp.MustCompile(`^(.+)喜欢什么？$`),
	whoHas: regexp.MustCompile(`^谁有(.+)？$`),
	sayIn:  "%1在%2里。", sayHas: "%1有%2。", sayColour: "%1是%2的。", sayLikes: "%1喜欢%2。", sayWho: "%1有%2。",
}}

// answer answers a question from the story's text.
func (rd reader) answer(story, question string) []string {
	facts := map[string][][2]string{}
	for _, s := range regexp.MustCompile(`[.。] ?`).Split(story, -1) {
		for name, form := range map[string]*regexp.Regexp{"in": rd.inPlace, "went": rd.went, "thing": rd.thing, "has": rd.has, "likes": rd.likes} {
			if m := form.FindStringSubmatch(s); m != nil {
				facts[name] = append(facts[name], [2]string{m[1], m[2]})
			}
		}
	}
	var answers []string
	say := func(form, a, b string) {
		answers = append(answers, strings.NewReplacer("%1", a, "%2", b).Replace(form))
	}
	if m := rd.where.FindStringSubmatch(question); m != nil {
		for _, f := range slices.Concat(facts["in"], facts["went"], facts["thing"]) {
			if strings.EqualFold(f[0], m[1]) {
				say(rd.sayIn, f[0], f[1])
			}
		}
	} else if m := rd.what.FindStringSubmatch(question); m != nil {
		for _, f := range facts["has"] {
			if f[0] == m[1] {
				say(rd.sayHas, f[0], f[1])
			}
		}
	} else if m := rd.like.FindStringSubmatch(question); m != nil {
		for _, f := range facts["likes"] {
			if f[0] == m[1] {
				say(rd.sayLikes, f[0], f[1])
			}
		}
	} else if m := rd.whoHas.FindStringSubmatch(question); m != nil {
		for _, f := range facts["has"] {
			if strings.HasSuffix(f[1], m[1]) {
				say(rd.sayWho, f[0], m[1])
			}
		}
	} else if m := rd.colour.FindStringSubmatch(question); m != nil {
		pair := regexp.MustCompile(`(\w+) ` + m[1] + `$`)
		if rd.lang == world.Chinese {
			pair = regexp.MustCompile(`(\p{Han}色)的` + m[1] + `$`)
		}
		for _, f := range facts["has"] {
			if p := pair.FindStringSubmatch(f[1]); p != nil {
				say(rd.sayColour, m[1], p[1])
			}
		}
		for _, f := range facts["thing"] {
			if p := pair.FindStringSubmatch(f[0]); p != nil {
				say(rd.sayColour, m[1], p[1])
			}
		}
	}
	return answers
}

// TestAnswers reads every turn of many dialogues and of the held-out items:
// the story must give exactly one answer, the world's.
func TestAnswers(t *testing.T) {
	w, r := world.New(21), rng(21)
	var items []world.Item
	for range 10_000 {
		items = append(items, w.Dialogue(r))
	}
	for _, test := range world.Tests() {
		items = append(items, w.HeldOut(test.Task, test.Lang, 300)...)
	}
	checked := 0
	for _, it := range items {
		if it.Story == nil {
			continue
		}
		rd := readers[0]
		if it.Lang == world.Chinese {
			rd = readers[1]
		}
		for i, turn := range turnsOf(it) {
			got := it.Messages[2*i+1].Content
			if want := rd.answer(turn[0], turn[1]); len(want) != 1 || want[0] != got {
				t.Fatalf("story %q\nquestion %q\nanswer %q, read %q", turn[0], turn[1], got, want)
			}
			checked++
		}
	}
	if checked < 10_000 {
		t.Errorf("only %d turns checked", checked)
	}
}
