package redisstock

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/rueidis"

	"github.com/hongbao/hongbao/cover/stock"
	"github.com/hongbao/hongbao/internal/gather"
	"github.com/hongbao/hongbao/internal/pots"
	"github.com/hongbao/hongbao/internal/pots/redisbucket"
)

//go:embed lua/*.lua
var lua embed.FS

// callsInFlight is how many scripts of claims are under way at once for each bucket.
const callsInFlight = 2

// Config is what Pots need to know. All but the replicas and the metrics is required.
type Config struct {
	Buckets      pots.Buckets
	ShardOf      func(id int64) (shard int, ok bool) // Ledger.ShardOf
	Installation string                              // names the ledger that these pots belong to
	// Epoch is the epoch in which the ledger has a bucket; see redisbucket.Config.
	Epoch func(ctx context.Context, bucket int) (string, error)
	// Durable refuses all calls while Redis does not keep what it acknowledges; see redisbucket.Config.
	Durable func() error

	// WaitReplicas is how many replicas must have what was done before it is answered; 0 asks none. WaitTimeout, at
	// least a millisecond, is how long a call waits for them.
	WaitReplicas int
	WaitTimeout  time.Duration

	Registerer prometheus.Registerer // nil: no metrics
}

// Pots are the pots and logs of an installation. They implement stock.Pot and stock.Log.
type Pots struct {
	redisbucket.Log[stock.Record]
	buckets  pots.Buckets
	shardOf  func(id int64) (int, bool)
	all      []*bucket
	outcomes map[stock.Outcome]prometheus.Counter

	claim, withdraw, update, fill, codes, held, missing, drop redisbucket.Script
}

var (
	_ stock.Pot = (*Pots)(nil)
	_ stock.Log = (*Pots)(nil)
)

// bucket is a bucket with the claims that wait for it.
type bucket struct {
	number int
	pots   *Pots
	calls  gather.Queue[call]
}

// New checks the configuration; it does not call Redis. See redisbucket.Open for what the client must have.
func New(client rueidis.Client, c Config) (*Pots, error) {
	if c.ShardOf == nil {
		return nil, errors.New("redisstock: no ShardOf")
	}
	store, err := redisbucket.Open(client, redisbucket.Config{
		Log: stock.LogName, Buckets: c.Buckets, Installation: c.Installation,
		Readers:      []pots.Reader{stock.ReaderSettler},
		WaitReplicas: c.WaitReplicas, WaitTimeout: c.WaitTimeout, Epoch: c.Epoch, Durable: c.Durable,
	})
	if err != nil {
		return nil, fmt.Errorf("redisstock: %w", err)
	}
	p := &Pots{Log: redisbucket.Log[stock.Record]{Store: store, Parse: parseEntry}, buckets: c.Buckets,
		shardOf: c.ShardOf, all: make([]*bucket, c.Buckets.Number())}
	err = redisbucket.LoadScripts(lua, "lua", map[string]*redisbucket.Script{
		"claim": &p.claim, "withdraw": &p.withdraw, "update": &p.update, "fill": &p.fill, "codes": &p.codes,
		"held": &p.held, "missing": &p.missing, "drop": &p.drop,
	})
	if err != nil {
		return nil, fmt.Errorf("redisstock: %w", err)
	}
	for i := range p.all {
		b := &bucket{number: i, pots: p}
		b.calls.AtOnce, b.calls.Send = callsInFlight, b.send
		p.all[i] = b
	}
	return p, p.count(c.Registerer)
}

func (p *Pots) count(r prometheus.Registerer) error {
	claims := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "hongbao_cover_claims_total", Help: "Claims of cover pieces answered, by outcome.",
	}, []string{"outcome"})
	p.outcomes = map[stock.Outcome]prometheus.Counter{}
	for _, o := range stock.Outcomes() {
		p.outcomes[o] = claims.WithLabelValues(string(o))
	}
	if r == nil {
		return nil
	}
	if err := r.Register(claims); err != nil {
		return fmt.Errorf("redisstock: metrics: %w", err)
	}
	return nil
}

// of is the bucket of a cover. The error is stock.ErrNoPot for an id that no shard can have made.
func (p *Pots) of(cover int64) (*bucket, error) {
	shard, ok := p.shardOf(cover)
	if !ok || shard < 0 || shard >= p.buckets.Shards {
		return nil, stock.ErrNoPot
	}
	return p.all[p.buckets.Of(shard, cover)], nil
}

// keys are where a bucket's keys are in its epoch.
type keys struct{ *redisbucket.Bucket }

// keys of the bucket now. Error: that of redisbucket.Store.Bucket.
func (b *bucket) keys(ctx context.Context) (keys, error) {
	at, err := b.pots.Bucket(ctx, b.number)
	return keys{at}, err
}

// pot returns the keys of a cover.
func (b keys) pot(cover int64) (pot, codes string) {
	codes = b.Tag + "c:" + strconv.FormatInt(cover, 10) + ":k"
	return codes[:len(codes)-len(":k")], codes
}
