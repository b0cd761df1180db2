package mysqlmerchant

import (
	"context"
	"database/sql"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/merchant"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
)

const keyColumns = "id, merchant, mode, name, permissions, allowed, secret_hash, public_key, hint, state, " +
	"created_at, expires_at, last_used_at, rolled_from"

func scanKey(row *sql.Rows) (k merchant.Key, err error) {
	var permissions, allowed string
	var created, expires, used int64
	var public []byte
	err = row.Scan(&k.ID, &k.Merchant, &k.Mode, &k.Name, &permissions, &allowed, &k.Hash, &public, &k.Hint, &k.State,
		&created, &expires, &used, &k.RolledFrom)
	if err != nil {
		return k, err
	}
	k.Permissions, k.PublicKey = split[merchant.Permission](permissions), public
	k.CreatedAt, k.ExpiresAt, k.LastUsedAt = rows.Millis(created), timeOf(expires), timeOf(used)
	for _, text := range split[string](allowed) {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return k, fmt.Errorf("key %d: %w", k.ID, err)
		}
		k.Allowed = append(k.Allowed, prefix)
	}
	return k, nil
}

// insertKey stores a new key. Error: mysqlledger.ErrIDExists.
func insertKey(ctx context.Context, tx *sql.Tx, t tables, k merchant.Key) error {
	allowed := make([]string, len(k.Allowed))
	for i, p := range k.Allowed {
		allowed[i] = p.String()
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO "+t.keys+" ("+keyColumns+", announced) VALUES "+rows.In(15),
		k.ID, k.Merchant, string(k.Mode), k.Name, joined(k.Permissions), strings.Join(allowed, ","),
		notNil(k.Hash), notNil(k.PublicKey), k.Hint, string(k.State),
		k.CreatedAt.UnixMilli(), millis(k.ExpiresAt), millis(k.LastUsedAt), k.RolledFrom, 0)
	if shards.IsDuplicate(err) {
		return mysqlledger.ErrIDExists
	}
	return err
}

// Key implements merchant.Store.
func (s *Store) Key(ctx context.Context, id int64) (k merchant.Key, m merchant.Merchant, ok bool, err error) {
	shard, ok := s.cluster.ShardOf(id)
	if !ok {
		return k, m, false, nil
	}
	t := s.tables(shard)
	keys, err := rows.Select(ctx, s.cluster.DB(shard), scanKey, "SELECT "+keyColumns+" FROM "+t.keys+" WHERE id = ?",
		id)
	if err != nil || len(keys) == 0 {
		return k, m, false, classify(err, "key %d", id)
	}
	merchants, err := rows.Select(ctx, s.cluster.DB(shard), scanMerchant,
		"SELECT "+merchantColumns+" FROM "+t.merchants+" WHERE id = ?", keys[0].Merchant)
	if err != nil || len(merchants) == 0 {
		return k, m, false, classify(err, "merchant of key %d", id)
	}
	return keys[0], merchants[0], true, nil
}

// forgetNonces is how many old nonces are deleted with each new one.
const forgetNonces = 10

// UseKey implements merchant.Store.
func (s *Store) UseKey(ctx context.Context, id int64, nonce string, at, forget time.Time) (fresh bool, err error) {
	shard, ok := s.cluster.ShardOf(id)
	if !ok {
		return false, nil
	}
	t := s.tables(shard)
	err = s.cluster.Tx(ctx, shard, func(tx *sql.Tx) error {
		fresh = true
		if nonce != "" {
			_, err := tx.ExecContext(ctx, "INSERT INTO "+t.nonces+" (merchant_key, nonce, `until`) VALUES (?, ?, ?)",
				id, nonce, forget.UnixMilli())
			if shards.IsDuplicate(err) {
				fresh = false
				return nil
			}
			if err != nil {
				return err
			}
			_, err = tx.ExecContext(ctx, "DELETE FROM "+t.nonces+
				" WHERE merchant_key = ? AND `until` < ? ORDER BY `until` LIMIT ?", id, at.UnixMilli(), forgetNonces)
			if err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, "UPDATE "+t.keys+" SET last_used_at = ? WHERE id = ? AND last_used_at < ?",
			at.UnixMilli(), id, at.Add(-time.Minute).UnixMilli())
		return err
	})
	return fresh && err == nil, err
}

// Unannounced implements merchant.Store.
func (s *Store) Unannounced(ctx context.Context, shard, limit int) ([]merchant.Key, error) {
	keys, err := rows.Select(ctx, s.cluster.DB(shard), scanKey, "SELECT "+keyColumns+" FROM "+s.tables(shard).keys+
		" WHERE state = ? AND announced = 0 ORDER BY id LIMIT ?", string(merchant.KeyRevoked), limit)
	return keys, classify(err, "revoked keys of shard %d", shard)
}

// Announced implements merchant.Store.
func (s *Store) Announced(ctx context.Context, key int64) error {
	shard, ok := s.cluster.ShardOf(key)
	if !ok {
		return nil
	}
	return s.cluster.Tx(ctx, shard, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE "+s.tables(shard).keys+" SET announced = 1 WHERE id = ? AND state = ?",
			key, string(merchant.KeyRevoked))
		return err
	})
}

func classify(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return shards.Classify(fmt.Errorf(format+": %w", append(args, err)...))
}

// joined writes a list with commas between; none of its elements has one.
func joined[T ~string](list []T) string {
	texts := make([]string, len(list))
	for i, e := range list {
		texts[i] = string(e)
	}
	return strings.Join(texts, ",")
}

// split is the inverse of joined.
func split[T ~string](text string) []T {
	if text == "" {
		return nil
	}
	var list []T
	for e := range strings.SplitSeq(text, ",") {
		list = append(list, T(e))
	}
	return list
}

// notNil is what a column that is never NULL takes.
func notNil[T ~[]byte](b T) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
