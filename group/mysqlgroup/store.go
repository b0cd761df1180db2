package mysqlgroup

import (
	"context"

	"github.com/hongbao/hongbao/group"
	"github.com/hongbao/hongbao/internal/shards"
)

// Store is a group.Store on the shards of a cluster. It is safe for concurrent use.
type Store struct{}

var _ group.Store = (*Store)(nil)

// New makes a Store. It makes no connection.
func New(c *shards.Cluster) *Store { panic("skeleton") }

// Migrate brings the tables of every shard up to date.
func (s *Store) Migrate(ctx context.Context) error                                { panic("skeleton") }
func (s *Store) Create(ctx context.Context, group string, members []string) error { panic("skeleton") }
func (s *Store) Members(ctx context.Context, group string) ([]string, error)      { panic("skeleton") }
func (s *Store) Add(ctx context.Context, group, user string) error                { panic("skeleton") }
func (s *Store) Remove(ctx context.Context, group, user string) error             { panic("skeleton") }
func (s *Store) GroupsOf(ctx context.Context, user string) ([]string, error)      { panic("skeleton") }
