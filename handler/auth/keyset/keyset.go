// Package keyset keeps the public keys that sign tokens up to date: from files, which may be replaced, and from an
// address that answers a JSON Web Key Set. So a key is added and taken away without a restart.
//
// What cannot be read at the start is an error. Later, the keys before stay in force until there are others: whoever
// publishes them may be away for a while, and tokens are good for longer.
package keyset

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/hongbao/hongbao/handler/auth"
)

const (
	// Poll is how long a change of a file or at the address may stay unnoticed.
	Poll = 10 * time.Second
	// fetchTimeout bounds one question to the address.
	fetchTimeout = 5 * time.Second
	// maxSet bounds what is read of a file or an answer, in bytes.
	maxSet = 256 << 10
)

// Source says where keys are.
type Source struct {
	Files   []string // PEM, or JSON Web Key Sets
	Address string   // https://… of a JSON Web Key Set; http:// for this machine alone; empty for none
}

// Check finds an address that keys must not come from.
func (s Source) Check() error {
	if s.Address == "" {
		return nil
	}
	u, err := url.Parse(s.Address)
	if err != nil || u.Host == "" || u.User != nil {
		return errors.New("the address of the keys is malformed: give https://host/path")
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme != "https" &&
		(u.Scheme != "http" || u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback())) {
		return errors.New("keys come over https alone: whoever could change them on the way could sign for anybody")
	}
	return nil
}

// client follows no redirect, which could lead away from TLS.
func client() *http.Client {
	return &http.Client{Timeout: fetchTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// Read reads all keys.
func (s Source) Read(ctx context.Context) (auth.Keyring, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	all := auth.Keyring{}
	for _, path := range s.Files {
		text, err := readFile(path)
		if err != nil {
			return nil, err
		}
		ring, err := auth.ParseKeys(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		maps.Copy(all, ring)
	}
	if s.Address == "" {
		return all, nil
	}
	text, err := fetch(ctx, s.Address)
	if err != nil {
		return nil, fmt.Errorf("keys of %s: %w", s.Address, err)
	}
	ring, err := auth.ParseKeys(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Address, err)
	}
	maps.Copy(all, ring)
	return all, nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f)
}

func fetch(ctx context.Context, address string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	response, err := client().Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("answered %d", response.StatusCode)
	}
	return readAll(response.Body)
}

func readAll(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxSet+1))
	if err == nil && len(text) > maxSet {
		err = fmt.Errorf("longer than %d bytes", maxSet)
	}
	return text, err
}

// Keep calls use with the keys whenever they have changed, until the context ends. before are those that are used now.
// Where use refuses them, those before stay.
func (s Source) Keep(ctx context.Context, before auth.Keyring, use func(auth.Keyring) error, log *slog.Logger) {
	ticker := time.NewTicker(Poll)
	defer ticker.Stop()
	look := s.keeper(before, use, log)
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			look(ctx)
		}
	}
}

// keeper makes one look at a time. It logs once what it cannot read.
func (s Source) keeper(
	before auth.Keyring, use func(auth.Keyring) error, log *slog.Logger,
) (look func(context.Context)) {
	failing := false
	return func(ctx context.Context) {
		ring, err := s.Read(ctx)
		if err == nil && !maps.EqualFunc(ring, before, equal) {
			if err = use(ring); err == nil {
				before = ring
				log.Info("the keys that sign tokens have changed", "keys", len(ring))
			}
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil && !failing {
			log.Error("the keys that sign tokens cannot be read; those before stay in force", "error", err)
		}
		failing = err != nil
	}
}

func equal(a, b ed25519.PublicKey) bool { return a.Equal(b) }
