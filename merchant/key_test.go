package merchant_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/internal/revoked"
	"github.com/hongbao/hongbao/merchant"
)

func TestASecretIsShownOnceAndKeptAsItsHash(t *testing.T) {
	r := newRig(t, nil)
	m := r.active()
	n := merchant.NewKey{RequestID: "key-1", Mode: "live", Name: "shop", Permissions: []string{"wallet_read"}}
	k, secret, err := r.Merchants.CreateKey(r.ctx(), "ann", m.ID, n)
	r.must(err)
	if !strings.HasPrefix(secret, "hb_live_") || len(secret) < len("hb_live_1_")+52 ||
		!strings.HasSuffix(secret, k.Hint) {
		t.Errorf("the secret is %q, its hint %q", secret, k.Hint)
	}
	again, none, err := r.Merchants.CreateKey(r.ctx(), "ann", m.ID, n)
	if err != nil || none != "" || again.ID != k.ID {
		t.Errorf("repeated, it answers key %d with %q, %v", again.ID, none, err)
	}
	keys, err := r.Merchants.Keys(r.ctx(), "ann", m.ID)
	if err != nil || len(keys) != 1 || bytes.Contains(keys[0].Hash, []byte(secret[:8])) || len(keys[0].Hash) != 32 {
		t.Errorf("kept is %+v, %v", keys, err)
	}
	grant, err := r.exchange(secret)
	if err != nil || grant.Merchant != m.ID || grant.Key != k.ID || grant.Mode != merchant.Live ||
		!slices.Equal(grant.Permissions, []merchant.Permission{merchant.WalletRead}) {
		t.Errorf("it is exchanged for %+v, %v", grant, err)
	}
	if left := grant.Expires.Sub(r.Clock.Now()); left > merchant.TokenLife || left < merchant.TokenLife-time.Minute {
		t.Errorf("the grant lasts %v", left)
	}
	for what, wrong := range map[string]string{
		"another secret": secret[:len(secret)-1] + "0", "a shorter one": secret[:20], "nothing": "",
		"of the other side": "hb_test" + secret[7:],
		"of no key":         "hb_live_77_" + strings.Repeat("a", 52), "not ours": "sk_live_1",
	} {
		_, err := r.exchange(wrong)
		apptest.WantCode(t, what, err, merchant.CodeKeyUnknown)
	}
	keys, err = r.Merchants.Keys(r.ctx(), "ann", m.ID)
	if err != nil || keys[0].LastUsedAt.IsZero() {
		t.Errorf("last used at %v, %v", keys[0].LastUsedAt, err)
	}
	r.MustBalance()
}

func TestAddressExpiryAndState(t *testing.T) {
	r := newRig(t, nil)
	m := r.active()
	_, bound := r.key(m.ID, "live", func(n *merchant.NewKey) { n.Allowed = []string{"203.0.113.0/24", "2001:db8::1"} })
	for address, code := range map[string]string{
		"203.0.113.7": "", "::ffff:203.0.113.7": "", "203.0.114.7": merchant.CodeAddressNotAllowed, "2001:db8::1": "",
		"2001:db8::2": merchant.CodeAddressNotAllowed,
	} {
		_, err := r.Merchants.Exchange(r.ctx(), merchant.Proof{Secret: bound}, netip.MustParseAddr(address))
		apptest.WantCode(t, "from "+address, err, code)
	}
	_, err := r.Merchants.Exchange(r.ctx(), merchant.Proof{Secret: bound}, netip.Addr{})
	apptest.WantCode(t, "from nobody knows where", err, merchant.CodeAddressNotAllowed)

	_, short := r.key(m.ID, "live", func(n *merchant.NewKey) { n.ExpiresAt = r.Clock.Now().Add(time.Minute) })
	grant, err := r.exchange(short)
	if err != nil || grant.Expires.Sub(r.Clock.Now()) > time.Minute {
		t.Errorf("the grant of a key that expires outlives it: %+v, %v", grant, err)
	}
	r.Clock.Skip(time.Minute)
	_, err = r.exchange(short)
	apptest.WantCode(t, "an expired key", err, merchant.CodeKeyRevoked)

	_, live := r.key(m.ID, "live", nil)
	_, test := r.key(m.ID, "test", nil)
	grant, err = r.exchange(live)
	r.must(err)
	r.must(r.decide(m.ID, "suspend"))
	for what, secret := range map[string]string{"live": live, "test": test} {
		_, err = r.exchange(secret)
		apptest.WantCode(t, "a suspended merchant's "+what+" key", err, merchant.CodeNotActive)
	}
	_, err = r.Merchants.SeenIn(r.ctx(), grant.Session, "available")
	apptest.WantCode(t, "a suspended merchant's token", err, merchant.CodeNotActive)
	r.must(r.decide(m.ID, "resume"))
	_, err = r.exchange(live)
	apptest.WantCode(t, "resumed", err, "")

	waiting := r.applied()
	_, _, err = r.Merchants.CreateKey(r.ctx(), "ann", waiting.ID, merchant.NewKey{
		RequestID: r.RequestID(), Mode: "live", Name: "x", Permissions: []string{"wallet_read"},
	})
	apptest.WantCode(t, "a live key before the decision", err, merchant.CodeNotActive)
	_, early := r.key(waiting.ID, "test", nil)
	_, err = r.exchange(early)
	apptest.WantCode(t, "a test key before the decision", err, "")
	r.MustBalance()
}

