package cover

import (
	"encoding/hex"
	"slices"
	"strings"

	"github.com/hongbao/hongbao/internal/refusal"
)

// Bounds of a design, in characters unless they say otherwise.
const (
	maxName      = 16
	maxGreeting  = 30
	maxStory     = 3 // pages
	maxStoryText = 200
	hashDigits   = 64
)

// Design is what a cover looks like and says.
type Design struct {
	Name     string `json:"name"`
	Face     string `json:"face"`    // name of the image on the closed envelope
	Opened   string `json:"opened"`  // and on the opened one; empty for none
	Pendant  string `json:"pendant"` // what hangs from its card in the chat; empty for none
	Story    []Page `json:"story"`
	Colour   string `json:"colour"` // of the envelope, #rrggbb in lower case
	Accent   string `json:"accent"` // of seal and text on it
	Greeting string `json:"greeting"`
}

// Page is a page of a cover's story: an image, a text, or both.
type Page struct {
	Image string `json:"image"`
	Text  string `json:"text"`
}

// Fields are what a reason of an operator may be about.
func Fields() []string {
	return []string{"name", "face", "opened", "pendant", "story", "colour", "accent", "greeting"}
}

// Images are the names of the images that a design uses, each once.
func (d Design) Images() []string {
	used := []string{d.Face, d.Opened, d.Pendant}
	for _, p := range d.Story {
		used = append(used, p.Image)
	}
	slices.Sort(used)
	used = slices.Compact(used)
	return slices.DeleteFunc(used, func(hash string) bool { return hash == "" })
}

// check accepts a draft: it may be unfinished, but what there is is well-formed. Refusal: invalid_argument.
func (d Design) check() error {
	if err := checkText("name", d.Name, 1, maxName); err != nil {
		return err
	}
	if err := checkText("greeting", d.Greeting, 0, maxGreeting); err != nil {
		return err
	}
	for _, image := range []struct{ what, hash string }{
		{"face", d.Face}, {"opened", d.Opened}, {"pendant", d.Pendant},
	} {
		if err := checkHash(image.what, image.hash); err != nil {
			return err
		}
	}
	if len(d.Story) > maxStory {
		return refusal.New(refusal.CodeInvalidArgument, "story has %d pages: give at most %d", len(d.Story), maxStory)
	}
	for _, p := range d.Story {
		if err := checkText("story: text", p.Text, 0, maxStoryText); err != nil {
			return err
		}
		if err := checkHash("story: image", p.Image); err != nil {
			return err
		}
		if p.Image == "" && p.Text == "" {
			return refusal.New(refusal.CodeInvalidArgument, "story has an empty page: give it an image or a text")
		}
	}
	if err := checkColour("colour", d.Colour); err != nil {
		return err
	}
	return checkColour("accent", d.Accent)
}

// complete refuses a design that lacks what a cover cannot be shown without. Refusal: invalid_argument.
func (d Design) complete() error {
	if d.Face == "" {
		return refusal.New(refusal.CodeInvalidArgument, "face is missing: upload an image and edit the cover first")
	}
	return nil
}

func checkText(what, text string, least, most int) error {
	if err := refusal.CheckText(what, text); err != nil {
		return err
	}
	if n := len([]rune(text)); n < least || n > most || strings.TrimSpace(text) != text {
		return refusal.New(refusal.CodeInvalidArgument,
			"%s has %d characters: give %d to %d, without spaces around them", what, n, least, most)
	}
	return nil
}

// checkHash accepts the name of an image, or none.
func checkHash(what, hash string) error {
	if hash == "" || IsHash(hash) {
		return nil
	}
	return refusal.New(refusal.CodeInvalidArgument, "%s %q is malformed: give the hash that an upload answered", what,
		refusal.Clip(hash))
}

// IsHash says whether a text may be the name of an image.
func IsHash(text string) bool {
	_, err := hex.DecodeString(text)
	return err == nil && len(text) == hashDigits && strings.ToLower(text) == text
}

func checkColour(what, colour string) error {
	digits, ok := strings.CutPrefix(colour, "#")
	if ok && len(digits) == 6 && strings.Trim(digits, "0123456789abcdef") == "" {
		return nil
	}
	return refusal.New(refusal.CodeInvalidArgument, "%s %q is malformed: give #rrggbb in lower case", what,
		refusal.Clip(colour))
}
