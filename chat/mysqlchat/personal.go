package mysqlchat

import "github.com/hongbao/hongbao/internal/personal"

// Personal are the tables of the chat with rows of users: messages that they wrote or that were written to them.
func Personal() []personal.Table {
	return []personal.Table{
		{Name: "chat_messages", Users: []string{"sender", "recipient"}},
		{Name: "chat_names", Users: []string{"owner"}, Prefix: "user:", Home: true},
	}
}
