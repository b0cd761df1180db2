package refusal

import "unicode"

// CheckText accepts what one person writes for another to read, as a note or a greeting: UTF-8 in which everything
// has a place of its own on the screen and stands where it is read. It refuses control characters, ends of lines,
// characters that turn the direction of what follows (one makes ¥001 of ¥100), and those that cannot be seen, in
// which two texts may differ without looking different. In emoji, which are made with some of these, they are
// accepted: see invisibleInEmoji. The length is the caller's to check. Refusal: invalid_argument.
func CheckText(what, text string) error {
	runes := []rune(text)
	if string(runes) != text {
		return New(CodeInvalidArgument, "%s is malformed: it is not UTF-8", what)
	}
	for i, r := range runes {
		if unicode.Is(unicode.Cc, r) || unicode.In(r, unicode.Zl, unicode.Zp) {
			return New(CodeInvalidArgument,
				"%s is malformed: character %d, U+%04X, is a control character or an end of line: leave it out", what,
				i+1, r)
		}
		if invisible(r) && !invisibleInEmoji(runes, i) {
			return New(CodeInvalidArgument,
				"%s is malformed: character %d, U+%04X, cannot be seen or turns the direction of text: leave it out",
				what, i+1, r)
		}
	}
	return nil
}

// invisible says whether a character has no shape of its own: those that Unicode says to ignore in display
// (Default_Ignorable_Code_Point of UAX 44, derived as DerivedCoreProperties.txt says), and all other format
// characters but the signs of Arabic and Indic scripts that enclose numbers, which can be seen.
func invisible(r rune) bool {
	return unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) &&
		!unicode.Is(unicode.Prepended_Concatenation_Mark, r)
}

const (
	joiner    = '\u200D' // zero width joiner: 👩 and 👧 become one family
	asText    = '\uFE0E' // variation selector 15
	asEmoji   = '\uFE0F' // variation selector 16
	keycap    = '\u20E3' // 1️⃣ is a digit, asEmoji and this
	blackFlag = '\U0001F3F4'
	tagEnd    = '\U000E007F'
	tagBase   = '\U000E0000' // a tag is this and an ASCII character
	maxTags   = 6            // of a flag: a country and its part, as gbsct
	lightest  = '\U0001F3FB' // the first and the last of the five skin tones
	darkest   = '\U0001F3FF'
)

// invisibleInEmoji says whether the invisible character at i belongs to an emoji sequence of UTS 51, section 1.4: a
// joiner between two emoji, a variation selector after an emoji or in a keycap, a tag of a flag.
func invisibleInEmoji(text []rune, i int) bool {
	switch r := text[i]; {
	case r == joiner:
		return endsEmoji(text[:i]) && isEmoji(at(text, i+1))
	case r == asText:
		return isEmoji(at(text, i-1))
	case r == asEmoji:
		return isEmoji(at(text, i-1)) || isKeycapBase(at(text, i-1)) && at(text, i+1) == keycap
	case isTag(r) || r == tagEnd:
		return inFlag(text, i)
	}
	return false
}

// endsEmoji says whether a text ends with an emoji that another one can be joined to: one alone, with asEmoji or a
// skin tone.
func endsEmoji(text []rune) bool {
	last := len(text) - 1
	if r := at(text, last); r == asEmoji || r >= lightest && r <= darkest {
		last--
	}
	return isEmoji(at(text, last))
}

// inFlag says whether the tag at i is in the flag of a part of a country: a black flag, its tags and their end.
func inFlag(text []rune, i int) bool {
	begin, end := i, i
	for begin > 0 && i-begin <= maxTags && isTag(text[begin-1]) {
		begin--
	}
	for isTag(at(text, end)) && end-i <= maxTags {
		end++
	}
	return at(text, begin-1) == blackFlag && at(text, end) == tagEnd && end > begin && end-begin <= maxTags
}

// isTag says whether a character is one that spells the name of a flag: a small letter or a digit.
func isTag(r rune) bool {
	c := r - tagBase
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
}

func isKeycapBase(r rune) bool { return r >= '0' && r <= '9' || r == '#' || r == '*' }

