package keyset_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/auth/keyset"
)

func newKey(t *testing.T) ed25519.PublicKey {
	t.Helper()
	key, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func jwk(id string, key ed25519.PublicKey) string {
	return fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","use":"sig","alg":"EdDSA","kid":%q,"x":%q}`, id,
		base64.RawURLEncoding.EncodeToString(key))
}

func set(keys ...string) string { return `{"keys":[` + strings.Join(keys, ",") + `]}` }

func TestKeysOfFilesAndOfAnAddress(t *testing.T) {
	one, two, three := newKey(t), newKey(t), newKey(t)
	pem, err := auth.EncodePublicKey(one)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	pemFile, setFile := filepath.Join(folder, "one.pub"), filepath.Join(folder, "two.json")
	for path, text := range map[string]string{pemFile: string(pem), setFile: set(jwk("two", two),
		`{"kty":"RSA","kid":"other","n":"AQAB","e":"AQAB"}`)} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var answer atomic.Value
	answer.Store(set(jwk("three", three)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(answer.Load().(string)))
	}))
	defer server.Close()
	s := keyset.Source{Files: []string{pemFile, setFile}, Address: server.URL}
	ring, err := s.Read(t.Context())
	if err != nil || len(ring) != 3 || !ring[auth.KeyID(one)].Equal(one) || !ring["two"].Equal(two) ||
		!ring["three"].Equal(three) {
		t.Fatalf("%v, %v", ring, err)
	}
	for what, text := range map[string]string{
		"no keys": set(), "no JSON": "{",
		"a private key":           strings.Replace(set(jwk("x", one)), `"kid"`, `"d":"AAAA","kid"`, 1),
		"a key that is too short": set(`{"kty":"OKP","crv":"Ed25519","kid":"x","x":"AAAA"}`),
		"two of one name":         set(jwk("x", one), jwk("x", two)),
		"too long":                set(jwk("x", one)) + strings.Repeat(" ", 300_000),
		"too many":                set(strings.Split(strings.Repeat(jwk("x", one)+"\n", 101), "\n")[:101]...),
	} {
		answer.Store(text)
		if ring, err := s.Read(t.Context()); err == nil {
			t.Errorf("%s: %v", what, ring)
		}
	}
}

func TestAddressesOfKeys(t *testing.T) {
	for address, ok := range map[string]bool{
		"": true, "https://id.example.org/keys": true, "http://localhost:1/keys": true, "http://[::1]:1/": true,
		"http://id.example.org/keys": false, "ftp://localhost/": false, "https://user:secret@id.example.org/": false,
		"keys.json": false,
	} {
		if err := (keyset.Source{Address: address}).Check(); (err == nil) != ok {
			t.Errorf("%q: %v", address, err)
		}
	}
}

// A key that is added is used, and what cannot be read leaves the keys before.
func TestKeysAreKeptUpToDate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	one, two := newKey(t), newKey(t)
	write(set(jwk("one", one)))
	s := keyset.Source{Files: []string{path}}
	before, err := s.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	used := []auth.Keyring{}
	use := func(r auth.Keyring) error { used = append(used, r); return nil }
	log := slog.New(slog.DiscardHandler)
	look := keyset.NewKeeper(s, before, use, log)
	look(context.Background())
	write("half a fi")
	look(context.Background())
	write(set(jwk("one", one), jwk("two", two)))
	look(context.Background())
	look(context.Background())
	write(set(jwk("two", two)))
	look(context.Background())
	if len(used) != 2 || len(used[0]) != 2 || len(used[1]) != 1 || !used[1]["two"].Equal(two) {
		t.Errorf("used %v", used)
	}
}
