package app_test

import (
	"context"
	"errors"
	"testing"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/internal/shards"
)

// Each server that Open needs is away in turn: it says so, and lets go of what it had opened.
func TestOpenWithoutWhatItNeeds(t *testing.T) {
	if _, err := app.Open(t.Context(), apptest.Config(t)); !errors.Is(err, shards.ErrNotInstalled) {
		t.Errorf("on servers without an installation: %v", err)
	}
	installed := apptest.New(t, nil).Config()

	noMySQL := installed
	noMySQL.MySQL = []string{"root@tcp(127.0.0.1:1)/"}
	if _, err := app.Open(t.Context(), noMySQL); !errors.Is(err, shards.ErrUnavailable) {
		t.Errorf("without MySQL: %v", err)
	}
	noRedis := installed
	noRedis.Redis = []string{"127.0.0.1:1"}
	if _, err := app.Open(t.Context(), noRedis); err == nil {
		t.Error("opened without Redis")
	}
}

// A Redis that may forget what it acknowledged is refused, unless somebody says that this does not matter.
func TestOpenOnAVolatileRedis(t *testing.T) {
	s := apptest.New(t, nil)
	set := func(parameter, value string) {
		t.Helper()
		if err := s.Redis.Do(context.WithoutCancel(t.Context()),
			s.Redis.B().ConfigSet().ParameterValue().ParameterValue(parameter, value).Build()).Error(); err != nil {
			t.Fatal(err)
		}
	}
	for parameter, values := range map[string][2]string{
		"appendfsync": {"everysec", "always"}, "appendonly": {"no", "yes"}, "maxmemory-policy": {"allkeys-lru",
			"noeviction"},
	} {
		set(parameter, values[0])
		if _, err := app.Open(t.Context(), s.Config()); !errors.Is(err, app.ErrVolatileRedis) {
			t.Errorf("with %s %s: %v", parameter, values[0], err)
		}
		careless := s.Config()
		careless.VolatileRedis, careless.Registerer = true, nil
		if parameter == "appendfsync" {
			apptest.Open(t, careless)
		}
		set(parameter, values[1])
	}
}
