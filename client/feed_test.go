package client_test

import (
	"context"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/hongbao/hongbao/client"
)

// feed hands out the updates of a live feed one at a time.
type feed struct {
	t    *testing.T
	next func() (client.Update, error, bool)
}

func listen(t *testing.T, c *client.Client, topics ...client.Topic) *feed {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout) // a feed that says nothing fails, not hangs
	next, stop := iter.Pull2(c.Listen(ctx, topics...))
	t.Cleanup(func() { stop(); cancel() })
	return &feed{t, next}
}

// want takes updates until one of the kind comes, and fails on those of others but UpdateDisconnected, which may come
// in any number.
func (f *feed) want(kind client.UpdateKind) client.Update {
	f.t.Helper()
	for {
		u, err, ok := f.next()
		if !ok || err != nil {
			f.t.Fatalf("waited for kind %d: %v, more: %t", kind, err, ok)
		}
		if u.Kind == kind {
			return u
		}
		if u.Kind != client.UpdateDisconnected {
			f.t.Fatalf("waited for kind %d: %+v, event %s", kind, u, u.Event.Data)
		}
	}
}

// send sends an envelope into a group, which the group's listeners are told.
func send(t *testing.T, c *client.Client, group string) int64 {
	t.Helper()
	e, err := c.Envelopes.Send(t.Context(), client.NewEnvelope{Group: group, Kind: client.Equal, Total: 2, Count: 2,
		Currency: "CNY"})
	if err != nil {
		t.Fatal(err)
	}
	return e.ID
}

// sentIn is the envelope that an event tells of.
func sentIn(t *testing.T, u client.Update) int64 {
	t.Helper()
	var about struct {
		Envelope int64 `json:"envelope_id,string"`
	}
	if err := u.Event.Decode(&about); err != nil || u.Event.Type != client.EventEnvelopeSent {
		t.Fatalf("%s, %v", u.Event.Data, err)
	}
	return about.Envelope
}

// What happens while the connection is cut is told afterwards: each event once and in order.
func TestTheFeedResumesAfterACut(t *testing.T) {
	u := installation(t)
	u.group(t, "cut", "cut-alice", "cut-bob", "cut-carol")
	alice := u.as(t, "cut-alice")
	p := newProxy(t, u.http)
	f := listen(t, u.at(t, u.rpc, p.address, "cut-bob", "user"), client.GroupTopic("cut"))

	place := f.want(client.UpdateSubscribed)
	ids := []int64{send(t, alice, "cut")}
	first := f.want(client.UpdateEvent)
	got := []int64{sentIn(t, first)}
	p.cut(true)
	for range 3 {
		ids = append(ids, send(t, alice, "cut"))
	}
	f.want(client.UpdateDisconnected)
	p.cut(false)
	last := first
	for range 3 {
		next := f.want(client.UpdateEvent)
		if next.Epoch != last.Epoch || next.Seq != last.Seq+1 {
			t.Errorf("%d in %s after %d in %s", next.Seq, next.Epoch, last.Seq, last.Epoch)
		}
		got, last = append(got, sentIn(t, next)), next
	}
	if !slices.Equal(got, ids) || first.Seq != place.Seq+1 {
		t.Errorf("told of %v, sent %v, first %d after %d", got, ids, first.Seq, place.Seq)
	}

	// Another process goes on from the place that this one has stored.
	g := listen(t, u.as(t, "cut-carol"), first.Place())
	if next := g.want(client.UpdateEvent); sentIn(t, next) != ids[1] {
		t.Errorf("%+v", next)
	}
}

// A place that the server does not know any more is said to be lost.
func TestTheFeedSaysWhatIsLost(t *testing.T) {
	u := installation(t)
	u.group(t, "lost", "lost-alice", "lost-bob")
	f := listen(t, u.as(t, "lost-bob"), client.Topic{Name: client.GroupTopic("lost").Name, Epoch: "ANOTHERHISTORY",
		Seq: 7})
	at := f.want(client.UpdateReload)
	id := send(t, u.as(t, "lost-alice"), "lost")
	if next := f.want(client.UpdateEvent); sentIn(t, next) != id || next.Seq != at.Seq+1 || next.Epoch != at.Epoch {
		t.Errorf("%+v after %+v", next, at)
	}
}

