package cmd

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/hongbao/hongbao/internal/certs/certstest"
)

// What is wrong with certificates is told before anything is started.
func TestCertificatesAreCheckedFirst(t *testing.T) {
	a := certstest.New(t)
	good, old := a.Files(time.Now().Add(time.Hour)), a.Files(time.Now().Add(-time.Minute))
	key := publicKey(t)
	for _, c := range []struct {
		want string
		args []string
	}{
		{"in order", []string{"rpc", "--token-key", key, "--tls-cert", good.Certificate, "--tls-key", good.Key,
			"--tls-client-ca", good.Authorities}},
		{"in order", []string{"gateway", "--token-key", key, "--tls-cert", good.Certificate, "--tls-key", good.Key,
			"--rpc-ca", good.Authorities, "--rpc-cert", good.Certificate, "--rpc-key", good.Key,
			"--metrics", "127.0.0.1:9100", "--operators-at-metrics"}},
		{"in order", []string{"up", "--tls-cert", good.Certificate, "--tls-key", good.Key}},
		{"expired on", []string{"rpc", "--token-key", key, "--tls-cert", old.Certificate, "--tls-key", old.Key}},
		{"expired on", []string{"gateway", "--token-key", key, "--rpc-ca", old.Authorities,
			"--rpc-cert", old.Certificate, "--rpc-key", old.Key}},
		{"go together", []string{"up", "--tls-cert", good.Certificate}},
		{"--tls-client-ca goes with", []string{"rpc", "--token-key", key, "--tls-client-ca", good.Authorities}},
		{"go with --rpc-ca", []string{"gateway", "--token-key", key, "--rpc-cert", good.Certificate,
			"--rpc-key", good.Key}},
		{"--operators-at-metrics goes with", []string{"gateway", "--token-key", key, "--operators-at-metrics"}},
		{"--user-grabs", []string{"up", "--user-grabs", "-1"}},
		{"--max-connections", []string{"up", "--max-connections", "2000000"}},
	} {
		if _, out := runConfig(t, nil, append([]string{"config", "check", "--"}, c.args...)...); !strings.Contains(out,
			c.want) {
			t.Errorf("%v: %s", c.args, out)
		}
	}
}

func TestMemoryIsLimitedAsTheContainerIs(t *testing.T) {
	if os.Getenv("GOMEMLIMIT") != "" {
		t.Skip("GOMEMLIMIT is set")
	}
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	path := filepath.Join(t.TempDir(), "memory.max")
	for _, c := range []struct {
		text string
		want int64
	}{{"1000000000\n", 900_000_000}, {"max\n", 900_000_000}, {"", 900_000_000}, {"2000000000", 1_800_000_000}} {
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if limitMemory(path); debug.SetMemoryLimit(-1) != c.want {
			t.Errorf("%q: %d", c.text, debug.SetMemoryLimit(-1))
		}
	}
}
