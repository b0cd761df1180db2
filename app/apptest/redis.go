package apptest

import (
	"strconv"
	"strings"
	"testing"

	"github.com/redis/rueidis"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/envelope"
)

// CopyRedis copies everything that Redis holds. restore makes it that again, as a replica does that takes over and
// lacks what came after.
func CopyRedis(t testing.TB, s *app.App) (restore func()) {
	t.Helper()
	do := func(words ...string) rueidis.RedisMessage {
		t.Helper()
		m, err := s.Redis.Do(t.Context(), s.Redis.B().Arbitrary(words...).Build()).ToMessage()
		if err != nil {
			t.Fatalf("%s: %v", words[0], err)
		}
		return m
	}
	type kept struct{ key, expires, value string }
	var all []kept
	found := do("KEYS", "*")
	keys, err := found.AsStrSlice()
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		value, expires := do("DUMP", key), do("PEXPIRETIME", key)
		dumped, err := value.ToString()
		if err != nil {
			t.Fatal(err)
		}
		ms, err := expires.AsInt64()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, kept{key, strconv.FormatInt(max(0, ms), 10), dumped}) // 0 for ever
	}
	return func() {
		t.Helper()
		do("FLUSHALL")
		for _, k := range all {
			do("RESTORE", k.key, k.expires, k.value, "ABSTTL")
		}
	}
}

// Expire lets the time of an open envelope be over, by the clocks of its shard and of Redis; with no id, of all.
func Expire(t testing.TB, s *app.App, only ...int64) {
	t.Helper()
	id, which := int64(0), "*"
	for _, id = range only {
		which = strconv.FormatInt(id, 10)
	}
	for _, shard := range s.Cluster.All() {
		holds := s.Cluster.Table(shard, "holds")
		_, err := s.Cluster.DB(shard).ExecContext(t.Context(), "UPDATE "+holds+
			" SET expires_at = LEAST(expires_at, created_at) WHERE subject = ? AND is_open = 1 AND ? IN (0, id)",
			string(envelope.Subject), id)
		if err != nil {
			t.Fatal(err)
		}
	}
	keys, err := s.Redis.Do(t.Context(), s.Redis.B().Keys().Pattern("*:e:"+which).Build()).AsStrSlice()
	if err != nil {
		t.Fatal(err)
	}
	for _, pot := range keys {
		if strings.HasSuffix(pot, ":s") {
			continue
		}
		tag, id, _ := strings.Cut(pot, ":e:") // an epoch may end with e
		for _, r := range s.Redis.DoMulti(t.Context(),
			s.Redis.B().Zadd().Key(tag+":ends").ScoreMember().ScoreMember(1, id).Build(),
			s.Redis.B().Hset().Key(pot).FieldValue().FieldValue("#x", "1").Build(),
			s.Redis.B().Del().Key(pot+":s").Build()) {
			if err := r.Error(); err != nil {
				t.Fatal(err)
			}
		}
	}
}