func TestASignedProofIsAcceptedOnce(t *testing.T) {
	r := newRig(t, nil)
	m := r.active()
	public, private, err := ed25519.GenerateKey(nil)
	r.must(err)
	k, secret := r.key(m.ID, "live", func(n *merchant.NewKey) { n.PublicKey = public })
	if secret != "" || len(k.Hash) != 0 {
		t.Errorf("a key with a public key has the secret %q", secret)
	}
	proof := func(nonce string, at time.Time) merchant.Proof {
		signature := ed25519.Sign(private, merchant.SignedText(k.ID, nonce, at))
		return merchant.Proof{
			Key: k.ID, Nonce: nonce, Timestamp: at, Signature: base64.StdEncoding.EncodeToString(signature),
		}
	}
	now := r.Clock.Now()
	const callers = 8
	accepted := make([]bool, callers)
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			_, err := r.Merchants.Exchange(r.ctx(), proof("n-1", now), here)
			accepted[i] = err == nil
			if err != nil {
				apptest.WantCode(t, "a replay", err, merchant.CodeSignatureInvalid)
			}
		})
	}
	all.Wait()
	if n := len(slices.DeleteFunc(accepted, func(ok bool) bool { return !ok })); n != 1 {
		t.Errorf("one proof was accepted %d times", n)
	}
	_, err = r.Merchants.Exchange(r.ctx(), proof("n-2", now), here)
	apptest.WantCode(t, "another nonce", err, "")
	for what, p := range map[string]merchant.Proof{
		"too old":   proof("n-3", now.Add(-2*time.Minute)),
		"too early": proof("n-4", now.Add(2*time.Minute)),
		"no nonce":  proof("", now),
		"another nonce than signed": func() merchant.Proof {
			p := proof("n-5", now)
			p.Nonce = "n-6"
			return p
		}(),
		"not base64": {Key: k.ID, Nonce: "n-7", Timestamp: now, Signature: "!"},
	} {
		_, err := r.Merchants.Exchange(r.ctx(), p, here)
		apptest.WantCode(t, what, err, merchant.CodeSignatureInvalid)
	}
	r.MustBalance()
}

func TestRollingLeavesTwoKeysGood(t *testing.T) {
	r := newRig(t, nil)
	m := r.active()
	first, secret1 := r.key(m.ID, "live", func(n *merchant.NewKey) { n.Allowed = []string{"203.0.113.0/24"} })
	roll := func(key int64, overlap time.Duration) (merchant.Key, string, error) {
		return r.Merchants.RollKey(r.ctx(), "ann", m.ID, key, r.RequestID(), overlap, nil)
	}
	second, secret2, err := roll(first.ID, time.Hour)
	r.must(err)
	if second.RolledFrom != first.ID || !slices.Equal(second.Allowed, first.Allowed) ||
		!slices.Equal(second.Permissions, first.Permissions) {
		t.Errorf("%+v took the place of %+v", second, first)
	}
	for _, secret := range []string{secret1, secret2} {
		_, err := r.exchange(secret)
		apptest.WantCode(t, "while both are good", err, "")
	}
	_, _, err = roll(first.ID, 0)
	apptest.WantCode(t, "rolled twice", err, merchant.CodeNotAllowedInState)
	_, _, err = roll(second.ID, 0)
	apptest.WantCode(t, "a third while two are good", err, merchant.CodeNotAllowedInState)
	r.Clock.Skip(time.Hour)
	_, err = r.exchange(secret1)
	apptest.WantCode(t, "the old one after its time", err, merchant.CodeKeyRevoked)
	_, err = r.exchange(secret2)
	apptest.WantCode(t, "the new one", err, "")
	_, _, err = roll(second.ID, 0)
	apptest.WantCode(t, "the next roll", err, "")
	_, err = r.exchange(secret2)
	apptest.WantCode(t, "rolled without an overlap", err, merchant.CodeKeyRevoked)
	r.MustBalance()
}

// TestAnExchangeThatRacesARevocation holds that no grant is made from what is read after the revocation, and that all
// grants of before expire before the revocation is forgotten.
func TestAnExchangeThatRacesARevocation(t *testing.T) {
	r := newRig(t, nil)
	m := r.active()
	for range 10 {
		k, secret := r.key(m.ID, "live", nil)
		request := r.RequestID()
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if _, err := r.exchange(secret); err != nil {
					apptest.WantCode(t, "while it is revoked", err, merchant.CodeKeyRevoked)
				}
			})
		}
		all.Go(func() {
			_, err := r.Merchants.RevokeKey(r.ctx(), "ann", m.ID, k.ID, request, "")
			apptest.WantCode(t, "revoke", err, "")
		})
		all.Wait()
		_, err := r.exchange(secret)
		apptest.WantCode(t, "after the revocation", err, merchant.CodeKeyRevoked)
		other := apptest.Open(t, r.Config()) // as another node reads it
		if !other.Revoked.Has(merchant.RevocationID(k.ID)) {
			t.Error("another node does not know of it")
		}
	}
	r.MustBalance()
}

