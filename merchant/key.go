package merchant

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hongbao/hongbao/internal/refusal"
)

// KeyState is where a key is in its life. Revoked is final. A key that has expired is as good as revoked.
type KeyState string

const (
	KeyActive  KeyState = "active"
	KeyRolling KeyState = "rolling" // another key has taken its place, and it expires soon
	KeyRevoked KeyState = "revoked"
)

// Permission is what a key lets its bearer do.
type Permission string

const (
	WalletRead Permission = "wallet_read" // see balances and statements
	WalletMove Permission = "wallet_move" // move money between the merchant's wallets, and fund test wallets

	WebhookManage Permission = "webhook_manage" // see and change webhooks and events

	CoverRead Permission = "cover_read" // see covers
	CoverEdit Permission = "cover_edit" // upload images, edit and submit covers, appeal

	CoverStock Permission = "cover_stock" // buy and withdraw pieces of covers
	CoverGive  Permission = "cover_give"  // open and close channels, make codes, grant pieces

	ClockAdvance Permission = "clock_advance" // advance the clock of the test side
)

// Permissions are all that there are.
func Permissions() []Permission {
	return []Permission{
		WalletRead, WalletMove, WebhookManage, CoverRead, CoverEdit, CoverStock, CoverGive, ClockAdvance,
	}
}

// Bounds of keys.
const (
	MaxKeys      = 50 // of a merchant, those that are revoked or have expired not counted
	maxAllowed   = 16 // addresses of a key
	maxKeyName   = 40 // characters
	maxOverlap   = 7 * 24 * time.Hour
	maxNonce     = 64               // bytes
	proofWindow  = time.Minute      // how far the time in a signed proof may be from ours
	secretBytes  = 32               // 256 random bits
	TokenLife    = 15 * time.Minute // of what a key is exchanged for
	secretPrefix = "hb_"
)

// Key is what a merchant's server proves itself with. The secret itself is nowhere.
type Key struct {
	ID          int64 // its low bits are the merchant's shard
	Merchant    int64
	Mode        Mode
	Name        string
	Permissions []Permission
	Allowed     []netip.Prefix // from where it may be used; empty for anywhere
	Hash        []byte         // SHA-256 of the whole secret; empty where there is a public key
	PublicKey   ed25519.PublicKey
	Hint        string // the last four characters of the secret
	State       KeyState
	CreatedAt   time.Time
	ExpiresAt   time.Time // zero for never
	LastUsedAt  time.Time // to the minute; zero for never
	RolledFrom  int64     // the key whose place it took; 0 for none
}

// ValidAt says whether a key is good at a time.
func (k Key) ValidAt(now time.Time) bool {
	return k.State != KeyRevoked && (k.ExpiresAt.IsZero() || now.Before(k.ExpiresAt))
}

// NewKey is what a member asks for.
type NewKey struct {
	RequestID   string
	Mode        string
	Name        string
	Permissions []string
	Allowed     []string // CIDR or single addresses
	ExpiresAt   time.Time
	PublicKey   []byte // Ed25519, 32 bytes; empty for a secret
}

func (n NewKey) key(now time.Time) (Key, error) {
	mode, err := ParseMode(n.Mode)
	if err != nil {
		return Key{}, err
	}
	if err := checkText("name", n.Name, maxKeyName); err != nil {
		return Key{}, err
	}
	k := Key{Mode: mode, Name: n.Name, State: KeyActive, CreatedAt: now, ExpiresAt: n.ExpiresAt}
	if len(n.Permissions) == 0 {
		return Key{}, refusal.New(refusal.CodeInvalidArgument, "permissions is empty: give one or more of %v",
			Permissions())
	}
	for _, name := range n.Permissions {
		p := Permission(name)
		if !slices.Contains(Permissions(), p) || slices.Contains(k.Permissions, p) {
			return Key{}, refusal.New(refusal.CodeInvalidArgument,
				"permission %q is unknown or there twice: give some of %v", refusal.Clip(name), Permissions())
		}
		k.Permissions = append(k.Permissions, p)
	}
	if k.Allowed, err = parseAllowed(n.Allowed); err != nil {
		return Key{}, err
	}
	if !n.ExpiresAt.IsZero() && !n.ExpiresAt.After(now) {
		return Key{}, refusal.New(refusal.CodeInvalidArgument,
			"expires_at has passed: give a later time, or leave it out")
	}
	if len(n.PublicKey) > 0 {
		if len(n.PublicKey) != ed25519.PublicKeySize {
			return Key{}, refusal.New(refusal.CodeInvalidArgument,
				"public_key has %d bytes: give the %d of an Ed25519 key in base64",
				len(n.PublicKey), ed25519.PublicKeySize)
		}
		k.PublicKey = n.PublicKey
	}
	return k, nil
}

