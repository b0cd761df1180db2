package system_test

import (
	"errors"
	"testing"

	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/system"
	"github.com/hongbao/hongbao/internal/system/systemtest"
)

// Each server that Open needs is away in turn: it says so, and lets go of what it had opened.
func TestOpenWithoutWhatItNeeds(t *testing.T) {
	if _, err := system.Open(t.Context(), systemtest.Config(t)); !errors.Is(err, shards.ErrNotInstalled) {
		t.Errorf("on servers without an installation: %v", err)
	}
	installed := systemtest.New(t, nil).Config()

	noMySQL := installed
	noMySQL.MySQL = []string{"root@tcp(127.0.0.1:1)/"}
	if _, err := system.Open(t.Context(), noMySQL); !errors.Is(err, shards.ErrUnavailable) {
		t.Errorf("without MySQL: %v", err)
	}
	noRedis := installed
	noRedis.Redis = []string{"127.0.0.1:1"}
	if _, err := system.Open(t.Context(), noRedis); err == nil {
		t.Error("opened without Redis")
	}
}
