package auth

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/MicahParks/jwkset"
)

// MaxKeys bounds the keys of a set.
const MaxKeys = 100

// ParseKeys reads public keys: PEM as ParseKeyring does, or a JSON Web Key Set (RFC 7517), of which the Ed25519 keys
// (RFC 8037) are taken that are for signatures; whoever publishes it may have others. A key without a `kid` is known by
// its KeyID.
func ParseKeys(data []byte) (Keyring, error) {
	if data = bytes.TrimSpace(data); len(data) == 0 || data[0] != '{' {
		return ParseKeyring(data)
	}
	var set jwkset.JWKSMarshal
	if err := json.Unmarshal(data, &set); err != nil {
		return nil, fmt.Errorf("public keys: not a JSON Web Key Set: %w", err)
	}
	if len(set.Keys) > MaxKeys {
		return nil, fmt.Errorf("public keys: a set of %d keys: at most %d", len(set.Keys), MaxKeys)
	}
	ring := Keyring{}
	for _, m := range set.Keys {
		if m.KTY != jwkset.KtyOKP || m.CRV != jwkset.CrvEd25519 || m.USE != "" && m.USE != jwkset.UseSig {
			continue
		}
		if m.D != "" {
			return nil, errors.New("public keys: the set holds a private key: remove it, and replace that key")
		}
		jwk, err := jwkset.NewJWKFromMarshal(m, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
		if err != nil {
			return nil, fmt.Errorf("public keys: key %q: %w", m.KID, err)
		}
		key, ok := jwk.Key().(ed25519.PublicKey)
		if !ok || len(key) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("public keys: key %q is not an Ed25519 key", m.KID)
		}
		id := m.KID
		if id == "" {
			id = KeyID(key)
		}
		if other, twice := ring[id]; twice && !other.Equal(key) {
			return nil, fmt.Errorf("public keys: two keys are called %q", id)
		}
		ring[id] = key
	}
	if len(ring) == 0 {
		return nil, errors.New("public keys: the set holds no Ed25519 key for signatures")
	}
	return ring, nil
}