// TestEveryNodeHearsOfARevocation runs two processes of one installation; the key is revoked on one while both of a
// roll are good.
func TestEveryNodeHearsOfARevocation(t *testing.T) {
	r := newRig(t, nil)
	m := r.active()
	elsewhere := r.Config()
	other := apptest.Open(t, elsewhere)
	for _, list := range []*revoked.List{r.Revoked, other.Revoked} {
		t.Cleanup(apptest.Start(t, func(ctx context.Context) { list.Run(ctx, nil) }))
	}
	first, secret1 := r.key(m.ID, "live", nil)
	second, secret2, err := other.Merchants.RollKey(r.ctx(), "ann", m.ID, first.ID, r.RequestID(), time.Hour, nil)
	r.must(err)
	for _, node := range []*merchant.Service{r.Merchants, other.Merchants} {
		for _, secret := range []string{secret1, secret2} {
			_, err := node.Exchange(r.ctx(), merchant.Proof{Secret: secret}, here)
			apptest.WantCode(t, "while both are good", err, "")
		}
	}
	r.must(r.revoke(m.ID, first.ID))
	began := time.Now()
	_, err = other.Merchants.Exchange(r.ctx(), merchant.Proof{Secret: secret1}, here)
	apptest.WantCode(t, "on the other node, at once", err, merchant.CodeKeyRevoked)
	_, err = other.Merchants.Exchange(r.ctx(), merchant.Proof{Secret: secret2}, here)
	apptest.WantCode(t, "the key that took its place", err, "")
	for _, list := range []*revoked.List{r.Revoked, other.Revoked} {
		apptest.Until(t, "a node refuses the tokens", func() bool { return list.Has(merchant.RevocationID(first.ID)) })
		if list.Has(merchant.RevocationID(second.ID)) {
			t.Error("the tokens of the key that took its place are refused")
		}
	}
	t.Logf("both refused the tokens after %v", time.Since(began))
}

func TestARevocationThatStoppedHalfwayIsAnnounced(t *testing.T) {
	r := newRig(t, nil)
	m := r.active()
	k, secret := r.key(m.ID, "live", nil)
	dying := &told{fail: true}
	_, err := r.service(r.store(), dying).RevokeKey(r.ctx(), "ann", m.ID, k.ID, "revoke-1", "")
	if err == nil {
		t.Fatal("nobody was told, and the call succeeded")
	}
	_, err = r.exchange(secret)
	apptest.WantCode(t, "the row is there", err, merchant.CodeKeyRevoked)
	r.MustBalance()
	again := &told{}
	service := r.service(r.store(), again)
	if n := r.Pass(service.AnnounceRevocations); n != 1 || !slices.Equal(again.keys, []int64{k.ID}) {
		t.Errorf("the announcer told %d: %v", n, again.keys)
	}
	if n := r.Pass(service.AnnounceRevocations); n != 0 {
		t.Errorf("and again %d", n)
	}
	_, err = service.RevokeKey(r.ctx(), "ann", m.ID, k.ID, "revoke-1", "")
	apptest.WantCode(t, "the same request again", err, "")
	_, err = service.RevokeKey(r.ctx(), "ann", m.ID, k.ID, "revoke-2", "")
	apptest.WantCode(t, "another request", err, merchant.CodeKeyRevoked)
	r.MustBalance()
}

func TestKeysAreChecked(t *testing.T) {
	r := newRig(t, nil)
	m := r.active()
	for what, change := range map[string]func(*merchant.NewKey){
		"a mode":             func(n *merchant.NewKey) { n.Mode = "prod" },
		"no permission":      func(n *merchant.NewKey) { n.Permissions = nil },
		"a permission":       func(n *merchant.NewKey) { n.Permissions = []string{"root"} },
		"twice":              func(n *merchant.NewKey) { n.Permissions = []string{"wallet_read", "wallet_read"} },
		"a network":          func(n *merchant.NewKey) { n.Allowed = []string{"203.0.113.0/33"} },
		"a zone":             func(n *merchant.NewKey) { n.Allowed = []string{"fe80::1%eth0"} },
		"the past":           func(n *merchant.NewKey) { n.ExpiresAt = r.Clock.Now().Add(-time.Second) },
		"half a public key":  func(n *merchant.NewKey) { n.PublicKey = make([]byte, 16) },
		"a name of nothing":  func(n *merchant.NewKey) { n.Name = "" },
		"a request of words": func(n *merchant.NewKey) { n.RequestID = "a b" },
	} {
		n := merchant.NewKey{RequestID: r.RequestID(), Mode: "live", Name: "shop", Permissions: []string{"wallet_read"}}
		change(&n)
		_, _, err := r.Merchants.CreateKey(r.ctx(), "ann", m.ID, n)
		apptest.WantCode(t, what, err, refusal.CodeInvalidArgument)
	}
}
