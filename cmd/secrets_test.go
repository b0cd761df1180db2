package cmd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hongbao/hongbao/internal/sealed"
)

// An `up` makes the keys of secrets once, for itself alone; other commands take those that are there.
func TestUpMakesTheKeysOfSecretsOnce(t *testing.T) {
	f := servers{Data: t.TempDir()}
	if keys, err := f.secrets(); keys != nil || err != nil {
		t.Errorf("keys before there are any: %v, %v", keys, err)
	}
	var first connected
	if err := f.makeSecrets(&first); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(f.Data, secretKeys)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	var again connected
	if err := f.makeSecrets(&again); err != nil {
		t.Fatal(err)
	}
	found, err := f.secrets()
	if err != nil {
		t.Fatal(err)
	}
	secret := first.config.Secrets.Seal([]byte("secret"), "it")
	for what, keys := range map[string]*sealed.Keys{"made twice": again.config.Secrets, "found": found} {
		if _, err := keys.Open(found.First(), secret, "it"); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := os.WriteFile(path, []byte("first not-base64\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = f.secrets()
	if err == nil || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "not-") {
		t.Errorf("a file that is no keys: %v", err)
	}
}
