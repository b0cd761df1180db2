package cmd

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

// A token is signed with the development key; without it, and for a token that is refused later, one is told at once.
func TestToken(t *testing.T) {
	data := t.TempDir()
	token := func(args ...string) (code int, out, said string) {
		var stdout, stderr bytes.Buffer
		code = Main(append([]string{"token", "alice", "--data", data}, args...), &stdout, &stderr)
		return code, stdout.String(), stderr.String()
	}
	if code, out, said := token(); code != 1 || out != "" || !strings.HasPrefix(said,
		"hongbao: no hongbao up has made a key in "+data+": give its --data, or --key: ") {
		t.Errorf("without a key: exit %d: %s%s", code, out, said)
	}
	if _, err := makePrivateKey(filepath.Join(data, developmentKey)); err != nil {
		t.Fatal(err)
	}
	const warning = "hongbao: this token is refused wherever --max-token-life is below 48h0m0s; it is 24h0m0s unless " +
		"given\n"
	for _, line := range []struct{ life, want string }{{"24h", ""}, {"48h", warning}} {
		code, out, said := token("--life", line.life)
		if code != 0 || strings.Count(out, ".") != 2 || said != line.want {
			t.Errorf("--life %s: exit %d: %s%s", line.life, code, out, said)
		}
	}
}
