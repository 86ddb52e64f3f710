package tokenizer

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// The library that runs templates lacks three things that published templates
// have, so they are written anew before parsing. It reads "a if c else b" only
// as a whole {{ }} or the value of a set, and there only once:
//
//	a if c else b   →   ((c) and [a] or [b])[0]
//
// "and" and "or" give one of their operands and do not look at the other, and
// a list with an element is true, so exactly one of a and b is evaluated, as
// it should be. And it does not find the first element counted from the end:
//
//	a[-1]   →   a[-1:][0]
//	a[-2]   →   a[-2:-1][0]
//
// And it takes blanks away that are all of the text before a block, where Jinja
// takes only those that begin a line; a + in the block keeps them:
//
//	{{ a }} {% if b %}   →   {{ a }} {%+ if b %}

// rewriteTemplate rewrites all expressions of a template.
func rewriteTemplate(source string) string {
	var b strings.Builder
	for source != "" {
		at := strings.IndexByte(source, '{')
		if at < 0 || at+1 == len(source) {
			break
		}
		end := blockEnd(source, at)
		text, block := source[:at], source[at:end]
		within := b.Len() > 0 && text != "" && strings.TrimSpace(text) == "" && !strings.Contains(text, "\n")
		if strings.HasPrefix(block, "{{") || strings.HasPrefix(block, "{%") {
			block = rewriteBlock(block)
		}
		if within && len(block) > 2 && strings.Contains("%#", block[1:2]) && !strings.Contains("-+", block[2:3]) {
			block = block[:2] + "+" + block[2:]
		}
		b.WriteString(text + block)
		source = source[end:]
	}
	return b.String() + source
}

// blockEnd returns the end of the block, comment or single brace at source[at:].
func blockEnd(source string, at int) int {
	switch source[at+1] {
	case '#':
		if n := strings.Index(source[at:], "#}"); n >= 0 {
			return at + n + 2
		}
	case '{', '%':
		closing := map[byte]string{'{': "}}", '%': "%}"}[source[at+1]]
		depth, words := 0, 0
		for i := at + 2; i < len(source); words++ {
			if depth <= 0 && strings.HasPrefix(source[i:], closing) {
				return i + 2
			}
			t := nextLexeme(source, i)
			depth += t.depth
			checkDepth(depth) // of a block that does not end too
			if words > mostWords {
				panic(fmt.Sprintf("a block has more than %d words and signs", mostWords))
			}
			i = t.end
		}
	default:
		return at + 1
	}
	return len(source)
}

// rewriteBlock rewrites one {{ }} or {% %}. Statements other than set keep
// their own "if": it is a statement's word, or a loop's filter.
func rewriteBlock(block string) string {
	head, body, tail := block[:2], block[2:len(block)-2], block[len(block)-2:]
	if !strings.HasSuffix(block, "}}") && !strings.HasSuffix(block, "%}") {
		panic("a block is not closed")
	}
	outer := head == "{{"
	if words := strings.Fields(strings.Trim(body, "-+")); head == "{%" && len(words) > 0 {
		outer = words[0] == "set"
		if as, ok := marks[words[0]]; ok && len(words) == 1 {
			body = strings.Replace(body, words[0], as, 1)
		}
	}
	return head + rewriteTokens(lexTemplate(body), outer, 0) + tail
}

// marks are statements of transformers that only mark the assistant's words,
// for a mask like that of RenderIDs, and what to read for them.
var marks = map[string]string{"generation": "if true", "endgeneration": "endif"}

// A lexeme is a token as far as brackets, words and separators matter.
type lexeme struct {
	text       string
	start, end int
	depth      int // +1 an opening bracket, -1 a closing one
}

// lexTemplate cuts an expression into strings, words and single characters. A number whose point has a letter beyond
// ASCII behind it is refused, for the library's lexer would read it again and again.
func lexTemplate(s string) (list []lexeme) {
	for i := 0; i < len(s); i = list[len(list)-1].end {
		if n := len(list); s[i] >= 0x80 && n > 1 && list[n-1].text == "." && strings.IndexFunc(list[n-2].text, unicode.IsDigit) == 0 {
			panic("a letter behind the point of a number")
		}
		list = append(list, nextLexeme(s, i))
	}
	return list
}

