package redispot

import (
	"strconv"

	"github.com/hongbao/hongbao/envelope"
)

// bucketKeys are the keys of a bucket that do not depend on an envelope.
type bucketKeys struct {
	tag    string // "{b17}:"
	home   string
	log    string
	read   string
	closed string // ids of the envelopes that Close has ended and Retire has not
}

func keysOf(bucket int) bucketKeys {
	tag := "{b" + strconv.Itoa(bucket) + "}:"
	return bucketKeys{tag: tag, home: tag + "home", log: tag + "log", read: tag + "read",
		closed: tag + "closed"}
}

// pot returns the keys of an envelope: its hash, and the list of its shares.
func (k bucketKeys) pot(id int64) (pot, shares string) {
	shares = k.tag + "e:" + strconv.FormatInt(id, 10) + ":s"
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
