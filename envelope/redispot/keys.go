package redispot

import (
	"strconv"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/internal/gather"
	"github.com/hongbao/hongbao/internal/pots/redisbucket"
)

// bucket is a bucket with the grabs that wait for it.
type bucket struct {
	*redisbucket.Bucket
	pots  *Pots
	grabs gather.Queue[grab]
}

func (p *Pots) open(number, atOnce int) (*bucket, error) {
	keys, err := p.Bucket(number)
	if err != nil {
		return nil, err
	}
	b := &bucket{Bucket: keys, pots: p}
	b.grabs.AtOnce, b.grabs.Send = atOnce, b.send
	return b, nil
}

// closed is the key of the ids of the envelopes that Close has ended and Retire has not.
func (b *bucket) closed() string { return b.Tag + "closed" }

// pot returns the keys of an envelope: its hash, and the list of its shares.
func (b *bucket) pot(id int64) (pot, shares string) {
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
