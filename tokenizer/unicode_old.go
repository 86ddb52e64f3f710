package tokenizer

import (
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Hugging Face's library asks old tables: of Unicode 8 in BERT's normalizer and
// for punctuation, of Unicode 9 for accents and normal forms. These characters
// have come since, or changed their category, so the answer of Go's tables is
// turned round for them. Its patterns and small letters are of Unicode 16 and
// later; what Go's tables do not have yet is unassigned here.
var (
	newFormat      = ranges(`890-891 8E2 110CD 13430-1343F`)
	newPunctuation = ranges(`61D 9FD A76 C77 C84 166D 1B7D-1B7E 2E43-2E4F 2E52-2E5D 10EAD 10F55-10F59 10F86-10F89 111C9 1144B-1144F
		1145A-1145B 1145D 11660-1166C 116B9 1183B 11944-11946 119E2 11A3F-11A46 11A9A-11A9C 11A9E-11AA2
		11B00-11B09 11C41-11C45 11C70-11C71 11EF7-11EF8 11F43-11F4F 11FFF 12FF1-12FF2 16E97-16E9A 16FE2
		1E95E-1E95F`)
	newAccents = ranges(`7FD 898-89F 8CA-8E1 9FE AFA-AFF B55 C04 C3C D00 D3B-D3C D81 EBA ECE 1734 180F 1885-1886 1ABF-1ACE
		1DF6-1DFB A82C A8C5 A8FF A9BD 10D24-10D27 10EAB-10EAC 10EFD-10EFF 10F46-10F50 10F82-10F85 11070
		11073-11074 110C2 111C9 111CF 1123E 11241 1133B 11438-1143F 11442-11444 11446 1145E 1182F-11837
		11839-1183A 1193B-1193C 1193E 11943 119D4-119D7 119DA-119DB 119E0 11A01-11A0A 11A33-11A38
		11A3B-11A3E 11A47 11A51-11A56 11A59-11A5B 11A8A-11A96 11A98-11A99 11C30-11C36 11C38-11C3D 11C3F
		11C92-11CA7 11CAA-11CB0 11CB2-11CB3 11CB5-11CB6 11D31-11D36 11D3A 11D3C-11D3D 11D3F-11D45 11D47
		11D90-11D91 11D95 11D97 11EF3-11EF4 11F00-11F01 11F36-11F3A 11F40 11F42 13440 13447-13455 16F4F 16FE4
		1CF00-1CF2D 1CF30-1CF46 1E000-1E006 1E008-1E018 1E01B-1E021 1E023-1E024 1E026-1E02A 1E08F 1E130-1E136
		1E2AE 1E2EC-1E2EF 1E4EC-1E4EF 1E944-1E94A`)
	newMarks = ranges(`7FD 898-89F 8CA-8D3 9FE AFA-AFF B55 C04 C3C CF3 D00 D3B-D3C D81 EBA ECE 1715 180F 1ABF-1ACE 1CF2-1CF3
		1CF7 1DF6-1DFA A82C A8FF 10D24-10D27 10EAB-10EAC 10EFD-10EFF 10F46-10F50 10F82-10F85 11070 11073-11074
		110C2 11145-11146 111C9 111CE-111CF 11241 1133B 1145E 1182C-1183A 11930-11935 11937-11938 1193B-1193E
		11940 11942-11943 119D1-119D7 119DA-119E0 119E4 11A01-11A0A 11A33-11A39 11A3B-11A3E 11A47 11A51-11A5B
		11A8A-11A99 11D31-11D36 11D3A 11D3C-11D3D 11D3F-11D45 11D47 11D8A-11D8E 11D90-11D91 11D93-11D97
		11EF3-11EF6 11F00-11F01 11F03 11F34-11F3A 11F3E-11F42 13440 13447-13455 16F4F 16F7F-16F87 16FE4
		16FF0-16FF1 1CF00-1CF2D 1CF30-1CF46 1E08F 1E130-1E136 1E2AE 1E2EC-1E2EF 1E4EC-1E4EF`)
	newForms = ranges(`32FF A7F2-A7F4 AB69 10781-10785 10787-107B0 107B2-107BA 11938 1E030-1E06D 1F16C 1FBF0-1FBF9`)
)

// ranges reads ranges of characters in order, as hexadecimal numbers.
func ranges(list string) *unicode.RangeTable {
	t := new(unicode.RangeTable)
	for part := range strings.FieldsSeq(list) {
		first, last, ok := strings.Cut(part, "-")
		if !ok {
			last = first
		}
		lo, _ := strconv.ParseUint(first, 16, 32)
		hi, _ := strconv.ParseUint(last, 16, 32)
		if hi <= 0xFFFF {
			t.R16 = append(t.R16, unicode.Range16{Lo: uint16(lo), Hi: uint16(hi), Stride: 1})
		} else {
			t.R32 = append(t.R32, unicode.Range32{Lo: uint32(lo), Hi: uint32(hi), Stride: 1})
		}
	}
	return t
}

// isFormat, isPunct, isAccent and isMark are Cf, P, Mn and M of the old tables.
func isFormat(r rune) bool { return unicode.Is(unicode.Cf, r) != unicode.Is(newFormat, r) }
func isPunct(r rune) bool  { return unicode.IsPunct(r) != unicode.Is(newPunctuation, r) }
func isAccent(r rune) bool { return unicode.Is(unicode.Mn, r) != unicode.Is(newAccents, r) }
func isMark(r rune) bool   { return unicode.IsMark(r) != unicode.Is(newMarks, r) }

// normalForm is a form of Unicode, but for characters that have got theirs since.
func normalForm(form norm.Form) normalizer {
	return func(text string) string {
		var b strings.Builder
		for {
			at := strings.IndexFunc(text, func(r rune) bool { return r >= 0x32FF && unicode.Is(newForms, r) })
			if at < 0 {
				return b.String() + form.String(text)
			}
			end := at + scanChar(text[at:])
			b.WriteString(form.String(text[:at]) + text[at:end])
			text = text[end:]
		}
	}
}
