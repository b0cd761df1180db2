package stock_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"
	"testing"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/cover"
	"github.com/hongbao/hongbao/cover/stock"
	"github.com/hongbao/hongbao/internal/devstack"
	"github.com/hongbao/hongbao/internal/pots"
	"github.com/hongbao/hongbao/merchant"
)

// rig is an installation without workers, with an active merchant of ann's that has 1,000.00 in CNY on each side.
type rig struct {
	*apptest.Harness
	merchant.Merchant
	face string
}

const funds = 100_000

var (
	ann = cover.Caller{Subject: "ann"} // the owner
	fin = cover.Caller{Subject: "fin"}
	dev = cover.Caller{Subject: "dev"}
	vic = cover.Caller{Subject: "vic"} // a viewer
	eve = cover.Caller{Subject: "eve"} // no member
)

func newRig(t *testing.T, change func(*app.Config)) *rig {
	t.Helper()
	devstack.SkipInShort(t)
	r := &rig{Harness: apptest.NewHarness(t, change, "ann", "eve")}
	r.Merchant = apptest.Must(r.Merchants.Apply(r.ctx(), "ann", merchant.Application{
		RequestID: r.RequestID(), Name: "shop", LegalID: "1", Country: "CN", MCC: "5812", Contact: "ann@example.org",
		Currencies: []string{"CNY"},
	}))
	apptest.Must(r.Merchants.Decide(r.ctx(), "op", r.ID,
		merchant.Decision{RequestID: r.RequestID(), Verb: "approve", Reason: "seen"}))
	for user, role := range map[string]string{"fin": "finance", "dev": "developer", "vic": "viewer"} {
		apptest.Must(r.Merchants.SetMember(r.ctx(), "ann", r.ID,
			merchant.MemberChange{RequestID: r.RequestID(), User: user, Role: role}))
	}
	var face bytes.Buffer
	r.must(png.Encode(&face, image.NewGray(image.Rect(0, 0, 2, 2))))
	for _, mode := range []merchant.Mode{merchant.Live, merchant.Test} {
		upload := bytes.NewReader(face.Bytes())
		r.face = apptest.Must(r.Covers.Upload(r.ctx(), ann, r.ID, string(mode), upload)).Hash
		r.TopUp(merchant.Account(r.ID, mode, merchant.Marketing), funds)
	}
	return r
}

func (r *rig) ctx() context.Context { return r.T.Context() }

func (r *rig) must(err error) {
	r.T.Helper()
	if err != nil {
		r.T.Fatal(err)
	}
}

// cover is a new one that is approved.
func (r *rig) cover(mode merchant.Mode) int64 {
	r.T.Helper()
	c := apptest.Must(r.Covers.Create(r.ctx(), ann, r.ID, string(mode), r.RequestID(), cover.Design{
		Name: "马年大吉", Face: r.face, Colour: "#c8102e", Accent: "#ffd700", Greeting: "恭喜发财",
	}))
	apptest.Must(r.Covers.Submit(r.ctx(), ann, r.ID, c.ID, r.RequestID()))
	r.decide(c.ID, cover.Approve)
	return c.ID
}

// decide lets an operator decide, and every cache hear of it.
func (r *rig) decide(id int64, v cover.Verb) {
	r.T.Helper()
	c := apptest.Must(r.Covers.Decide(r.ctx(), "op", id,
		cover.Decision{RequestID: r.RequestID(), Verb: string(v), Reason: "looked at"}))
	apptest.Until(r.T, "the directory knows", func() bool {
		e, err := r.Covers.Entry(r.ctx(), id)
		return err == nil && e.State == c.State || c.State == cover.StateTakenDown && err != nil
	})
}

// marketing is the wallet that pays in tests.
func (r *rig) marketing() string { return merchant.Account(r.ID, merchant.Live, merchant.Marketing) }

func (r *rig) buy(id, pieces int64) stock.Batch {
	r.T.Helper()
	return apptest.Must(r.Stock.Buy(r.ctx(), fin, r.ID, id, r.purchase(pieces)))
}

func (r *rig) purchase(pieces int64) stock.Purchase {
	return stock.Purchase{RequestID: r.RequestID(), Pieces: pieces, Wallet: "marketing", Currency: "CNY"}
}

func (r *rig) open(id int64, kind stock.Kind, change func(*stock.NewChannel)) stock.Channel {
	r.T.Helper()
	n := stock.NewChannel{RequestID: r.RequestID(), Kind: string(kind), Name: "at the door"}
	if change != nil {
		change(&n)
	}
	return apptest.Must(r.Stock.OpenChannel(r.ctx(), dev, r.ID, id, n))
}

// linked is an approved cover with pieces and a link to them.
func (r *rig) linked(pieces int64) (id int64, code string) {
	r.T.Helper()
	id = r.cover(merchant.Live)
	r.buy(id, pieces)
	return id, r.open(id, stock.KindLink, nil).Code.String()
}

// claim is a claim that must be answered with an outcome.
func (r *rig) claim(user, code string, want stock.Outcome) stock.Holding {
	r.T.Helper()
	h, outcome, err := r.Stock.Claim(r.ctx(), user, code)
	if err != nil || outcome != want {
		r.T.Fatalf("%s claims: %q, %v; want %q", user, outcome, err, want)
	}
	return h
}

// wantStock settles and compares a stock.
func (r *rig) wantStock(id, claimed, withdrawn, left int64) {
	r.T.Helper()
	r.Deliver()
	s := apptest.Must(r.StockStore.Get(r.ctx(), id))
	if s.Claimed != claimed || s.Withdrawn != withdrawn || s.Left() != left {
		r.T.Errorf("claimed %d, withdrawn %d, left %d; want %d, %d, %d", s.Claimed, s.Withdrawn, s.Left(), claimed,
			withdrawn, left)
	}
}

// keeper does what is owed to the pots.
func (r *rig) keeper() *stock.Keeper {
	return stock.NewKeeper(r.Ledger, r.StockStore, r.CoverPots, r.Covers, r.Clock.Now, apptest.Quiet())
}

func (r *rig) keep() {
	r.T.Helper()
	r.Pass(func(ctx context.Context, shard int) (int, error) {
		_, err := r.keeper().Pass(ctx, shard)
		n, fillErr := r.keeper().FillAll(ctx, shard)
		return n, errors.Join(err, fillErr, r.keeper().EndAll(ctx, shard))
	})
}

// settle makes one pass of a settler over every bucket.
func (r *rig) settle(log stock.Log, store stock.Store) (err error) {
	r.T.Helper()
	s := stock.NewSettler(log, store, stock.DefaultRules(), r.Buckets, apptest.Quiet(),
		func(context.Context, stock.Settled) {})
	for _, shard := range r.Cluster.All() {
		from, to := r.Buckets.OfShard(shard)
		for bucket := from; bucket < to; bucket++ {
			_, passErr := s.Pass(r.ctx(), shard, bucket, 0)
			err = errors.Join(err, passErr)
		}
	}
	return err
}

// deaf is a log that forgets what was acknowledged.
type deaf struct{ stock.Log }

func (deaf) Acknowledge(context.Context, int, pots.Reader, pots.Position) error {
	return apptest.ErrDied
}

// second is the error of a call.
func second[T any](_ T, err error) error { return err }
