package corpus

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// NumberPairs writes n different numbers below a million as pairs of digits and
// English words: "20407" and "twenty thousand four hundred seven". Small numbers,
// of which there are few, are as likely as large ones as long as there are any.
func NumberPairs(n int, seed uint64) []Pair {
	r, seen := rand.New(rand.NewPCG(seed, 1)), map[int]bool{}
	var pairs []Pair
	for len(pairs) < n {
		limit := 1
		for range 1 + r.IntN(6) {
			limit *= 10
		}
		x := r.IntN(limit)
		if seen[x] && len(seen) < limit {
			x = r.IntN(1_000_000)
		}
		if !seen[x] {
			seen[x] = true
			pairs = append(pairs, Pair{fmt.Sprint(x), NumberWords(x), "numbers", len(pairs) + 1})
		}
	}
	return pairs
}

// NumberWords is a number from 0 to 999,999 in English words.
func NumberWords(x int) string {
	switch {
	case x < 20:
		return strings.Fields("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen")[x]
	case x < 100:
		tens := strings.Fields("twenty thirty forty fifty sixty seventy eighty ninety")[x/10-2]
		return andRest(tens, x%10)
	case x < 1000:
		return andRest(NumberWords(x/100)+" hundred", x%100)
	}
	return andRest(NumberWords(x/1000)+" thousand", x%1000)
}

func andRest(words string, rest int) string {
	if rest == 0 {
		return words
	}
	return words + " " + NumberWords(rest)
}

// DatePairs writes n dates from 1900 to 2099 in one of a dozen English and Chinese
// spellings, and as ISO 8601 has them: "March 5th, 1974" and "1974-03-05". No
// spelling stands twice.
func DatePairs(n int, seed uint64) []Pair {
	r, seen := rand.New(rand.NewPCG(seed, 2)), map[string]bool{}
	first := time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)
	days := int(time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).Sub(first).Hours() / 24)
	var pairs []Pair
	for len(pairs) < n {
		d := first.AddDate(0, 0, r.IntN(days))
		if s := spell(d, r.IntN(spellings)); !seen[s] {
			seen[s] = true
			pairs = append(pairs, Pair{s, d.Format("2006-01-02"), "dates", len(pairs) + 1})
		}
	}
	return pairs
}

// dateLayouts are spellings that package time knows.
var dateLayouts = []string{
	"2 January 2006", "January 2, 2006", "Jan 2, 2006", "2 Jan 2006", "Monday, January 2, 2006", "Mon 02 Jan 2006",
	"2006/01/02", "02.01.2006", "2006年1月2日", "2006年01月02日",
}

const spellings = 12

func spell(d time.Time, way int) string {
	switch way {
	case 10:
		return fmt.Sprintf("%s %d%s, %d", d.Month(), d.Day(), ordinal(d.Day()), d.Year())
	case 11:
		return fmt.Sprintf("the %d%s of %s %d", d.Day(), ordinal(d.Day()), d.Month(), d.Year())
	}
	return d.Format(dateLayouts[way])
}

// ordinal is the ending of a day's number.
func ordinal(day int) string {
	switch {
	case day%10 == 1 && day != 11:
		return "st"
	case day%10 == 2 && day != 12:
		return "nd"
	case day%10 == 3 && day != 13:
		return "rd"
	}
	return "th"
}
