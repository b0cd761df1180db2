// Package mysqlgroup keeps chat groups in the shards of a cluster. A group and its members lie in one shard, chosen by
// the hash of the group's id as a user's is by theirs, so what concerns one group asks one shard; only GroupsOf asks
// them all.
//
// The row of a group is the lock of its membership: whoever changes it takes that first, so that MaxMembers holds
// however many add at once.
package mysqlgroup

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/hongbao/hongbao/group"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/internal/shards"
)

// askWidth is how many shards GroupsOf asks at a time.
const askWidth = 16

//go:embed migrations/*.sql
var migrationFiles embed.FS

// Store is a group.Store on the shards of a cluster. It is safe for concurrent use. Every method may fail with
// shards.ErrUnavailable, and refuses malformed ids as invalid_argument.
type Store struct{ cluster *shards.Cluster }

var _ group.Store = (*Store)(nil)

// New makes a Store. It makes no connection.
func New(c *shards.Cluster) *Store { return &Store{cluster: c} }

// Migrate brings the tables of every shard up to date; see shards.Cluster.MigrateAll.
func Migrate(ctx context.Context, c *shards.Cluster) error {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return err
	}
	return c.MigrateAll(ctx, shards.Migrations{FS: files, Table: "group_version"})
}

// place is where a group is kept.
type place struct {
	shard           int
	groups, members string // full names of the tables
}

func (s *Store) at(shard int) place {
	return place{shard, s.cluster.Table(shard, "chat_groups"), s.cluster.Table(shard, "members")}
}

func (s *Store) find(id string) (place, error) {
	if err := refusal.CheckID("group", id); err != nil {
		return place{}, err
	}
	return s.at(s.cluster.ForUser(id)), nil
}

// Create makes a group with its members in one transaction. Where one is there it is compared with the members of now.
// Refusals: group_exists, group_too_large.
func (s *Store) Create(ctx context.Context, id string, members []string) error {
	at, err := s.find(id)
	if err != nil {
		return err
	}
	for _, user := range members {
		if err := refusal.CheckID("member", user); err != nil {
			return err
		}
	}
	members = slices.Compact(slices.Sorted(slices.Values(members)))
	if len(members) > group.MaxMembers {
		return tooLarge(id)
	}
	err = s.cluster.Tx(ctx, at.shard, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO "+at.groups+" (group_id) VALUES (?)", id)
		if shards.IsDuplicate(err) {
			return compare(ctx, tx, at, id, members)
		}
		if err != nil || len(members) == 0 {
			return err
		}
		args := make([]any, 0, 2*len(members))
		for _, user := range members {
			args = append(args, id, user)
		}
		_, err = tx.ExecContext(ctx, "INSERT INTO "+at.members+" (group_id, user_id) VALUES (?,?)"+strings.Repeat(
			",(?,?)", len(members)-1), args...)
		return err
	})
	return wrap(err, "create group")
}

func compare(ctx context.Context, tx *sql.Tx, at place, id string, members []string) error {
	there, err := list(ctx, tx, "SELECT user_id FROM "+at.members+" WHERE group_id = ? ORDER BY user_id", id)
	if err != nil {
		return err
	}
	if !slices.Equal(there, members) {
		return refusal.New(group.CodeExists, "group %q exists and has other members: add and remove members one by one",
			id)
	}
	return nil
}

// Members returns the members ordered by id, or group.ErrNotFound.
func (s *Store) Members(ctx context.Context, id string) ([]string, error) {
	at, err := s.find(id)
	if err != nil {
		return nil, err
	}
	// One statement tells a group without members from none: its row comes with a NULL.
	rows, err := listNullable(ctx, s.cluster.DB(at.shard),
		"SELECT m.user_id FROM "+at.groups+" g LEFT JOIN "+at.members+
			" m ON m.group_id = g.group_id WHERE g.group_id = ? ORDER BY m.user_id", id)
	if err != nil {
		return nil, wrap(err, "members of a group")
	}
	if len(rows) == 0 {
		return nil, group.ErrNotFound
	}
	members := make([]string, 0, len(rows))
	for _, user := range rows {
		if user.Valid {
			members = append(members, user.String)
		}
	}
	return members, nil
}

// Add adds a member. Refusals: group_not_found, group_too_large.
func (s *Store) Add(ctx context.Context, id, user string) error {
	return s.change(ctx, id, user, func(tx *sql.Tx, at place) error {
		var all int
		var there bool
		err := tx.QueryRowContext(ctx,
			"SELECT COUNT(*), COALESCE(SUM(user_id = ?), 0) FROM "+at.members+" WHERE group_id = ?", user, id).Scan(
			&all, &there)
		if err != nil || there {
			return err
		}
		if all >= group.MaxMembers {
			return tooLarge(id)
		}
		_, err = tx.ExecContext(ctx, "INSERT INTO "+at.members+" (group_id, user_id) VALUES (?, ?)", id, user)
		return err
	})
}

// Remove removes a member. Refusal: group_not_found.
func (s *Store) Remove(ctx context.Context, id, user string) error {
	return s.change(ctx, id, user, func(tx *sql.Tx, at place) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM "+at.members+" WHERE group_id = ? AND user_id = ?", id, user)
		return err
	})
}

// change runs f under the lock of the group.
func (s *Store) change(ctx context.Context, id, user string, f func(tx *sql.Tx, at place) error) error {
	at, err := s.find(id)
	if err != nil {
		return err
	}
	if err := refusal.CheckID("member", user); err != nil {
		return err
	}
	err = s.cluster.Tx(ctx, at.shard, func(tx *sql.Tx) error {
		var there string
		err := tx.QueryRowContext(ctx, "SELECT group_id FROM "+at.groups+" WHERE group_id = ? FOR UPDATE",
			id).Scan(&there)
		if errors.Is(err, sql.ErrNoRows) {
			return group.ErrNotFound
		}
		if err != nil {
			return err
		}
		return f(tx, at)
	})
	return wrap(err, "change group")
}

// GroupsOf returns the groups that a user is a member of, ordered. It asks every shard.
func (s *Store) GroupsOf(ctx context.Context, user string) ([]string, error) {
	if err := refusal.CheckID("user", user); err != nil {
		return nil, err
	}
	found := make([][]string, s.cluster.Shards())
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(askWidth)
	for shard := range found {
		g.Go(func() (err error) {
			found[shard], err = list(ctx, s.cluster.DB(shard),
				"SELECT group_id FROM "+s.at(shard).members+" WHERE user_id = ?", user)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, wrap(err, "groups of a user")
	}
	all := slices.Concat(found...)
	slices.Sort(all)
	return all, nil
}

func tooLarge(id string) error {
	return refusal.New(group.CodeTooLarge, "group %q would have more than %d members", id, group.MaxMembers)
}

// wrap says what failed. A Refusal passes as it is, for it is an answer.
func wrap(err error, doing string) error {
	if err == nil || refusal.CodeOf(err) != "" {
		return err
	}
	return shards.Classify(fmt.Errorf("%s: %w", doing, err))
}

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func list(ctx context.Context, q querier, query string, args ...any) ([]string, error) {
	rows, err := listNullable(ctx, q, query, args...)
	values := make([]string, len(rows))
	for i, v := range rows {
		values[i] = v.String
	}
	return values, err
}

func listNullable(ctx context.Context, q querier, query string, args ...any) ([]sql.NullString, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var values []sql.NullString
	for rows.Next() {
		var v sql.NullString
		if err := rows.Scan(&v); err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, rows.Err()
}
