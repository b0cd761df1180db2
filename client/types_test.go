package client_test

import (
	"errors"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/hongbao/hongbao/client"
)

func collect[T any](t *testing.T, all iter.Seq2[T, error]) (found []T) {
	t.Helper()
	for one, err := range all {
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, one)
	}
	return found
}

// until waits for a condition.
func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !condition(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
		time.Sleep(10 * time.Millisecond) // the interval of the condition
	}
}

func TestEnvelopes(t *testing.T) {
	u := installation(t)
	u.group(t, "types", "types-alice", "types-bob")
	alice, bob := u.as(t, "types-alice"), u.as(t, "types-bob")
	sent, err := alice.Envelopes.Send(t.Context(), client.NewEnvelope{
		Group: "types", Kind: client.Exclusive, To: "types-bob", Total: 100, Count: 1, Currency: "CNY",
		Greeting: "恭喜发财",
	})
	if err != nil || sent.Sender != "types-alice" || sent.To != "types-bob" || sent.Greeting != "恭喜发财" ||
		sent.Seed != "" ||
		time.Since(sent.CreatedAt).Abs() > time.Minute || !sent.ExpiresAt.After(sent.CreatedAt) ||
		len(sent.Taken) != 0 {
		t.Fatalf("%+v, %v", sent, err)
	}
	if _, err := alice.Envelopes.Grab(t.Context(), sent.ID); client.Code(err) != client.CodeNotTheRecipient {
		t.Errorf("grabbed by its sender: %v", err)
	}
	for _, want := range []client.Grab{{client.Won, 100, "CNY", 0}, {client.AlreadyWon, 100, "CNY", 0}} {
		if got, err := bob.Envelopes.Grab(t.Context(), sent.ID); err != nil || got != want {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	seen, err := alice.Envelopes.Get(t.Context(), sent.ID)
	if err != nil || seen.State != client.EnvelopeDrained || seen.TakenAmount != 100 || len(seen.Seed) != 64 ||
		len(seen.Taken) != 1 {
		t.Fatalf("%+v, %v", seen, err)
	}
	if taken := seen.Taken[0]; taken.User != "types-bob" || taken.Amount != 100 || !taken.Best ||
		time.Since(taken.At).Abs() > time.Minute {
		t.Errorf("%+v", taken)
	}
	until(t, "the share is credited", func() bool { return len(collect(t, bob.Envelopes.Received(t.Context()))) == 1 })
	if got := collect(t, bob.Envelopes.Received(t.Context()))[0]; got.Envelope != sent.ID || got.Amount != 100 ||
		got.Sender != "types-alice" {
		t.Errorf("%+v", got)
	}
	lines := collect(t, bob.Wallet.Entries(t.Context(), client.EntriesQuery{
		Currency: "CNY", From: time.Now().Add(-time.Hour), To: time.Now().Add(time.Hour),
	}))
	if len(lines) != 2 || lines[0].Subject != "envelope" || lines[0].Reference != sent.ID || lines[0].Amount != 100 ||
		lines[0].Kind != "post" {
		t.Errorf("%+v", lines)
	}
	if old := collect(t, bob.Wallet.Entries(t.Context(), client.EntriesQuery{Currency: "CNY",
		To: time.UnixMilli(1)})); len(old) != 0 {
		t.Errorf("%+v", old)
	}
}

func TestTransfersAndCollections(t *testing.T) {
	u := installation(t)
	u.group(t, "social", "social-alice", "social-bob")
	alice, bob := u.as(t, "social-alice"), u.as(t, "social-bob")
	offer := func() client.Transfer {
		t.Helper()
		o, err := alice.Transfers.Offer(t.Context(), client.NewTransfer{To: "social-bob", Amount: 3, Currency: "CNY",
			Arrives: client.ArrivesIn2Hours})
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	if o, err := bob.Transfers.Decline(t.Context(), offer().ID); err != nil || o.State != client.TransferDeclined {
		t.Errorf("%+v, %v", o, err)
	}
	late, err := bob.Transfers.Accept(t.Context(), offer().ID)
	if err != nil || late.State != client.TransferAccepted || late.ArrivesAt.Before(time.Now()) {
		t.Errorf("%+v, %v", late, err)
	}
	if o, err := alice.Transfers.Recall(t.Context(), late.ID); err != nil || o.State != client.TransferRecalled {
		t.Errorf("%+v, %v", o, err)
	}
	until(t, "both offers are listed", func() bool { return len(collect(t, bob.Transfers.Received(t.Context()))) == 2 })

	bill, err := alice.Collections.Open(t.Context(), client.NewCollection{
		Group: "social", Kind: client.Even, Currency: "CNY", Total: 1001,
		Participants: []string{"social-alice", "social-bob"}, Remainder: client.RemainderCollector, Note: "dinner",
	})
	if err != nil || bill.Due != 500 || bill.State != client.CollectionOpen || len(bill.Parts) != 2 ||
		bill.Parts[0].State != client.PartOwn || !bill.ClosedAt.IsZero() {
		t.Fatalf("%+v, %v", bill, err)
	}
	until(t, "the bill is listed", func() bool {
		return len(collect(t, bob.Collections.Asked(t.Context()))) == 1 &&
			len(collect(t, alice.Collections.OfGroup(t.Context(), "social"))) == 1
	})
	opened := collect(t, alice.Collections.Opened(t.Context()))
	if len(opened) != 1 || opened[0].ID != bill.ID || opened[0].MyState != client.PartOwn {
		t.Errorf("%+v", opened)
	}
	if closed, err := alice.Collections.Close(t.Context(), bill.ID); err != nil ||
		closed.State != client.CollectionClosed || closed.ClosedAt.IsZero() {
		t.Errorf("%+v, %v", closed, err)
	}
}

func TestChats(t *testing.T) {
	u := installation(t)
	if err := u.with(t, "chat", "service").Groups.Create(t.Context(), "talk", "talk-alice", "talk-bob"); err != nil {
		t.Fatal(err)
	}
	alice, bob := u.as(t, "talk-alice"), u.as(t, "talk-bob")
	hello, err := alice.Chats.Send(t.Context(), client.NewMessage{Group: "talk", Text: "新年快乐"})
	if err != nil || hello.Sender != "talk-alice" || hello.Group != "talk" || hello.CreatedAt.IsZero() {
		t.Fatalf("%+v, %v", hello, err)
	}
	answer := client.NewMessage{Group: "talk", Text: "谢谢老板", ReplyTo: hello.ID, About: 7}
	thanks, err := bob.Chats.Send(t.Context(), answer)
	if err != nil || thanks.ReplyTo != hello.ID || thanks.About != 7 {
		t.Fatalf("%+v, %v", thanks, err)
	}
	if read := collect(t, alice.Chats.OfGroup(t.Context(), "talk")); !slices.Equal(read,
		[]client.Message{thanks, hello}) {
		t.Errorf("%+v", read)
	}
	if _, err := bob.Chats.Send(t.Context(), client.NewMessage{To: "talk-alice", Text: "在吗"}); err != nil {
		t.Fatal(err)
	}
	if read := collect(t, alice.Chats.With(t.Context(), "talk-bob")); len(read) != 1 || read[0].To != "talk-alice" {
		t.Errorf("%+v", read)
	}
	until(t, "both are partners", func() bool {
		return slices.Equal(collect(t, alice.Chats.Partners(t.Context())), []string{"talk-bob"})
	})
	if err := errors.Join(alice.Chats.NameMyself(t.Context(), "爱丽丝"),
		bob.Chats.NameGroup(t.Context(), "talk", "闲聊")); err != nil {
		t.Fatal(err)
	}
	people, groups, err := bob.Chats.Names(t.Context(), []string{"talk-alice", "talk-bob"}, []string{"talk"})
	if err != nil || people["talk-alice"] != "爱丽丝" || len(people) != 1 || groups["talk"] != "闲聊" {
		t.Errorf("%v, %v, %v", people, groups, err)
	}
}

func TestGroupsAndOperator(t *testing.T) {
	u := installation(t)
	chat, carol := u.with(t, "chat", "service"), u.as(t, "members-carol")
	if err := chat.Groups.Create(t.Context(), "members", "members-bob"); err != nil {
		t.Fatal(err)
	}
	if err := chat.Groups.Add(t.Context(), "members", "members-carol"); err != nil {
		t.Fatal(err)
	}
	members, err := chat.Groups.Members(t.Context(), "members")
	if err != nil || !slices.Equal(members, []string{"members-bob", "members-carol"}) {
		t.Errorf("%v, %v", members, err)
	}
	until(t, "carol knows her group", func() bool {
		mine, err := carol.Groups.Mine(t.Context())
		return err == nil && slices.Equal(mine, []string{"members"})
	})
	ops := u.with(t, "ops", "operator")
	in, err := ops.Operator.Installation(t.Context())
	if err != nil || !in.Sandbox {
		t.Errorf("%+v, %v", in, err)
	}
	if shards, err := ops.Operator.Backlog(t.Context()); err != nil || len(shards) != int(in.Shards) {
		t.Errorf("%+v, %v", shards, err)
	}
	if audit, err := ops.Operator.Audit(t.Context()); err != nil || !audit.Balanced {
		t.Errorf("%+v, %v", audit, err)
	}
}