// nextLexeme is the one at s[start:].
func nextLexeme(s string, start int) lexeme {
	i, depth := start, 0
	switch c := s[i]; {
	case c == '\'' || c == '"':
		for i++; i < len(s) && s[i] != c; i++ {
			if s[i] == '\\' {
				i++
			}
		}
		i = min(i+1, len(s))
	case isWord(c):
		for i < len(s) && isWord(s[i]) {
			i++
		}
	case strings.IndexByte("([{", c) >= 0:
		i, depth = i+1, 1
	case strings.IndexByte(")]}", c) >= 0:
		i, depth = i+1, -1
	default:
		i++
	}
	return lexeme{s[start:i], start, i, depth}
}

func isWord(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c >= 0x80
}

// rewriteTokens rewrites the conditions inside of brackets, innermost first,
// and, when outer, those outside of any.
func rewriteTokens(list []lexeme, outer bool, depth int) string {
	checkDepth(depth)
	var done, part strings.Builder
	for i := 0; i < len(list); i++ {
		t := list[i]
		switch {
		case t.depth > 0:
			end, before := closing(list, i), list[:i]
			inside := rewriteTokens(list[i+1:end], true, depth+1)
			part.WriteString(t.text + inside)
			i = end - 1
			if t.text == "[" && end < len(list) && isOperand(before) {
				part.WriteString(fromEnd(inside))
			}
		case outer && (t.text == "," || t.text == ":" || t.text == "=" && !comparison(list, i)):
			done.WriteString(condition(part.String(), 0) + t.text)
			part.Reset()
		default:
			part.WriteString(t.text)
		}
	}
	if outer {
		return done.String() + condition(part.String(), 0)
	}
	return part.String()
}

// fromEnd is what follows an index that counts from the end, to make a slice
// of one element of it and take that; nothing for other indexes.
func fromEnd(index string) string {
	number, ok := strings.CutPrefix(strings.TrimSpace(index), "-")
	n, err := strconv.Atoi(number)
	switch {
	case !ok || err != nil || n <= 0:
		return ""
	case n == 1:
		return ":][0"
	}
	return fmt.Sprintf(":-%d][0", n-1)
}

// isOperand tells whether the lexemes end in a value, so that a bracket after
// them is an index and not a list.
func isOperand(list []lexeme) bool {
	for len(list) > 0 && strings.TrimSpace(list[len(list)-1].text) == "" {
		list = list[:len(list)-1]
	}
	if len(list) == 0 {
		return false
	}
	last := list[len(list)-1]
	switch last.text {
	case "in", "and", "or", "not", "if", "else", "elif", "is":
		return false
	}
	return last.depth < 0 || isWord(last.text[0]) || last.text[0] == '\'' || last.text[0] == '"'
}

// closing returns the index of the lexeme that closes the bracket at i.
func closing(list []lexeme, i int) int {
	depth := 0
	for ; i < len(list); i++ {
		if depth += list[i].depth; depth == 0 {
			return i
		}
	}
	return len(list)
}

// comparison tells whether the "=" at i belongs to == != <= >=.
func comparison(list []lexeme, i int) bool {
	return i > 0 && strings.Contains("=!<>", list[i-1].text) || i+1 < len(list) && list[i+1].text == "="
}

// condition rewrites an expression whose parts in brackets are done. The
// signs that trim blanks stay at its ends.
func condition(expr string, depth int) string {
	checkDepth(depth)
	list := lexTemplate(expr)
	first := find(list, 0, "if")
	if first < 0 {
		return expr
	}
	otherwise := find(list, first, "else")
	lead, a := cutTrim(expr[:list[first].start])
	c, b, tail := expr[list[first].end:], "''", ""
	if otherwise >= 0 {
		c, b = expr[list[first].end:list[otherwise].start], expr[list[otherwise].end:]
	}
	if otherwise >= 0 {
		b, tail = cutTail(b)
		b = condition(b, depth+1)
	} else {
		c, tail = cutTail(c)
	}
	return lead + " ((" + c + ") and [" + a + "] or [" + b + "])[0] " + tail
}

// find returns the next word outside of brackets, or -1.
func find(list []lexeme, from int, word string) int {
	depth := 0
	for i := from; i < len(list); i++ {
		if depth += list[i].depth; depth == 0 && list[i].text == word {
			return i
		}
	}
	return -1
}

// cutTrim splits off a leading - or +, cutTail a trailing one.
func cutTrim(s string) (sign, rest string) {
	if s != "" && (s[0] == '-' || s[0] == '+') {
		return s[:1], s[1:]
	}
	return "", s
}

func cutTail(s string) (rest, sign string) {
	if n := len(s) - 1; n >= 0 && (s[n] == '-' || s[n] == '+') {
		return s[:n], s[n:]
	}
	return s, ""
}
