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
	"github.com/hongbao/hongbao/handler"
	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/auth/keyset"
	"github.com/hongbao/hongbao/internal/revoked"
	"github.com/hongbao/hongbao/wallet/ledger"
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

func (t tokenRules) checkTokens() error {
	if t.MaxTokenLife < time.Second {
		return errors.New("--max-token-life is at least 1s")
	}
	return nil
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
	TokenKeySet string   `name:"token-jwks" help:"Address (https) of a JSON Web Key Set whose Ed25519 keys are accepted as those of --token-key are. Asked every 10 seconds."`
	TokenKeys   []string `name:"token-key"          help:"File with public keys (Ed25519; PEM, or a JSON Web Key Set) whose tokens are accepted, read again every 10 seconds. Repeat the flag for more files. This or --token-jwks is needed."                 type:"existingfile"`
	OwnKeys     []string `name:"merchant-token-key" help:"File with the public half of --merchant-key. Repeat the flag while a key is being replaced."                                type:"existingfile"`
}

func (p publicKeys) check() error {
	files := p.source()
	files.Address = ""
	_, trusted := files.Read(context.Background())
	if err := p.source().Check(); err != nil {
		trusted = errors.Join(trusted, fmt.Errorf("--token-jwks: %w", err))
	}
	if len(p.TokenKeys) == 0 && p.TokenKeySet == "" {
		trusted = errors.New("--token-key is missing: give a file with the public keys whose tokens are accepted")
	}
	_, own := readKeyring(p.OwnKeys)
	return errors.Join(trusted, own, p.checkTokens())
}

// source is where the keys of tokens are.
func (p publicKeys) source() keyset.Source {
	return keyset.Source{Files: p.TokenKeys, Address: p.TokenKeySet}
}

// keep keeps the keys of a verifier up to date until the context ends.
func (p publicKeys) keep(before auth.Keyring, t tokens, at console) func(context.Context) error {
	return func(ctx context.Context) error {
		p.source().Keep(ctx, before, t.verifier.SetKeys, at.log)
		return nil
	}
}

// stepUp are the flags of a process that demands a fresh proof for large amounts.
type stepUp struct {
	Contexts []string         `name:"step-up-acr" help:"Value of the claim acr that shows a second factor. With it, amounts above --step-up-above need a token that has it and whose auth_time is not older than --step-up-age. Repeat the flag for more."`
	Age      time.Duration    `name:"step-up-age" help:"How long ago the second factor may have been shown." default:"5m"`
	Above    int64            `name:"step-up-above" help:"Amount in minor units above which withdrawals, envelopes, transfers, parts of collections and moves of merchants need it, for currencies that --step-up-above-in does not name. 0 means none." default:"0"`
	AboveIn  map[string]int64 `name:"step-up-above-in" help:"--step-up-above for single currencies: JPY=50000;KWD=0."`
}

func (s stepUp) rule() (handler.StepUp, error) {
	r := handler.StepUp{Contexts: s.Contexts, Age: s.Age, Above: ledger.DailyLimits{Default: s.Above,
		In: make(map[ledger.Currency]int64)}}
	least := s.Above
	for code, above := range s.AboveIn {
		currency, err := ledger.ParseCurrency(code)
		if err != nil {
			return r, err
		}
		r.Above.In[currency] = above
		least = min(least, above)
	}
	if least < 0 || s.Age < time.Second {
		return r, errors.New("--step-up-age is at least 1s, --step-up-above and --step-up-above-in 0")
	}
	if (s.Above > 0 || len(s.AboveIn) > 0) && len(s.Contexts) == 0 {
		return r, errors.New("--step-up-above needs --step-up-acr: which value of acr shows a second factor")
	}
	return r, nil
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
	if t.Key == "" && errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("no hongbao up has made a key in %s: give its --data, or --key: %w", t.Data, err)
	}
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
	if t.Life > auth.DefaultTokenLife {
		at.warn("this token is refused wherever --max-token-life is below %v; it is %v unless given", t.Life,
			auth.DefaultTokenLife)
	}
	return nil
}

func scopesOf(names []string) []auth.Scope {
	scopes := make([]auth.Scope, len(names))
	for i, name := range names {
		scopes[i] = auth.Scope(name)
	}
	return scopes
}
