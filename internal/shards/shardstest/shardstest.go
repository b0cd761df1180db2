// Package shardstest gives each test a cluster of its own, on the test process's server: see devstack.TestMySQL.
package shardstest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/devstack"
	"github.com/hongbao/hongbao/internal/shards"
)

const cleanupTimeout = 30 * time.Second

// Prefix is a schema prefix that no other test uses.
func Prefix() string {
	b := make([]byte, 5)
	_, _ = rand.Read(b) // never fails
	return "t" + hex.EncodeToString(b) + "_s"
}

// New opens a cluster of n shards under a fresh prefix and drops its schemas at the end of the test. It makes no
// schema; that is what migrations do. Without servers it uses the one of the package comment.
func New(t testing.TB, n int, dsns ...string) *shards.Cluster {
	t.Helper()
	if len(dsns) == 0 {
		dsns = []string{devstack.TestMySQL(t)}
	}
	c, err := shards.Open(shards.Config{DSNs: dsns, Shards: n, Prefix: Prefix(),
		Volatile: devstack.TestMySQLIsVolatile()})
	if err != nil {
		t.Fatalf("open cluster: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), cleanupTimeout)
		defer cancel()
		for shard := range n {
			// Best effort: a test may have stopped the server, and the schemas go with it at the end of the process.
			_, _ = c.DB(shard).ExecContext(ctx, "DROP DATABASE IF EXISTS "+c.Schema(shard))
		}
		if err := c.Close(); err != nil {
			t.Errorf("close cluster: %v", err)
		}
	})
	return c
}
