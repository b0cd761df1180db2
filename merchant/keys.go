package merchant

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/hongbao/hongbao/internal/loop"
	"github.com/hongbao/hongbao/internal/refusal"
)

// CreateKey makes a key. The secret is in the answer of the call that made it, and never again: a repetition answers
// with the key alone. Refusals: see idl/merchant.thrift.
func (s *Service) CreateKey(ctx context.Context, user string, id int64, n NewKey) (k Key, secret string, err error) {
	drawn, err := n.key(s.clock())
	if err != nil {
		return Key{}, "", err
	}
	change := Change{By: user, Side: SideMember, Action: ActionCreateKey, To: string(KeyActive)}
	return s.makeKey(ctx, user, id, n.RequestID, change, n, func(Record, *Edit) (Key, error) { return drawn, nil })
}

// RollKey makes a key that is as another one, whose place it takes. The other one is good for as long as overlap says,
// 0 to 7 days. Both are of the same kind: publicKey is the new one's where the other has one. Refusals: see
// idl/merchant.thrift.
func (s *Service) RollKey(
	ctx context.Context, user string, id, key int64, requestID string, overlap time.Duration, publicKey []byte,
) (k Key, secret string, err error) {
	if overlap < 0 || overlap > maxOverlap {
		return Key{}, "", refusal.New(refusal.CodeInvalidArgument, "overlap is out of range: give 0 to %d milliseconds",
			maxOverlap.Milliseconds())
	}
	change := Change{
		By: user, Side: SideMember, Action: ActionRollKey, From: strconv.FormatInt(key, 10), To: string(KeyActive),
	}
	body := []any{key, overlap, publicKey}
	return s.makeKey(ctx, user, id, requestID, change, body, func(r Record, e *Edit) (Key, error) {
		now := e.Change.At
		old, err := validKey(r.Keys, key, now)
		if err != nil {
			return Key{}, err
		}
		if older, ok := keyOf(r.Keys, old.RolledFrom); old.State == KeyRolling || ok && older.ValidAt(now) {
			return Key{}, refusal.New(CodeNotAllowedInState,
				"two keys of this line are good already: revoke one, or wait until it expires")
		}
		n := NewKey{Mode: string(old.Mode), Name: old.Name, PublicKey: publicKey}
		if (len(publicKey) > 0) != (len(old.PublicKey) > 0) {
			return Key{}, refusal.New(refusal.CodeInvalidArgument,
				"public_key is for keys that have one: give it for those, and for no others")
		}
		for _, p := range old.Permissions {
			n.Permissions = append(n.Permissions, string(p))
		}
		next, err := n.key(now)
		next.Allowed, next.ExpiresAt, next.RolledFrom = old.Allowed, old.ExpiresAt, old.ID
		until := now.Add(overlap)
		if old.State = KeyRolling; old.ExpiresAt.IsZero() || until.Before(old.ExpiresAt) {
			old.ExpiresAt = until
		}
		e.Ending = &old
		return next, err
	})
}

// makeKey adds a key to a merchant.
func (s *Service) makeKey(
	ctx context.Context, user string, id int64, requestID string, change Change, body any,
	draw func(Record, *Edit) (Key, error),
) (k Key, secret string, err error) {
	keyID, err := s.ledger.NewID(Account(id, Live, Available))
	if err != nil {
		return Key{}, "", err
	}
	change.Object, change.Made = strconv.FormatInt(keyID, 10), keyID
	r, made, err := s.update(ctx, id, requestID, change, body, func(r Record, e *Edit) error {
		if err := mayDo(r.Members, user, ManageKeys); err != nil {
			return err
		}
		if k, err = draw(r, e); err != nil {
			return err
		}
		if !r.State.works(k.Mode) {
			return notActive(r.Merchant)
		}
		if valid(r.Keys, e.Change.At) >= MaxKeys {
			return refusal.New(CodeTooMany, "a merchant has at most %d keys: revoke one first", MaxKeys)
		}
		if k.ID, k.Merchant = keyID, id; len(k.PublicKey) == 0 {
			if secret, err = k.withSecret(); err != nil {
				return err
			}
		}
		e.Key = &k
		return nil
	})
	if err != nil {
		return Key{}, "", err
	}
	if made != keyID {
		secret = ""
	}
	k, _ = keyOf(r.Keys, made)
	return k, secret, nil
}

// RevokeKey ends a key and its tokens: no exchange that begins afterwards succeeds, and every node refuses the tokens
// within about a second. Repeating it changes nothing. Refusals: see idl/merchant.thrift. After any other error it may
// or may not be revoked; repeat it.
func (s *Service) RevokeKey(ctx context.Context, user string, id, key int64, requestID, reason string) (Key, error) {
	if reason != "" {
		if err := checkText("reason", reason, maxReason); err != nil {
			return Key{}, err
		}
	}
	change := Change{
		By: user, Side: SideMember, Action: ActionRevokeKey, Object: strconv.FormatInt(key, 10), To: string(KeyRevoked),
		Reason: reason, Made: key,
	}
	r, _, err := s.update(ctx, id, requestID, change, []any{key, reason}, func(r Record, e *Edit) error {
		if err := mayDo(r.Members, user, ManageKeys); err != nil {
			return err
		}
		k, ok := keyOf(r.Keys, key)
		switch {
		case !ok:
			return errKeyNotFound
		case k.State == KeyRevoked:
			return refusal.New(CodeKeyRevoked, "the key was revoked before")
		}
		e.Change.From, k.State = string(k.State), KeyRevoked
		e.Ending = &k
		return nil
	})
	if err != nil {
		return Key{}, err
	}
	k, _ := keyOf(r.Keys, key)
	return k, s.announce(ctx, key)
}

