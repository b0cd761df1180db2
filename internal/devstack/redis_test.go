package devstack

import (
	"testing"
)

func TestRedisKeepsAcknowledgedWrites(t *testing.T) {
	for _, end := range []struct {
		name string
		how  func(*testing.T, *Redis)
	}{
		{"stopped", func(t *testing.T, r *Redis) { mustStop(t, r) }},
		{"killed", func(_ *testing.T, r *Redis) { r.Kill() }},
		{"running", func(*testing.T, *Redis) {}},
	} {
		t.Run(end.name, func(t *testing.T) {
			r := NewTestRedis(t)
			redisDo(t, r, "SET", "share", "42")
			first := r.PID()
			end.how(t, r)
			if end.name != "running" && alive(first) {
				t.Errorf("process %d is alive", first)
			}
			if err := r.Restart(t.Context()); err != nil {
				t.Fatal(err)
			}
			if r.PID() == first {
				t.Error("the same process after a restart")
			}
			if got, _ := redisDo(t, r, "GET", "share").ToString(); got != "42" {
				t.Errorf("GET share = %q, want 42", got)
			}
		})
	}
}

func TestRedisRunsAsDurableAndPrivate(t *testing.T) {
	r := NewTestRedis(t)
	for setting, want := range map[string]string{
		"port":                  "0",
		"appendonly":            "yes",
		"appendfsync":           "always",
		"save":                  "",
		"maxmemory-policy":      "noeviction",
		"enable-debug-command":  "no",
		"enable-module-command": "no",
		"unixsocketperm":        "700",
	} {
		got, err := redisDo(t, r, "CONFIG", "GET", setting).AsStrMap()
		if err != nil {
			t.Fatal(err)
		}
		if got[setting] != want {
			t.Errorf("%s is %q, want %q", setting, got[setting], want)
		}
	}
}
