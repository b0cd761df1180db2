package web_test

import (
	"encoding/hex"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/wallet/ledger"
)

type vector struct {
	Kind       envelope.Kind `json:"kind"`
	Total      int64         `json:"total"`
	Count      int           `json:"count"`
	Seed       string        `json:"seed"`
	ID         string        `json:"id"`
	Shares     []int64       `json:"shares"`
	Commitment string        `json:"commitment"`
}

// splitVectors are envelopes of every size, in the order of a fixed seed: the smallest, the largest, one unit a share,
// and many in between.
func splitVectors(t *testing.T) []vector {
	t.Helper()
	source := rand.NewChaCha8([32]byte{1})
	numbers := rand.New(source)
	var vectors []vector
	add := func(kind envelope.Kind, total int64, count int) {
		var seed envelope.Seed
		_, _ = source.Read(seed[:])
		id := numbers.Int64()
		shares, err := envelope.Split(seed, kind, total, count)
		if err != nil {
			t.Fatal(err)
		}
		vectors = append(vectors, vector{kind, total, count, hex.EncodeToString(seed[:]), strconv.FormatInt(id, 10), shares, seed.Commitment(id)})
	}
	for _, count := range []int{1, 2, 3, 18, 99, 100, 500, 2000} {
		for _, total := range []int64{int64(count), int64(count) + 1, 2 * int64(count), 20_000 * int64(count), 1_000_003, ledger.MaxMinor - 1, ledger.MaxMinor} {
			add(envelope.Lucky, total, count)
			add(envelope.Equal, total, count)
		}
	}
	add(envelope.Exclusive, 520, 1)
	for range 500 {
		count := 1 + numbers.IntN(100)
		add(envelope.Lucky, int64(count)+numbers.Int64N(1+int64(count)*20_000), count)
	}
	return vectors
}

func TestPageSplitsAsTheServerDoes(t *testing.T) {
	vectors := splitVectors(t)
	ctx := browse(t, serve(t, true).URL)
	wrong := evaluate[[]string](t, ctx, `async (vectors) => {
		const { split, commitment, fromHex } = await import("/split.js");
		const wrong = [];
		for (const v of vectors) {
			const name = v.kind + " " + v.total + " in " + v.count + " with seed " + v.seed;
			if (split(v.kind, v.total, v.count, fromHex(v.seed)).join() !== v.shares.join()) wrong.push("shares of " + name);
			if (await commitment(fromHex(v.seed), v.id) !== v.commitment) wrong.push("commitment of " + name);
		}
		return wrong;
	}`, vectors)
	for _, w := range wrong {
		t.Error(w)
	}
}

func TestPageDrawsTheStreamOfChaCha8(t *testing.T) {
	const draws = 1000 // the generator takes a new key after each 124
	seed := [32]byte([]byte("chacha8: 32-byte seed of a test!"))
	source := rand.NewChaCha8(seed)
	want := make([]string, draws)
	for i := range want {
		want[i] = strconv.FormatUint(source.Uint64(), 10)
	}
	got := evaluate[[]string](t, browse(t, serve(t, true).URL), `async ({ seed, draws }) => {
		const { ChaCha8, fromHex } = await import("/split.js");
		const source = new ChaCha8(fromHex(seed));
		return Array.from({ length: draws }, () => String(source.uint64()));
	}`, map[string]any{"seed": hex.EncodeToString(seed[:]), "draws": draws})
	for i := range want {
		if i >= len(got) || got[i] != want[i] {
			t.Fatalf("draw %d differs from Go's: %v", i, got[max(0, min(i, len(got)-1)):min(i+1, len(got))])
		}
	}
}

// Away from HTTPS and loopback a browser offers no SHA-256, and the page computes it itself.
func TestPageHashesWithoutTheBrowsersHelp(t *testing.T) {
	wrong := evaluate[[]int](t, browse(t, serve(t, true).URL), `async (most) => {
		const { sha256Plain } = await import("/sha256.js");
		const wrong = [];
		for (let n = 0; n <= most; n++) {
			const message = Uint8Array.from({ length: n }, (_, i) => (i * 7 + n) % 256);
			const want = new Uint8Array(await crypto.subtle.digest("SHA-256", message));
			if (sha256Plain(message).join() !== want.join()) wrong.push(n);
		}
		return wrong;
	}`, 200)
	if len(wrong) > 0 {
		t.Errorf("messages of these lengths are hashed wrongly: %v", wrong)
	}
}

func TestVerificationFindsWhatIsWrong(t *testing.T) {
	vectors := splitVectors(t)
	found := evaluate[map[string]bool](t, browse(t, serve(t, true).URL), `async (v) => {
		const { verify } = await import("/split.js");
		const taken = v.shares.slice(1).map((amount, i) => ({ user: "u" + i, share: i + 1, amount }));
		const check = async (change) => {
			const copy = structuredClone({ ...v, taken });
			change(copy);
			return (await verify(copy)).ok;
		};
		return {
			untouched: await check(() => {}),
			amount: await check((e) => e.taken[0].amount++),
			total: await check((e) => e.total++),
			seed: await check((e) => (e.seed = "00" + e.seed.slice(2))),
			id: await check((e) => (e.id += "1")),
			commitment: await check((e) => (e.commitment = "0" + e.commitment.slice(1))),
			twice: await check((e) => e.taken.push({ ...e.taken[0], user: "another" })),
			beyond: await check((e) => e.taken.push({ user: "another", share: e.count, amount: 1 })),
		};
	}`, vectors[len(vectors)-1])
	if len(found) != 8 || !found["untouched"] {
		t.Errorf("an untouched envelope is called unfair: %v", found)
	}
	for name, ok := range found {
		if ok && name != "untouched" {
			t.Errorf("a wrong %s is called fair", name)
		}
	}
}
