package apptest

import (
	"strconv"
	"testing"

	"github.com/redis/rueidis"

	"github.com/hongbao/hongbao/app"
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