func isEmoji(r rune) bool { return unicode.Is(pictographic, r) }

// at is the character at i, or 0 outside of the text.
func at(text []rune, i int) rune {
	if i < 0 || i >= len(text) {
		return 0
	}
	return text[i]
}

// pictographic is Extended_Pictographic of Unicode 15.0, the version of package unicode here (emoji-data.txt): what
// is an emoji, and what is kept for emoji to come.
var pictographic = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x00a9, 0x00a9, 1}, {0x00ae, 0x00ae, 1}, {0x203c, 0x203c, 1}, {0x2049, 0x2049, 1},
		{0x2122, 0x2122, 1}, {0x2139, 0x2139, 1}, {0x2194, 0x2199, 1}, {0x21a9, 0x21aa, 1},
		{0x231a, 0x231b, 1}, {0x2328, 0x2328, 1}, {0x2388, 0x2388, 1}, {0x23cf, 0x23cf, 1},
		{0x23e9, 0x23f3, 1}, {0x23f8, 0x23fa, 1}, {0x24c2, 0x24c2, 1}, {0x25aa, 0x25ab, 1},
		{0x25b6, 0x25b6, 1}, {0x25c0, 0x25c0, 1}, {0x25fb, 0x25fe, 1}, {0x2600, 0x2605, 1},
		{0x2607, 0x2612, 1}, {0x2614, 0x2685, 1}, {0x2690, 0x2705, 1}, {0x2708, 0x2712, 1},
		{0x2714, 0x2714, 1}, {0x2716, 0x2716, 1}, {0x271d, 0x271d, 1}, {0x2721, 0x2721, 1},
		{0x2728, 0x2728, 1}, {0x2733, 0x2734, 1}, {0x2744, 0x2744, 1}, {0x2747, 0x2747, 1},
		{0x274c, 0x274c, 1}, {0x274e, 0x274e, 1}, {0x2753, 0x2755, 1}, {0x2757, 0x2757, 1},
		{0x2763, 0x2767, 1}, {0x2795, 0x2797, 1}, {0x27a1, 0x27a1, 1}, {0x27b0, 0x27b0, 1},
		{0x27bf, 0x27bf, 1}, {0x2934, 0x2935, 1}, {0x2b05, 0x2b07, 1}, {0x2b1b, 0x2b1c, 1},
		{0x2b50, 0x2b50, 1}, {0x2b55, 0x2b55, 1}, {0x3030, 0x3030, 1}, {0x303d, 0x303d, 1},
		{0x3297, 0x3297, 1}, {0x3299, 0x3299, 1},
	},
	R32: []unicode.Range32{
		{0x1f000, 0x1f0ff, 1}, {0x1f10d, 0x1f10f, 1}, {0x1f12f, 0x1f12f, 1}, {0x1f16c, 0x1f171, 1},
		{0x1f17e, 0x1f17f, 1}, {0x1f18e, 0x1f18e, 1}, {0x1f191, 0x1f19a, 1}, {0x1f1ad, 0x1f1e5, 1},
		{0x1f201, 0x1f20f, 1}, {0x1f21a, 0x1f21a, 1}, {0x1f22f, 0x1f22f, 1}, {0x1f232, 0x1f23a, 1},
		{0x1f23c, 0x1f23f, 1}, {0x1f249, 0x1f3fa, 1}, {0x1f400, 0x1f53d, 1}, {0x1f546, 0x1f64f, 1},
		{0x1f680, 0x1f6ff, 1}, {0x1f774, 0x1f77f, 1}, {0x1f7d5, 0x1f7ff, 1}, {0x1f80c, 0x1f80f, 1},
		{0x1f848, 0x1f84f, 1}, {0x1f85a, 0x1f85f, 1}, {0x1f888, 0x1f88f, 1}, {0x1f8ae, 0x1f8ff, 1},
		{0x1f90c, 0x1f93a, 1}, {0x1f93c, 0x1f945, 1}, {0x1f947, 0x1faff, 1}, {0x1fc00, 0x1fffd, 1},
	},
	LatinOffset: 2,
}
