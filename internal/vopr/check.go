package vopr

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// everything is more than a world has of anything.
const everything = 100_000

// win is who is paid which share.
type win struct {
	envelope int64
	share    int
	user     string
}

// books are what a world's ledger says when all is over.
type books struct {
	lost     map[int64]bool // envelopes that were sent and of which there is no hold
	posts    map[win]ledger.Post
	credits  map[win]int64   // minor units
	rejected map[[2]any]bool // envelope and user
	report   ledger.AuditReport
}

// check compares what users were told with the books, when all is over.
func (a *auditor) check(ctx context.Context) (wrong []string) {
	w := a.world
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	b, err := a.read(ctx)
	if err != nil {
		return []string{"the books cannot be read: " + err.Error()}
	}
	for shard := range w.buckets.Shards {
		holds, err := w.ledger.OpenHolds(ctx, shard, envelope.Subject, 0, everything)
		if err != nil {
			say("open holds: %v", err)
		}
		for _, h := range holds {
			say("envelope %d is open for ever: posted %d, pending %d", h.ID, h.Posted, h.Pending())
		}
	}
	w.now = w.now.Add(2 * envelope.RetiredFor)
	for _, id := range w.sent {
		if _, err := w.pots.Look(ctx, id); !errors.Is(err, envelope.ErrNoPot) {
			say("the pot of envelope %d is kept for ever: %v", id, err)
		}
		if b.lost[id] && !a.mayBeUnsent(id) {
			say("envelope %d was sent between steps %d and %d, and is gone", id, a.sends[id].began, a.sends[id].told)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(a.early)) {
		// A bucket that went back may hold a share of an envelope of which all is paid: then there is nothing to take.
		if h, err := w.ledger.GetHold(ctx, id); !b.lost[id] && (err != nil || h.Voided > 0) {
			say("%s; %d went back, %v", a.early[id], h.Voided, err)
		}
	}
	for _, t := range a.all {
		if reason := a.objection(b, t); reason != "" {
			say("%s was told between steps %d and %d to have won %d of envelope %d, %s", t.user, t.began, t.told,
				t.take.Minor, t.envelope, reason)
		}
	}
	return append(wrong, a.checkBooks(b)...)
}

// objection says what is wrong with the books if somebody was told to have won; "" for nothing.
func (a *auditor) objection(b books, t telling) string {
	of := win{t.envelope, t.take.Share, t.user}
	post, posted := b.posts[of]
	_, credited := b.credits[of]
	named := b.rejected[[2]any{t.envelope, t.user}] || a.forgotten(of)
	switch {
	case posted && post.Minor != t.take.Minor:
		return fmt.Sprintf("and is paid %d", post.Minor)
	case posted || a.mayBeLost(t):
		return ""
	case named && (b.lost[t.envelope] || a.mayBeNamed(b, t)):
		return ""
	case credited && b.lost[t.envelope]: // the audit names the credit, see checkBooks
		return ""
	case named:
		return "and is refused"
	}
	return "and is not paid"
}

// checkBooks compares what the audit named with what there is to name: a shard that lost its latest commits has
// forgotten credits that others have posted, or posts that others have credited, and nothing else.
func (a *auditor) checkBooks(b books) (wrong []string) {
	w := a.world
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	clearing, want := int64(0), map[string]int{}
	for of, post := range b.posts {
		credit, there := b.credits[of]
		switch {
		case there && credit != post.Minor:
			say("the post of %+v is of %d, its credit of %d", of, post.Minor, credit)
		case !there && !a.shardWentBack(w.shardOfUser(of.user)):
			say("the post of %+v is not credited", of)
		case !there:
			want[ledger.AuditPostNotCredited]++
			clearing += post.Minor
		}
	}
	for of, minor := range b.credits {
		if _, there := b.posts[of]; there {
			continue
		}
		if shard, _ := w.ledger.ShardOf(of.envelope); !a.shardWentBack(shard) {
			say("%+v is credited and not posted", of)
		}
		want[ledger.AuditCreditUnposted]++
		clearing -= minor
	}
	if clearing != 0 {
		want[ledger.AuditClearing]++
	}
	found := map[string]int{}
	for _, d := range b.report.Discrepancies {
		switch d.Code {
		case ledger.AuditRejection, ledger.AuditHoldOverdue:
		case ledger.AuditPostNotCredited, ledger.AuditCreditUnposted, ledger.AuditClearing:
			found[d.Code]++
			if d.Code == ledger.AuditClearing && d.Found != fmt.Sprint(clearing) {
				say("the audit finds %s in clearing, and there is %d", d.Found, clearing)
			}
		default:
			say("the books: %s: %s: expected %s, found %s", d.Code, d.What, d.Expected, d.Found)
		}
	}
	if !maps.Equal(found, want) {
		say("the audit names %v, and there is %v", found, want)
	}
	return wrong
}

// read reads the books.
func (a *auditor) read(ctx context.Context) (b books, err error) {
	w := a.world
	b = books{lost: map[int64]bool{}, posts: map[win]ledger.Post{}, credits: map[win]int64{},
		rejected: map[[2]any]bool{}}
	for _, id := range w.sent {
		_, err := w.ledger.GetHold(ctx, id)
		if b.lost[id] = errors.Is(err, ledger.ErrHoldNotFound); b.lost[id] {
			continue
		}
		posts, postsErr := w.ledger.Posts(ctx, id)
		if err := errors.Join(err, postsErr); err != nil {
			return b, err
		}
		for _, p := range posts {
			b.posts[win{p.Hold, p.Part, p.Payee}] = p
		}
	}
	for n := range people {
		credits, err := w.ledger.Credits(ctx, user(n), envelope.Subject, 0, everything)
		if err != nil {
			return b, err
		}
		for _, c := range credits {
			of := win{c.Hold, c.Part, c.Payee}
			if _, twice := b.credits[of]; twice {
				return b, fmt.Errorf("%+v is credited twice", of)
			}
			b.credits[of] = c.Minor
		}
	}
	for shard := range w.buckets.Shards {
		rejections, err := w.ledger.Rejections(ctx, shard)
		if err != nil {
			return b, err
		}
		for _, r := range rejections {
			b.rejected[[2]any{r.Hold, r.Payee}] = true
		}
	}
	b.report, err = w.ledger.Audit(ctx)
	return b, err
}
