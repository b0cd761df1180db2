package redisbus

import (
	"context"
	_ "embed"
	"fmt"
	"hash/fnv"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/hongbao/hongbao/push"
)

//go:embed attend.lua
var attendScript string

// Attend says who of this node takes part in a topic's presence, as push.Bus says. Leases are by the clock of Redis.
func (b *Bus) Attend(ctx context.Context, topic string, here push.Attendance, lease time.Duration) (int, error) {
	marks := make([]byte, 0, 8*len(here.Subjects))
	for _, subject := range here.Subjects {
		marks = appendMark(marks, subject)
	}
	keys := []string{presenceKey(topic), topicChannel(topic)}
	args := []string{
		b.node, strconv.FormatInt(lease.Milliseconds(), 10), strconv.Itoa(here.Count), rueidis.BinaryString(marks),
	}
	present, err := b.attend.Exec(ctx, b.client, keys, args).AsInt64()
	if err != nil {
		return 0, fmt.Errorf("attend %s: %w", topic, err)
	}
	return int(present), nil
}

// appendMark appends 8 bytes that stand for a subject on every node. Two subjects with the same, one pair in 2⁶⁴, would
// count as one.
func appendMark(marks []byte, subject string) []byte {
	h := fnv.New64a()
	_, _ = h.Write([]byte(subject)) // never fails
	return h.Sum(marks)
}

func presenceKey(topic string) string { return "{t:" + topic + "}:presence" }
