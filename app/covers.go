package app

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/hongbao/hongbao/cover"
	"github.com/hongbao/hongbao/cover/mysqlcover"
	"github.com/hongbao/hongbao/cover/stock"
	"github.com/hongbao/hongbao/cover/stock/mysqlstock"
	"github.com/hongbao/hongbao/cover/stock/redisstock"
	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/loop"
	"github.com/hongbao/hongbao/internal/picture"
	"github.com/hongbao/hongbao/internal/pots"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/merchant"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// parallelPictures is how many images a process makes at a time: each may take some 250 MB and a core.
const parallelPictures = 2

// coverPictures are cover.Pictures on internal/picture.
type coverPictures struct{ maker *picture.Maker }

func newCoverPictures() coverPictures {
	var sizes []picture.Size
	for _, w := range cover.Widths() {
		sizes = append(sizes, picture.Size{Name: w.Name, Width: w.Width})
	}
	return coverPictures{picture.NewMaker(picture.DefaultLimits(), parallelPictures, sizes...)}
}

// Limits implements cover.Pictures.
func (p coverPictures) Limits() (bytes, pixels int64) {
	l := p.maker.Limits()
	return l.Bytes, int64(l.Pixels)
}

// Make implements cover.Pictures.
func (p coverPictures) Make(ctx context.Context, stream io.Reader) (cover.Picture, error) {
	made, err := p.maker.Make(ctx, stream)
	if no, ok := errors.AsType[*picture.RefusedError](err); ok {
		if no.TooLarge {
			return cover.Picture{}, refusal.New(cover.CodeImageTooLarge, "%s", no.Reason)
		}
		return cover.Picture{}, refusal.New(cover.CodeImageRefused, "%s", no.Reason)
	}
	if err != nil {
		return cover.Picture{}, err
	}
	of := cover.Picture{Hash: made.Name, Type: made.Type}
	for _, r := range made.Renditions {
		of.Files = append(of.Files, cover.File{
			ImageSize: cover.ImageSize{Name: r.Size, Width: r.Width, Height: r.Height}, Data: r.Data,
		})
	}
	return of, nil
}

// openCovers makes the covers' service.
func (a *App) openCovers(events merchant.ServerEvents) (err error) {
	a.CoverStore = mysqlcover.New(a.Cluster, a.Ledger, events)
	if a.CoverDirectory, err = cover.NewDirectory(a.CoverStore, a.Merchants, a.cfg.Now); err != nil {
		return err
	}
	a.Covers = cover.NewService(a.CoverParts())
	return nil
}

// CoverParts are what the covers' service stands on.
func (a *App) CoverParts() cover.Parts {
	rules := a.cfg.Covers
	if rules.Validity <= 0 {
		rules = cover.DefaultRules()
	}
	return cover.Parts{
		IDs: a.Ledger, Store: a.CoverStore, Merchants: a.Merchants, Directory: a.CoverDirectory,
		Pictures: newCoverPictures(), Art: a.cfg.Art, Rules: rules, Log: a.cfg.Log,
	}
}

// openStock makes the service of covers' pieces.
func (a *App) openStock(events merchant.ServerEvents) (err error) {
	cfg, store := a.cfg, mysqlstock.New(a.Cluster, a.Ledger, events)
	a.StockStore = store
	a.CoverPots, err = redisstock.New(a.Redis, redisstock.Config{
		Buckets: a.Buckets, ShardOf: a.Ledger.ShardOf, Installation: a.Installation.ID, Epoch: a.epochOf,
		Durable:      a.durable,
		WaitReplicas: cfg.WaitReplicas, WaitTimeout: cfg.WaitTimeout, Registerer: cfg.Registerer,
	})
	if err != nil {
		return err
	}
	rules := cfg.Stock
	if len(rules.Prices) == 0 {
		rules = stock.DefaultRules()
	}
	a.Stock, err = stock.NewService(a.Ledger, store, a.CoverPots, a.Covers, rules, cfg.Now, cfg.Log)
	a.stockSettler = stock.NewSettler(a.CoverPots, store, rules, a.Buckets, cfg.Log, a.stockSettled)
	a.stockKeeper = stock.NewKeeper(a.Ledger, store, a.CoverPots, a.Covers, cfg.Now, cfg.Log)
	return err
}

// stockSettled shows what a settlement changed to the members who watch the console. A number that nobody hears of is
// in the next one.
func (a *App) stockSettled(ctx context.Context, done stock.Settled) {
	if done.Claims == 0 && done.Back == 0 {
		return
	}
	a.tellStock(ctx, done.Stock)
}

func (a *App) tellStock(ctx context.Context, s stock.Stock) {
	event, err := stock.Changed(s)
	if err == nil {
		err = a.publishToMembers(ctx, s.Merchant, event)
	}
	if err != nil {
		a.cfg.Log.Warn("a merchant's console was not told of its stock", "cover", s.Cover, "error", err)
	}
}

// usesInterval is how long the uses of covers gather before the consoles hear of them.
const usesInterval = time.Second

// usedCovers are the covers whose uses were counted since the consoles last heard of them.
type usedCovers struct {
	mu     sync.Mutex
	covers map[int64]bool
}

func (u *usedCovers) note(cover int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.covers == nil {
		u.covers = map[int64]bool{}
	}
	u.covers[cover] = true
}

func (u *usedCovers) take() map[int64]bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	covers := u.covers
	u.covers = nil
	return covers
}

// tellUses shows members who watch the console that their covers' numbers changed.
func (a *App) tellUses(ctx context.Context) {
	for ; ctx.Err() == nil; loop.Wait(ctx, usesInterval, nil) {
		for cover := range a.used.take() {
			s, err := a.StockStore.Get(ctx, cover)
			if err != nil {
				a.cfg.Log.Warn("a merchant's console was not told of a cover's uses", "cover", cover, "error", err)
				continue
			}
			if s.Merchant != 0 { // else it is the installation's own, which nobody buys
				a.tellStock(ctx, s)
			}
		}
	}
}

func (a *App) publishToMembers(ctx context.Context, id int64, event []byte) error {
	m, err := a.merchantStore.Get(ctx, id)
	for _, member := range m.Members {
		if err == nil {
			err = a.Bus.Publish(ctx, ledger.UserTopic(member.User), [][]byte{event})
		}
	}
	return err
}

func (a *App) stockJobs(shard int) []job {
	jobs := []job{onShard(a.stockKeeper.Run, shard)}
	from, to := a.Buckets.OfShard(shard)
	for bucket := from; bucket < to; bucket++ {
		jobs = append(jobs, func(ctx context.Context) { a.stockSettler.Run(ctx, shard, bucket) })
	}
	return jobs
}

// CoverUses are where the uses of covers are counted.
func (a *App) CoverUses() envelope.CoverUses { return coverUses{a.StockStore} }

// coverUses are envelope.CoverUses on the statistics of pieces.
type coverUses struct{ stock.Store }

// Count implements envelope.CoverUses.
func (c coverUses) Count(
	ctx context.Context, shard, bucket int, after, upTo pots.Position, uses []envelope.CoverUse,
) error {
	all := make([]stock.Use, len(uses))
	for i, u := range uses {
		all[i] = stock.Use{Cover: u.Cover, At: u.Hour, Sent: u.Sent, Opened: u.Opened, Reached: u.Reached}
	}
	return c.Store.Count(ctx, shard, bucket, after, upTo, all)
}