// announce tells every node that a key was revoked, and notes it.
func (s *Service) announce(ctx context.Context, key int64) error {
	// A token that was signed before the revocation is good for TokenLife from then; clocks differ by less than that.
	if err := s.revoked.RevokeKey(ctx, key, s.now().Add(2*TokenLife)); err != nil {
		return err
	}
	return s.store.Announced(ctx, key)
}

const announceBatch = 100

// AnnounceRevocations tells every node of the revocations of a shard of which they may not know, and returns how many
// there were.
func (s *Service) AnnounceRevocations(ctx context.Context, shard int) (done int, err error) {
	keys, err := s.store.Unannounced(ctx, shard, announceBatch)
	if err != nil {
		return 0, err
	}
	for _, k := range keys {
		if failed := s.announce(ctx, k.ID); failed != nil { // the others go on
			err = errors.Join(err, failed)
			continue
		}
		done++
	}
	return done, err
}

// RunAnnouncer runs AnnounceRevocations on a shard until the context ends.
func (s *Service) RunAnnouncer(ctx context.Context, shard int) {
	job := loop.Job{Name: "merchant keys", Log: s.log.With(slog.Int("shard", shard)), Interval: time.Second}
	job.Run(ctx, func(ctx context.Context) (bool, error) {
		n, err := s.AnnounceRevocations(ctx, shard)
		return n == announceBatch, err
	})
}

// Grant is what a key was exchanged for: its session may last until it expires.
type Grant struct {
	Session
	Expires time.Time
}

// Exchange finds out who has a key, and for how long that is believed. address is where the call comes from. Refusals:
// key_unknown, signature_invalid, key_revoked, ip_not_allowed, merchant_not_active.
func (s *Service) Exchange(ctx context.Context, p Proof, address netip.Addr) (Grant, error) {
	began := s.clock() // before the key is read: so a revocation that it does not show outlives the grant
	id, err := p.keyID()
	if err != nil {
		return Grant{}, err
	}
	k, m, ok, err := s.store.Key(ctx, id)
	if err != nil {
		return Grant{}, err
	}
	if !ok {
		return Grant{}, errKeyUnknown
	}
	if err := p.check(k, began); err != nil {
		return Grant{}, err
	}
	switch {
	case !k.ValidAt(began):
		return Grant{}, refusal.New(CodeKeyRevoked, "the key was revoked or has expired: use another one")
	case !Admits(k.Allowed, address):
		return Grant{}, refusal.New(CodeAddressNotAllowed,
			"the key may not be used from %s: allow that address, or call from another one", address)
	case !m.State.works(k.Mode):
		return Grant{}, notActive(m)
	}
	fresh, err := s.store.UseKey(ctx, k.ID, p.Nonce, began, began.Add(2*proofWindow))
	if err != nil {
		return Grant{}, err
	}
	if !fresh {
		return Grant{}, refusal.New(CodeSignatureInvalid, "the nonce was used before: sign a new one for each call")
	}
	expires := began.Add(TokenLife)
	if !k.ExpiresAt.IsZero() && k.ExpiresAt.Before(expires) {
		expires = k.ExpiresAt
	}
	session := Session{Merchant: m.ID, Key: k.ID, Mode: k.Mode, Permissions: k.Permissions, Allowed: k.Allowed}
	return Grant{Session: session, Expires: expires}, nil
}

var errKeyNotFound = refusal.New(CodeKeyNotFound, "the merchant has no key with this id")

func notActive(m Merchant) error {
	return refusal.New(CodeNotActive, "the merchant is %s: this is for active ones", m.State)
}

func keyOf(keys []Key, id int64) (Key, bool) {
	i := slices.IndexFunc(keys, func(k Key) bool { return k.ID == id })
	if i < 0 {
		return Key{}, false
	}
	return keys[i], true
}

// validKey is a key that is good at a time. Refusals: key_not_found, key_revoked.
func validKey(keys []Key, id int64, now time.Time) (Key, error) {
	k, ok := keyOf(keys, id)
	switch {
	case !ok:
		return Key{}, errKeyNotFound
	case !k.ValidAt(now):
		return Key{}, refusal.New(CodeKeyRevoked, "the key was revoked or has expired: make a new one")
	}
	return k, nil
}

func valid(keys []Key, now time.Time) (n int) {
	for _, k := range keys {
		if k.ValidAt(now) {
			n++
		}
	}
	return n
}
