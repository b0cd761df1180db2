package mysqlwebhook_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/internal/sealed"
	"github.com/hongbao/hongbao/webhook"
)

// stored is what lies in MySQL of an endpoint's newest key.
func (r *rig) stored(e webhook.Endpoint) (secret, seed []byte, by string) {
	r.Helper()
	shard := r.cluster.ForUser(e.Owner)
	row := r.cluster.DB(shard).QueryRowContext(r.Context(), "SELECT secret, seed, sealed_by FROM "+
		r.cluster.Table(shard, "webhook_keys")+" WHERE endpoint = ? ORDER BY number DESC LIMIT 1", e.ID)
	if err := row.Scan(&secret, &seed, &by); err != nil {
		r.Fatal(err)
	}
	return secret, seed, by
}

// Secrets are stored sealed, whoever has made them; a key of the installation can be replaced while all go on signing.
func TestSecretsAreKeptSealed(t *testing.T) {
	r := openRig(t)
	rec := r.receiver(nil)
	e, k := r.create(merchant, rec.URL)
	rec.knows(k)
	reseal := func() {
		t.Helper()
		for shard := range r.cluster.Shards() {
			must(r.store.Reseal(t.Context(), shard))
		}
	}
	heard := 0
	signs := func(want string) {
		t.Helper()
		secret, seed, by := r.stored(e)
		if by != want || bytes.Contains(secret, k.Secret) || bytes.Contains(seed, k.Private.Seed()) {
			t.Errorf("stored under %q, want %q: %x, %x", by, want, secret, seed)
		}
		r.tell(r.event(merchant, "cover:1"))
		r.send()
		if heard++; rec.acceptedIDs() != heard {
			t.Errorf("the receiver has verified %d of %d events", rec.acceptedIDs(), heard)
		}
		if err := r.store.CheckSecrets(t.Context()); err != nil {
			t.Error(err)
		}
	}
	signs("a")

	r.secrets = must(sealed.Parse([]byte(keyB + keyA)))
	r.node = r.newNode(1)
	signs("a")
	reseal()
	reseal()
	signs("b")
	r.secrets = must(sealed.Parse([]byte(keyB)))
	r.node = r.newNode(2)
	signs("b")

	r.exec(merchant, fmt.Sprintf("UPDATE @keys SET secret = x'%x', seed = x'%x', sealed_by = ''", k.Secret,
		k.Private.Seed())) // as an installation without a key has left it
	r.tell(r.event(merchant, "cover:1"))
	r.send()
	heard++
	reseal()
	signs("b")

	for what, keys := range map[string]*sealed.Keys{"another": must(sealed.Parse([]byte(keyA))), "none": nil} {
		r.secrets = keys
		n := r.newNode(3)
		missing, ok := errors.AsType[*sealed.NoKeyError](n.store.CheckSecrets(t.Context()))
		if !ok || missing.Key != "b" {
			t.Errorf("a node with %s key starts: %v", what, missing)
		}
		if _, err := n.service.Endpoint(t.Context(), merchant, e.ID); !errors.As(err, &missing) {
			t.Errorf("a node with %s key reads: %v", what, err)
		}
	}
	namesake := must(sealed.Parse([]byte(strings.Replace(keyA, "a ", "b ", 1))))
	r.secrets = namesake
	if err := r.newNode(5).store.CheckSecrets(t.Context()); !errors.Is(err, sealed.ErrForged) {
		t.Errorf("a node with another key of that name starts: %v", err)
	}
	r.secrets = nil
	_, _, err := r.newNode(4).service.Create(t.Context(), merchant, "keyless",
		webhook.Settings{URL: rec.URL, Types: []string{"*"}})
	if refusal.CodeOf(err) != refusal.CodeUnavailable {
		t.Errorf("a node without keys makes a webhook: %v", err)
	}
	r.balanced()
}
