package cmd

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/internal/revoked"
)

// developmentKey is the private key that `up` makes under --data and signs development tokens with.
const developmentKey = "token.key"

// ownKey is the private key that `up` makes under --data and signs tokens for merchants' servers with.
const ownKey = "merchant.key"

// loadPrivateKey reads an Ed25519 private key in PEM.
func loadPrivateKey(path string) (*auth.Issuer, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	key, err := auth.ParsePrivateKey(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return auth.NewIssuer(key, time.Now), nil
}

// makePrivateKey reads the key at path, after making one where there is none.
func makePrivateKey(path string) (*auth.Issuer, error) {
	issuer, err := loadPrivateKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return issuer, err
	}
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, err
	}
	text, err := auth.EncodePrivateKey(key)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return nil, err
	}
	return auth.NewIssuer(key, time.Now), nil
}

// tokenRules are the flags of every process that checks tokens.
type tokenRules struct {
	MaxTokenLife time.Duration `help:"Longest accepted time between a token's iat and exp." default:"${token_life}"`
}

// tokens decides which tokens are good.
type tokens struct {
	verifier *auth.Verifier
	revoked  *revoked.List
}

// tokens makes the verifier of a process. own are the installation's own keys, which sign for merchants' servers.
func (t tokenRules) tokens(s *app.App, keys, own auth.Keyring) (tokens, error) {
	verifier, err := auth.NewVerifier(auth.VerifierConfig{
		Keys: keys, Own: own, Life: t.MaxTokenLife, Revoked: s.Revoked.Has, Now: time.Now,
	})
	return tokens{verifier, s.Revoked}, err
}

// merchantRules are the flags of a process that serves merchants.
type merchantRules struct {
	MerchantCalls int            `help:"Calls a second that a merchant's key may make."                                                                          default:"100"`
	Gateways      []netip.Prefix `help:"Network of gateways, as 10.0.0.0/8. The server takes their word for a client's address. This machine is always trusted."               name:"trusted-gateway"`
}

func (m merchantRules) checkMerchants() error {
	if m.MerchantCalls < 1 || m.MerchantCalls > 100_000 {
		return fmt.Errorf("--merchant-calls %d is out of range: give 1 to 100000", m.MerchantCalls)
	}
	return nil
}

// publicKeys are the flags of a process that is told which keys sign tokens.
type publicKeys struct {
	tokenRules
	TokenKeys []string `name:"token-key"          help:"File with public keys (Ed25519, PEM) whose tokens are accepted. Repeat the flag while a key is being replaced. At least one is needed."                 type:"existingfile"`
	OwnKeys   []string `name:"merchant-token-key" help:"File with the public half of --merchant-key. Repeat the flag while a key is being replaced."                                type:"existingfile"`
}

func (p publicKeys) check() error {
	_, trusted := readKeyring(p.TokenKeys)
	if len(p.TokenKeys) == 0 {
		trusted = errors.New("--token-key is missing: give a file with the public keys whose tokens are accepted")
	}
	_, own := readKeyring(p.OwnKeys)
	return errors.Join(trusted, own)
}

// readKeyring reads public keys.
func readKeyring(paths []string) (auth.Keyring, error) {
	all := make(auth.Keyring)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		ring, err := auth.ParseKeyring(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		maps.Copy(all, ring)
	}
	return all, nil
}

type tokenCmd struct {
	Subject string        `arg:"" help:"Subject of the token: a user id, or the name of a service."`
	Scopes  []string      `       help:"What the token allows: user, merchant, operator, service."                            name:"scope" default:"user"`
	Life    time.Duration `       help:"How long the token is valid, at most --max-token-life of the installation."                        default:"1h"`
	Key     string        `       help:"File with the private key (Ed25519, PEM). Default: the development key under --data."`
	Data    string        `       help:"Data folder of a hongbao up."                                                                      default:"./data" type:"path"`
	Public  bool          `       help:"Print the public key instead, for the flag --token-key."`
}

func (t tokenCmd) Run(_ context.Context, at console) error {
	if t.Life < time.Second {
		return fmt.Errorf("--life %v is too short: give at least 1s", t.Life)
	}
	path := t.Key
	if path == "" {
		path = filepath.Join(t.Data, developmentKey)
	}
	issuer, err := loadPrivateKey(path)
	if err != nil {
		return err
	}
	if t.Public {
		text, err := auth.EncodePublicKey(issuer.PublicKey())
		if err != nil {
			return err
		}
		_, err = at.out.Write(text)
		return err
	}
	token, err := issuer.Issue(t.Subject, scopesOf(t.Scopes), t.Life)
	if err != nil {
		return err
	}
	at.say("%s", token)
	return nil
}

func scopesOf(names []string) []auth.Scope {
	scopes := make([]auth.Scope, len(names))
	for i, name := range names {
		scopes[i] = auth.Scope(name)
	}
	return scopes
}
