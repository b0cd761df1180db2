package devstack

import (
	"context"
	"testing"
	"time"
)

func TestSmoke(t *testing.T) {
	b := time.Now()
	TestRedis(t)
	t.Log(time.Since(b))
	b = time.Now()
	TestMariaDB(t)
	t.Log(time.Since(b))
	b = time.Now()
	s, err := Up(context.Background(), Options{Dir: t.TempDir(), Progress: func(l string) { t.Log(l) }})
	t.Log(time.Since(b))
	if err != nil {
		t.Fatal(err)
	}
	t.Log(s.MariaDB.DSN(), s.Redis.Socket(), s.Redis.PID())
	b = time.Now()
	t.Log(s.Stop(t.Context()))
	t.Log(time.Since(b))
}
