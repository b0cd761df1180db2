package chat

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Subject is what conversations of two people are indexed as, by their first message.
const Subject ledger.Subject = "chat"

// Bounds, in characters.
const (
	MaxText = 1000
	MaxName = 32
)

// Message is one thing that somebody said.
type Message struct {
	ID        int64
	Group     string // empty between two people
	To        string // empty in a group
	Sender    string
	Text      string
	ReplyTo   int64 // an earlier message of the same conversation; 0 for none
	About     int64 // what else it is about, which is not checked; 0 for nothing
	CreatedAt time.Time
}

// Draft is a message that somebody wants to send: into a group, or to a person.
type Draft struct {
	RequestID string
	Group     string
	To        string
	Text      string
	ReplyTo   int64
	About     int64
}

// check finds what makes a draft no message. Refusal: invalid_argument.
func (d Draft) check(sender string) error {
	if err := refusal.CheckRequestID(d.RequestID); err != nil {
		return err
	}
	if (d.Group == "") == (d.To == "") {
		return refusal.New(refusal.CodeInvalidArgument, "give either group_id or to, not both")
	}
	if err := (Place{Group: d.Group, With: d.To}).check(sender); err != nil {
		return err
	}
	if d.ReplyTo < 0 || d.About < 0 {
		return refusal.New(refusal.CodeInvalidArgument, "reply_to and about are ids: give positive numbers, or none")
	}
	return checkLines("text", d.Text, MaxText)
}

// checkLines accepts text of one or more lines, with something to read in it.
func checkLines(what, text string, most int) error {
	if n := utf8.RuneCountInString(text); strings.TrimSpace(text) == "" || n > most {
		return refusal.New(refusal.CodeInvalidArgument, "%s has %d characters: give 1 to %d", what, n, most)
	}
	for line := range strings.SplitSeq(text, "\n") {
		if err := refusal.CheckText(what, line); err != nil {
			return err
		}
	}
	return nil
}

// Place is a conversation as one of its people sees it: a group's, or that with another person.
type Place struct {
	Group string
	With  string
}

func (p Place) check(user string) error {
	if p.Group != "" {
		return refusal.CheckID("group_id", p.Group)
	}
	if err := refusal.CheckID("user id", p.With); err != nil {
		return err
	}
	if p.With == user {
		return refusal.New(refusal.CodeInvalidArgument, "that is you: a conversation needs another person")
	}
	return nil
}

// Conversation is where messages are kept.
type Conversation struct {
	Key   string // tells conversations apart
	Owner string // the id whose shard it lies on
}

// Of is the conversation that a user means by a place.
func Of(user string, p Place) Conversation {
	if p.Group != "" {
		return Conversation{Key: "group:" + p.Group, Owner: p.Group}
	}
	// No id contains a bar.
	first, second := min(user, p.With), max(user, p.With)
	return Conversation{Key: "people:" + first + "|" + second, Owner: first}
}

// In is the conversation of a message.
func (m Message) In() Conversation { return Of(m.Sender, Place{Group: m.Group, With: m.To}) }
