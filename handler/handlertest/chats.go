package handlertest

import (
	"context"
	"time"

	"github.com/hongbao/hongbao/chat"
)

type chats struct{ *Domain }

func sampleMessage() chat.Message {
	return chat.Message{
		ID: 1<<62 + 4, Group: "g", Sender: "alice", Text: "谢谢老板 🎉", ReplyTo: 1<<62 + 5, About: 1<<62 + 1,
		CreatedAt: time.UnixMilli(1_700_000_000_000),
	}
}

func (d chats) Send(_ context.Context, sender string, _ chat.Draft) (chat.Message, error) {
	_, err := d.asked(sender, nil)
	return sampleMessage(), err
}

func (d chats) Messages(
	_ context.Context, user string, _ chat.Place, before int64, limit int,
) ([]chat.Message, error) {
	_, err := d.asked(user, func(s *State) { s.Before, s.Limit = before, limit })
	return []chat.Message{sampleMessage(), sampleMessage()}[:min(limit, 2)], err
}

func (d chats) Partners(_ context.Context, user string, before int64, limit int) ([]chat.Partner, error) {
	_, err := d.asked(user, func(s *State) { s.Before, s.Limit = before, limit })
	return []chat.Partner{{User: "bob", First: 1<<62 + 5}, {User: "carol", First: 1<<62 + 4}}[:min(limit, 2)], err
}

func (d chats) NameMyself(_ context.Context, user, _ string) error {
	_, err := d.asked(user, nil)
	return err
}

func (d chats) NameGroup(_ context.Context, user, _, _ string) error {
	_, err := d.asked(user, nil)
	return err
}

func (d chats) Names(context.Context, []chat.Named) (map[chat.Named]string, error) {
	return map[chat.Named]string{{ID: "bob"}: "鲍勃", {ID: "g", IsGroup: true}: "相亲相爱一家人"}, nil
}
