package redispot

import (
	"context"
	"strconv"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/gather"
	"github.com/hongbao/hongbao/internal/pots/redisbucket"
)

// bucket is a bucket with the grabs and the pots that wait for it.
type bucket struct {
	number   int
	pots     *Pots
	grabs    gather.Queue[grab]
	fillings gather.Queue[filling]
}

func (p *Pots) open(number, atOnce int) *bucket {
	b := &bucket{number: number, pots: p}
	b.grabs.AtOnce, b.grabs.Send = atOnce, b.send
	b.fillings.AtOnce, b.fillings.Send = atOnce, b.fill
	return b
}

// keys are where a bucket's keys are in its epoch.
type keys struct{ *redisbucket.Bucket }

// keys of the bucket now. Error: that of redisbucket.Store.Bucket.
func (b *bucket) keys(ctx context.Context) (keys, error) {
	at, err := b.pots.Bucket(ctx, b.number)
	return keys{at}, err
}

// ends is the key of the envelopes that Retire has not ended, by when their time is over.
func (b keys) ends() string { return b.Tag + "ends" }

// pot returns the keys of an envelope: its hash, and the list of its shares.
func (b keys) pot(id int64) (pot, shares string) {
	shares = b.Tag + "e:" + strconv.FormatInt(id, 10) + ":s"
	return shares[:len(shares)-len(":s")], shares
}

// of is the bucket of an envelope. The error is envelope.ErrNoPot for an id that no shard can have made.
func (p *Pots) of(id int64) (*bucket, error) {
	shard, ok := p.shardOf(id)
	if !ok || shard < 0 || shard >= p.buckets.Shards {
		return nil, envelope.ErrNoPot
	}
	return p.all[p.buckets.Of(shard, id)], nil
}
