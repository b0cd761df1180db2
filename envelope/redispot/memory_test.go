package redispot

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/envelope/pottest"
)

// TestMemoryOfAnEnvelope measures what an envelope of ten shares costs Redis, with ids as a chat application has them.
func TestMemoryOfAnEnvelope(t *testing.T) {
	const number, most = 500, 1536
	r := singleRig(t)
	usage := func(key string) int64 {
		m := do(t, r.client, "MEMORY", "USAGE", key)
		if m.IsNil() {
			return 0
		}
		n, err := m.ToInt64()
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	measure := func(when string, ids []int64) int64 {
		var pots, lists, logs int64
		for b := range 4 {
			logs += usage(bucketOf(t, r, b).Log)
		}
		for _, id := range ids {
			pot, shares := keysOfPot(t, r, id)
			pots += usage(pot)
			lists += usage(shares)
		}
		t.Logf("%s: %d bytes: pot %d, shares %d, log %d", when, (pots+lists+logs)/number, pots/number, lists/number,
			logs/number)
		return (pots + lists + logs) / number
	}
	var ids []int64
	for range number {
		e := pottest.Envelope(8888, 12345, 1, 20000, 777, 15000, 9999, 10000, 4242, 13131)
		e.Group = "19:" + strings.Repeat("g", 29)
		e.ExpiresAt = time.Now().Add(24 * time.Hour)
		pottest.MustFill(t, r, e)
		ids = append(ids, e.ID)
	}
	if each := measure("nobody has grabbed", ids); each > most {
		t.Errorf("%d bytes, want at most %d", each, most)
	}
	for _, id := range ids {
		for u := range 9 {
			pottest.MustTake(t, r, id, fmt.Sprintf("oid_%028d", u), envelope.Won)
		}
	}
	measure("all but one have, one after the other, and nobody has read the log", ids)
	for bucket := range 4 {
		_, upTo, err := r.Read(t.Context(), bucket, "", number*10, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, reader := range envelope.Readers() {
			if err := r.Acknowledge(t.Context(), bucket, reader, upTo); err != nil {
				t.Fatal(err)
			}
		}
	}
	if each := measure("all but one have, and the log is read", ids); each > most {
		t.Errorf("%d bytes, want at most %d", each, most)
	}
}
