package sealed

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func line(name string, fill byte) string {
	return name + " " + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{fill}, KeyBytes)) + "\n"
}

func TestOldKeysStillOpen(t *testing.T) {
	old, err := Parse([]byte(line("a", 1)))
	if err != nil {
		t.Fatal(err)
	}
	both, err := Parse([]byte("# rotated in spring\n\n" + line("b", 2) + line("a", 1)))
	if err != nil {
		t.Fatal(err)
	}
	secret := []byte("whsec")
	was := old.Seal(secret, "hook 1")
	if bytes.Contains(was, secret) || len(was) != len(secret)+Overhead || bytes.Equal(was, old.Seal(secret, "hook 1")) {
		t.Errorf("sealed as %q", was)
	}
	for _, c := range []struct {
		what   string
		keys   *Keys
		name   string
		sealed []byte
		of     string
		err    error
	}{
		{"with the same key", old, "a", was, "hook 1", nil},
		{"with an old key", both, "a", was, "hook 1", nil},
		{"with the new key", both, "b", both.Seal(secret, "hook 1"), "hook 1", nil},
		{"without the new key", old, "b", both.Seal(secret, "hook 1"), "hook 1", &NoKeyError{"b"}},
		{"without any", nil, "a", was, "hook 1", &NoKeyError{"a"}},
		{"by another's name", both, "b", was, "hook 1", ErrForged},
		{"of another hook", old, "a", was, "hook 2", ErrForged},
		{"changed", old, "a", append(bytes.Clone(was[:len(was)-1]), was[len(was)-1]^1), "hook 1", ErrForged},
		{"cut off", old, "a", was[:Overhead-1], "hook 1", ErrForged},
	} {
		got, err := c.keys.Open(c.name, c.sealed, c.of)
		if fmt.Sprint(err) != fmt.Sprint(c.err) || c.err == nil && !bytes.Equal(got, secret) {
			t.Errorf("%s: %q, %v; want %v", c.what, got, err, c.err)
		}
	}
	if text := fmt.Sprintf("%v %#v", both, both); strings.Contains(text, "\x01") || text != "sealed.Keys sealed.Keys" {
		t.Errorf("keys print as %q", text)
	}
	if both.First() != "b" || !both.Has("a") || both.Has("c") {
		t.Error("the first key is not the one that seals")
	}
}

func TestWhatIsNoFileOfKeys(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "no key",
		"# a\n":                     "no key",
		"a\n":                       "line 1",
		"a b\n":                     "line 1",
		"a/b " + line("", 1):        "line 1",
		line("a", 1) + line("a", 2): "line 2",
		"\n" + line("a", 1)[:20]:    "line 2",
	} {
		if k, err := Parse([]byte(text)); err == nil || k != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func TestMakeWritesOnceForItsUserAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	if err := Make(path, time.Now()); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if _, err := Load(path); err != nil {
		t.Error(err)
	}
	if err := Make(path, time.Now()); !errors.Is(err, fs.ErrExist) {
		t.Errorf("made twice: %v", err)
	}
}