// parseAllowed reads addresses and networks. Refusal: invalid_argument.
func parseAllowed(list []string) ([]netip.Prefix, error) {
	if len(list) > maxAllowed {
		return nil, refusal.New(refusal.CodeInvalidArgument, "allowed has %d elements: give at most %d", len(list),
			maxAllowed)
	}
	var allowed []netip.Prefix
	for _, text := range list {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			address, notAddress := netip.ParseAddr(text)
			if notAddress != nil || address.Zone() != "" {
				return nil, refusal.New(refusal.CodeInvalidArgument,
					"allowed: %q is malformed: give an address or a network as 203.0.113.0/24", refusal.Clip(text))
			}
			prefix = netip.PrefixFrom(address, address.BitLen())
		}
		allowed = append(allowed, prefix.Masked())
	}
	return allowed, nil
}

// Admits says whether one of the networks has an address; no networks have all.
func Admits(allowed []netip.Prefix, address netip.Addr) bool {
	address = address.Unmap()
	return len(allowed) == 0 || slices.ContainsFunc(allowed, func(p netip.Prefix) bool { return p.Contains(address) })
}

// alphabet of secrets: what can be selected with a double click, and read out.
var alphabet = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// withSecret gives a key a secret, which is returned: hb_live_<id>_<52 characters>.
func (k *Key) withSecret() (string, error) {
	var random [secretBytes]byte
	if _, err := rand.Read(random[:]); err != nil {
		return "", fmt.Errorf("secret: %w", err)
	}
	secret := fmt.Sprintf("%s%s_%d_%s", secretPrefix, k.Mode, k.ID, alphabet.EncodeToString(random[:]))
	hash := sha256.Sum256([]byte(secret))
	k.Hash, k.Hint = hash[:], secret[len(secret)-4:]
	return secret, nil
}

// Proof is how a merchant's server shows that it has a key: by its Secret, or by the other fields.
type Proof struct {
	Secret    string
	Key       int64
	Nonce     string // of the merchant's making, another one in each proof
	Timestamp time.Time
	Signature string // base64 of the Ed25519 signature of SignedText
}

// SignedText is what a merchant's server signs with its own key.
func SignedText(key int64, nonce string, at time.Time) []byte {
	return fmt.Appendf(nil, "hongbao merchant token\n%d\n%s\n%d", key, nonce, at.UnixMilli())
}

var errKeyUnknown = refusal.New(CodeKeyUnknown,
	"there is no key that this proves: check that the secret or the signature is whole")

// keyID is the key that a proof names.
func (p Proof) keyID() (int64, error) {
	if p.Secret == "" {
		return p.Key, nil
	}
	fields := strings.Split(p.Secret, "_")
	if len(fields) != 4 || p.Key != 0 || p.Signature != "" {
		return 0, errKeyUnknown
	}
	id, err := strconv.ParseInt(fields[2], 10, 64)
	if err != nil {
		return 0, errKeyUnknown
	}
	return id, nil
}

// check finds out whether a proof proves a key. Refusals: key_unknown, signature_invalid.
func (p Proof) check(k Key, now time.Time) error {
	if p.Secret != "" {
		hash := sha256.Sum256([]byte(p.Secret))
		if len(k.Hash) != len(hash) || subtle.ConstantTimeCompare(hash[:], k.Hash) != 1 {
			return errKeyUnknown
		}
		return nil
	}
	if len(k.PublicKey) != ed25519.PublicKeySize {
		return errKeyUnknown
	}
	signature, err := base64.StdEncoding.Strict().DecodeString(p.Signature)
	nonceOK := refusal.CheckRequestID(p.Nonce) == nil && len(p.Nonce) <= maxNonce
	if err != nil || !nonceOK || !ed25519.Verify(k.PublicKey, SignedText(k.ID, p.Nonce, p.Timestamp), signature) {
		return refusal.New(CodeSignatureInvalid,
			"the signature is not that of this key over the text that docs/api.md names")
	}
	if age := now.Sub(p.Timestamp); age > proofWindow || age < -proofWindow {
		return refusal.New(CodeSignatureInvalid,
			"the timestamp is more than %v from our clock: sign anew, with the time of now", proofWindow)
	}
	return nil
}

// Session is in whose name, and for what, a token lets its bearer act.
type Session struct {
	Merchant    int64
	Key         int64
	Mode        Mode
	Permissions []Permission
	Allowed     []netip.Prefix
}

// RevocationID is the name under which all tokens of a key are revoked.
func RevocationID(key int64) string { return "merchant-key:" + strconv.FormatInt(key, 10) }

// Account is the subject of the session's token.
func (s Session) Account() string { return Account(s.Merchant, s.Mode, Available) }

// may refuses what a session's key does not permit. Refusal: permission_missing.
func (s Session) may(p Permission) error {
	if slices.Contains(s.Permissions, p) {
		return nil
	}
	return refusal.New(CodePermissionMissing, "the key has not the permission %s: make one that has", p)
}
