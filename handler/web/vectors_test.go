package web_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/hongbao/hongbao/envelope"
	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/merchant"
	"github.com/hongbao/hongbao/wallet/ledger"
)

var update = flag.Bool("update", false, "write testdata/server.json as the server computes it now")

// offered are the currencies that the page offers.
const offered = "CNY HKD USD EUR GBP JPY KRW SGD AUD CAD CHF DKK NOK NZD RUB SEK THB TWD KWD"

// vectors are what the server computes and the page must compute too. The page's own tests, which run under node, read
// them from testdata/server.json.
type vectors struct {
	MaxMinor int64          `json:"max_minor"`
	Digits   map[string]int `json:"digits"`
	ChaCha8  stream         `json:"chacha8"`
	Splits   []splitVector  `json:"splits"`

	Codes       []string                            `json:"codes"` // of refusals, each of which a page has a sentence for
	Roles       map[merchant.Action][]merchant.Role `json:"roles"` // that admit an action
	Permissions []merchant.Permission               `json:"permissions"`
}

// stream is the beginning of what a seed stands for: the SHA-256 of its numbers in decimal, with commas between.
type stream struct {
	Seed   string `json:"seed"`
	Count  int    `json:"count"`
	Digest string `json:"digest"`
}

// splitVector is one envelope; its digest is the SHA-256 of its shares in decimal, with commas between.
type splitVector struct {
	Kind       envelope.Kind `json:"kind"`
	Total      int64         `json:"total"`
	Count      int           `json:"count"`
	Seed       string        `json:"seed"`
	ID         string        `json:"id"`
	Commitment string        `json:"commitment"`
	Digest     string        `json:"digest"`
}

func TestPageIsCheckedAgainstThisServer(t *testing.T) {
	want := encode(t, vectors{
		MaxMinor: ledger.MaxMinor, Digits: digits(t), ChaCha8: chacha8(), Splits: splits(t),
		Codes: problem.Codes(), Roles: roles(), Permissions: merchant.Permissions(),
	})
	path := filepath.Join("testdata", "server.json")
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the server computes: run go test ./handler/web -run %s -update, then make page-check",
			path, t.Name())
	}
}

func roles() map[merchant.Action][]merchant.Role {
	roles := make(map[merchant.Action][]merchant.Role)
	for _, action := range merchant.Actions() {
		for _, role := range merchant.Roles() {
			if role.Allows(action) {
				roles[action] = append(roles[action], role)
			}
		}
	}
	return roles
}

func digits(t *testing.T) map[string]int {
	t.Helper()
	digits := make(map[string]int)
	for code := range strings.FieldsSeq(offered) {
		currency, err := ledger.ParseCurrency(code)
		if err != nil {
			t.Fatal(err)
		}
		digits[code] = currency.Digits()
	}
	return digits
}

func chacha8() stream {
	const draws = 1000 // the generator takes a new key after each 124
	seed := [32]byte([]byte("chacha8: 32-byte seed of a test!"))
	source := rand.NewChaCha8(seed)
	numbers := make([]string, draws)
	for i := range numbers {
		numbers[i] = strconv.FormatUint(source.Uint64(), 10)
	}
	return stream{hex.EncodeToString(seed[:]), draws, digest(numbers)}
}

// splits are envelopes of every size, in the order of a fixed seed: the smallest, the largest, one unit a share, and
// many in between.
func splits(t *testing.T) []splitVector {
	t.Helper()
	source := rand.NewChaCha8([32]byte{1})
	numbers := rand.New(source)
	var made []splitVector
	add := func(kind envelope.Kind, total int64, count int) {
		var seed envelope.Seed
		_, _ = source.Read(seed[:])
		id := numbers.Int64()
		shares, err := envelope.Split(seed, kind, total, count)
		if err != nil {
			t.Fatal(err)
		}
		texts := make([]string, len(shares))
		for i, share := range shares {
			texts[i] = strconv.FormatInt(share, 10)
		}
		made = append(made, splitVector{
			kind, total, count, hex.EncodeToString(seed[:]), strconv.FormatInt(id, 10),
			seed.Commitment(id), digest(texts),
		})
	}
	for _, count := range []int{1, 2, 3, 18, 99, 100, 500, 2000} {
		n := int64(count)
		for _, total := range []int64{n, n + 1, 2 * n, 20_000 * n, 1_000_003, ledger.MaxMinor - 1, ledger.MaxMinor} {
			add(envelope.Lucky, total, count)
			add(envelope.Equal, total, count)
		}
	}
	add(envelope.Exclusive, 520, 1)
	for range 100 {
		count := 1 + numbers.IntN(100)
		add(envelope.Lucky, int64(count)+numbers.Int64N(1+int64(count)*20_000), count)
	}
	return made
}

func digest(texts []string) string {
	sum := sha256.Sum256([]byte(strings.Join(texts, ",")))
	return hex.EncodeToString(sum[:])
}

// encode writes one split a line, so that a change of one is a change of one line.
func encode(t *testing.T, v vectors) []byte {
	t.Helper()
	lines := make([]string, len(v.Splits))
	for i, split := range v.Splits {
		lines[i] = "    " + string(marshal(t, split))
	}
	const form = "{\n  \"max_minor\": %d,\n  \"digits\": %s,\n  \"chacha8\": %s,\n  \"splits\": [\n%s\n  ],\n" +
		"  \"roles\": %s,\n  \"permissions\": %s,\n  \"codes\": [\n    %s\n  ]\n}\n"
	codes := make([]string, len(v.Codes))
	for i, code := range v.Codes {
		codes[i] = string(marshal(t, code))
	}
	return fmt.Appendf(nil, form, v.MaxMinor, marshal(t, v.Digits), marshal(t, v.ChaCha8), strings.Join(lines, ",\n"),
		marshal(t, v.Roles), marshal(t, v.Permissions), strings.Join(codes, ",\n    "))
}

func marshal(t *testing.T, value any) []byte {
	t.Helper()
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
