package auth

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
)

// PEM block types of key files.
const (
	pemPrivate = "PRIVATE KEY" // PKCS #8
	pemPublic  = "PUBLIC KEY"  // PKIX
)

// KeyID is the `kid` of a public key: its JWK thumbprint (RFC 7638, RFC 8037), which any JOSE library computes.
func KeyID(key ed25519.PublicKey) string {
	jwk := `{"crv":"Ed25519","kty":"OKP","x":"` + base64.RawURLEncoding.EncodeToString(key) + `"}`
	sum := sha256.Sum256([]byte(jwk))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Keyring holds the public keys that tokens may be signed with, by `kid`. For a rotation it holds the old and the new.
type Keyring map[string]ed25519.PublicKey

// NewKeyring names each key by its KeyID.
func NewKeyring(keys ...ed25519.PublicKey) Keyring {
	ring := make(Keyring, len(keys))
	for _, k := range keys {
		ring[KeyID(k)] = k
	}
	return ring
}

// ParseKeyring reads Ed25519 public keys, one PEM block (PKIX, "PUBLIC KEY") each.
func ParseKeyring(data []byte) (Keyring, error) {
	ring := Keyring{}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != pemPublic {
			return nil, fmt.Errorf("public keys: a PEM block of type %q: only %q is read", block.Type, pemPublic)
		}
		key, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("public keys: %w", err)
		}
		ed, ok := key.(ed25519.PublicKey)
		if !ok {
			return nil, fmt.Errorf("public keys: a %T: only Ed25519 is used", key)
		}
		ring[KeyID(ed)] = ed
	}
	if len(ring) == 0 {
		return nil, errors.New("public keys: no PEM block found")
	}
	return ring, nil
}

// EncodePublicKey is the inverse of ParseKeyring for one key.
func EncodePublicKey(key ed25519.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemPublic, Bytes: der}), nil
}

// ParsePrivateKey reads an Ed25519 private key: a PEM block of PKCS #8, as `openssl genpkey -algorithm ed25519` writes.
func ParsePrivateKey(data []byte) (ed25519.PrivateKey, error) {
	block, _ := pem.Decode(data)
	if block == nil || block.Type != pemPrivate {
		return nil, fmt.Errorf("private key: no PEM block of type %q", pemPrivate)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("private key: not PKCS #8") // the cause could quote the key
	}
	ed, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("private key: a %T: only Ed25519 is used", key)
	}
	return ed, nil
}

// EncodePrivateKey is the inverse of ParsePrivateKey.
func EncodePrivateKey(key ed25519.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("private key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemPrivate, Bytes: der}), nil
}
