package cmd

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hongbao/hongbao/internal/signature"
)

// Real money without a bank, and a bank without real money, are refused before anything is started.
func TestFundingFlags(t *testing.T) {
	secrets := filepath.Join(t.TempDir(), "secrets")
	if err := os.WriteFile(secrets, []byte(signature.NewSecret()), 0o600); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(t.TempDir(), "data")
	const url = "https://bank.example/funding"
	for _, line := range []struct {
		args []string
		want string
	}{
		{[]string{"--no-sandbox"}, "--no-sandbox means real money, which needs a bank"},
		{[]string{"--no-sandbox", "--funding-secret-file", secrets},
			"--no-sandbox means real money, which needs a bank"},
		{[]string{"--no-sandbox", "--funding-url", url}, "belong together"},
		{[]string{"--funding-url", url, "--funding-secret-file", secrets}, "give --no-sandbox with it"},
		{[]string{"--funding-secret-file", secrets}, "belong together"},
	} {
		var out, errs bytes.Buffer
		if code := Main(append([]string{"up", "--data", data}, line.args...), &out, &errs); code != 1 ||
			!strings.Contains(errs.String(), line.want) {
			t.Errorf("%v: exit %d, %s; want %q", line.args, code, errs.String(), line.want)
		}
	}
	if _, err := os.Stat(data); err == nil {
		t.Error("something was started")
	}
}