// Whoever asks is told how many listen.
func TestTheFeedSaysHowManyListen(t *testing.T) {
	u := installation(t)
	u.group(t, "present", "present-alice", "present-bob")
	topic := client.GroupTopic("present")
	topic.Presence = true
	alice := listen(t, u.as(t, "present-alice"), topic)
	alice.want(client.UpdateSubscribed)
	if told := alice.want(client.UpdatePresent); told.Present != 1 || told.Topic != topic.Name {
		t.Errorf("told %+v", told)
	}
	bob := listen(t, u.as(t, "present-bob"), topic)
	bob.want(client.UpdateSubscribed)
	for _, f := range []*feed{alice, bob} {
		if told := f.want(client.UpdatePresent); told.Present != 2 {
			t.Errorf("told %+v", told)
		}
	}
}

func TestTheFeedEndsWithoutARightToListen(t *testing.T) {
	u := installation(t)
	u.group(t, "revoked", "revoked-bob")
	bob := u.as(t, "revoked-bob")

	// A topic that is refused ends alone.
	f := listen(t, bob, client.GroupTopic("revoked"), client.GroupTopic("nobodys"), client.GroupTopic("revoked"))
	f.want(client.UpdateSubscribed)
	if refused, err, ok := f.next(); !ok || client.Code(err) != client.CodeNotAMember ||
		refused.Topic != "group:nobodys" {
		t.Fatalf("%+v, %v", refused, err)
	}
	if err := u.with(t, "chat", "service").Groups.Remove(t.Context(), "revoked", "revoked-bob"); err != nil {
		t.Fatal(err)
	}
	f.want(client.UpdateRevoked)
	if u, err, ok := f.next(); ok {
		t.Errorf("after the last topic: %+v, %v", u, err)
	}

	// A token that is not good at all ends everything.
	g := listen(t, bob.As(client.StaticToken(u.signed(t, "revoked-bob", -time.Hour))), client.UserTopic("revoked-bob"))
	for {
		update, err, ok := g.next()
		if !ok || update.Kind != client.UpdateDisconnected && client.Code(err) != client.CodeUnauthenticated {
			t.Fatalf("%+v, %v, %t", update, err, ok)
		}
		if err != nil {
			break
		}
	}
}

// The gateway closes the connection when its token expires; the next one has a new token, and nothing is lost.
func TestTheFeedRenewsItsToken(t *testing.T) {
	u := installation(t)
	u.group(t, "renew", "renew-alice", "renew-bob")
	var given int
	source := client.TokenFunc(func(context.Context) (string, error) {
		given++
		if given == 1 {
			return u.signed(t, "renew-bob", 2*time.Second), nil
		}
		return u.signed(t, "renew-bob", time.Hour), nil
	})
	f := listen(t, u.as(t, "renew-bob").As(source), client.GroupTopic("renew"))
	f.want(client.UpdateSubscribed)
	if given == 1 { // on a slow machine the first token expires before it is subscribed
		f.want(client.UpdateDisconnected)
	}
	id := send(t, u.as(t, "renew-alice"), "renew")
	if next := f.want(client.UpdateEvent); sentIn(t, next) != id || given != 2 {
		t.Errorf("%+v with token %d", next, given)
	}
}

func TestTheFeedEndsWithItsContext(t *testing.T) {
	u := installation(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for update, err := range u.as(t, "context-alice").Listen(ctx, client.UserTopic("context-alice")) {
		if err != nil || update.Kind != client.UpdateSubscribed {
			t.Fatalf("%+v, %v", update, err)
		}
		cancel()
	}
	for range u.as(t, "context-alice").Listen(t.Context(), client.UserTopic("context-alice")) {
		break // closes the connection
	}
}
