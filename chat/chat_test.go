package chat_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/chat"
	"github.com/hongbao/hongbao/internal/refusal"
)

// talk is an installation with a group, and what a test does in a chat in few words.
type talk struct {
	*apptest.Harness
	group string
}

func newTalk(t *testing.T) *talk {
	h := apptest.NewHarness(t, nil)
	if err := h.Groups.Create(t.Context(), "family", []string{"alice", "bob", "carol"}); err != nil {
		t.Fatal(err)
	}
	return &talk{h, "family"}
}

func (r *talk) texts(user string, p chat.Place, before int64, limit int) (texts []string) {
	r.T.Helper()
	for _, m := range apptest.Must(r.Chats.Messages(r.T.Context(), user, p, before, limit)) {
		texts = append(texts, m.Text)
	}
	return texts
}

func (r *talk) want(what string, got, want any) {
	r.T.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		r.T.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestChat(t *testing.T) {
	r := newTalk(t)
	ctx, group := t.Context(), chat.Place{Group: "family"}
	send := func(sender string, d chat.Draft) (chat.Message, error) { return r.Chats.Send(ctx, sender, d) }
	hello := apptest.Must(send("alice", chat.Draft{RequestID: "1", Group: "family", Text: "新年快乐 🎉\n大家好"}))

	t.Run("a group reads and answers", func(t *testing.T) {
		answer := apptest.Must(send("bob", chat.Draft{
			RequestID: "1", Group: "family", Text: "谢谢老板", ReplyTo: hello.ID, About: 7,
		}))
		r.want("the messages", r.texts("carol", group, 0, 10), []string{"谢谢老板", "新年快乐 🎉\n大家好"})
		r.want("older ones", r.texts("carol", group, answer.ID, 10), []string{"新年快乐 🎉\n大家好"})
		r.want("one of them", r.texts("carol", group, 0, 1), []string{"谢谢老板"})
		again := apptest.Must(r.Chats.Messages(ctx, "bob", group, 0, 1))[0]
		r.want("what was stored", again, answer)
	})

	t.Run("two people, whoever of them began", func(t *testing.T) {
		apptest.Must(send("bob", chat.Draft{RequestID: "2", To: "alice", Text: "在吗"}))
		apptest.Must(send("alice", chat.Draft{RequestID: "2", To: "bob", Text: "在"}))
		apptest.Must(send("carol", chat.Draft{RequestID: "2", To: "alice", Text: "hi"}))
		for user, with := range map[string]string{"alice": "bob", "bob": "alice"} {
			r.want("what "+user+" reads", r.texts(user, chat.Place{With: with}, 0, 10), []string{"在", "在吗"})
		}
		r.want("what others read", r.texts("carol", chat.Place{With: "bob"}, 0, 10), []string{})
		r.Deliver()
		for user, want := range map[string][]string{"alice": {"bob", "carol"}, "bob": {"alice"}, "dave": nil} {
			var with []string
			for _, p := range apptest.Must(r.Chats.Partners(ctx, user, 0, 10)) {
				with = append(with, p.User)
			}
			slices.Sort(with)
			r.want("the partners of "+user, with, want)
		}
	})

	t.Run("two people who begin together", func(t *testing.T) {
		var both sync.WaitGroup
		for from, to := range map[string]string{"frank": "grace", "grace": "frank"} {
			for i := range 4 {
				both.Go(func() {
					_, err := send(from, chat.Draft{RequestID: fmt.Sprint("b", i), To: to, Text: "新年好"})
					if err != nil {
						t.Error(err)
					}
				})
			}
		}
		both.Wait()
		r.Deliver()
		for _, user := range []string{"frank", "grace"} {
			r.want("how many partners "+user+" has", len(apptest.Must(r.Chats.Partners(ctx, user, 0, 10))), 1)
		}
	})

	t.Run("once for each request", func(t *testing.T) {
		d := chat.Draft{RequestID: "once", Group: "family", Text: "a"}
		first, second := apptest.Must(send("carol", d)), apptest.Must(send("carol", d))
		r.want("the second answer", second, first)
		r.want("what is read", r.texts("bob", group, 0, 2), []string{"a", "谢谢老板"})
		if err := r.Groups.Remove(ctx, "family", "carol"); err != nil {
			t.Fatal(err)
		}
		r.want("the answer after she left", apptest.Must(send("carol", d)), first)
		fresh := d
		fresh.RequestID = "after"
		_, err := send("carol", fresh)
		apptest.WantCode(t, "a new message after she left", err, refusal.CodeNotAMember)
		d.Text = "b"
		_, err = send("carol", d)
		apptest.WantCode(t, "the same request with another text, after she left", err, refusal.CodeRequestConflict)
		if err := r.Groups.Add(ctx, "family", "carol"); err != nil {
			t.Fatal(err)
		}
		_, err = send("carol", d)
		apptest.WantCode(t, "the same request with another text", err, refusal.CodeRequestConflict)
	})

	t.Run("refusals", func(t *testing.T) {
		const bad = refusal.CodeInvalidArgument
		long := strings.Repeat("福", chat.MaxText+1)
		for what, x := range map[string]struct {
			by, code string
			draft    chat.Draft
		}{
			"an outsider":          {"eve", refusal.CodeNotAMember, chat.Draft{Group: "family", Text: "x"}},
			"nowhere":              {"bob", bad, chat.Draft{Text: "x"}},
			"two places":           {"bob", bad, chat.Draft{Group: "family", To: "a", Text: "x"}},
			"to oneself":           {"bob", bad, chat.Draft{To: "bob", Text: "x"}},
			"a bad id":             {"bob", bad, chat.Draft{To: "a|b", Text: "x"}},
			"nothing":              {"bob", bad, chat.Draft{Group: "family", Text: " \n "}},
			"too much":             {"bob", bad, chat.Draft{Group: "family", Text: long}},
			"control characters":   {"bob", bad, chat.Draft{Group: "family", Text: "a\x00b"}},
			"text that misleads":   {"bob", bad, chat.Draft{Group: "family", Text: "a\u202eb"}},
			"an answer to nothing": {"bob", bad, chat.Draft{Group: "family", Text: "x", ReplyTo: 99}},
			"an answer elsewhere":  {"bob", bad, chat.Draft{To: "alice", Text: "x", ReplyTo: hello.ID}},
		} {
			x.draft.RequestID = r.RequestID()
			_, err := send(x.by, x.draft)
			apptest.WantCode(t, what, err, x.code)
		}
		longest := strings.Repeat("<", chat.MaxText) // which JSON makes six times as long
		apptest.Must(send("bob", chat.Draft{RequestID: "long", Group: "family", Text: longest}))
		_, err := r.Chats.Messages(ctx, "eve", group, 0, 1)
		apptest.WantCode(t, "reading as an outsider", err, refusal.CodeNotAMember)
	})

	t.Run("names", func(t *testing.T) {
		alice, family := chat.Named{ID: "alice"}, chat.Named{ID: "family", IsGroup: true}
		for _, name := range []string{"爱丽丝", "Ålice 🌸"} {
			if err := r.Chats.NameMyself(ctx, "alice", name); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Chats.NameGroup(ctx, "bob", "family", "相亲相爱一家人"); err != nil {
			t.Fatal(err)
		}
		asked := []chat.Named{alice, family, {ID: "family"}, {ID: "alice", IsGroup: true}, alice}
		names := apptest.Must(r.Chats.Names(ctx, asked))
		r.want("the names", names, map[chat.Named]string{alice: "Ålice 🌸", family: "相亲相爱一家人"})
		if err := r.Chats.NameMyself(ctx, "alice", ""); err != nil {
			t.Fatal(err)
		}
		r.want("after it was taken back", len(apptest.Must(r.Chats.Names(ctx, []chat.Named{alice}))), 0)
		apptest.WantCode(t, "too long", r.Chats.NameMyself(ctx, "alice", strings.Repeat("王", chat.MaxName+1)),
			refusal.CodeInvalidArgument)
		apptest.WantCode(t, "of others' groups", r.Chats.NameGroup(ctx, "eve", "family", "x"), refusal.CodeNotAMember)
	})

	events := &apptest.Recorder{}
	r.Publish(events)
	r.want("what the group hears", events.Types("group:family"), []string{
		"chat.message", "chat.message", "chat.message", "chat.message", "chat.named",
	})
	r.want("how much alice hears", len(events.Types("user:alice")), 3)
	r.MustBalance()
}
