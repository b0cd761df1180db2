package auth_test

import (
	"crypto/ed25519"
	"testing"
	"time"

	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/merchant"
)

func issuer(t *testing.T) *auth.Issuer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return auth.NewIssuer(key, time.Now)
}

// TestSessionsAreTheInstallationsToGive holds that the chat application's key makes no token of a merchant, and the
// installation's own no token of a user.
func TestSessionsAreTheInstallationsToGive(t *testing.T) {
	app, own := issuer(t), issuer(t)
	revoked := map[string]bool{}
	v, err := auth.NewVerifier(auth.VerifierConfig{
		Keys: auth.NewKeyring(app.PublicKey()), Own: auth.NewKeyring(own.PublicKey()), Life: time.Hour,
		Revoked: func(id string) bool { return revoked[id] }, Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	s := merchant.Session{
		Merchant:    7,
		Key:         9,
		Mode:        merchant.Test,
		Permissions: []merchant.Permission{merchant.WalletRead},
	}
	session := func(i *auth.Issuer) string {
		token, err := i.IssueSession(s, time.Now().Add(merchant.TokenLife))
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	good := session(own)
	c, err := v.Verify(good)
	if err != nil || c.Session == nil || c.Session.Merchant != 7 || c.Session.Mode != merchant.Test ||
		c.Subject != "merchant~7~test-available" {
		t.Errorf("a session is %+v, %v", c, err)
	}
	if _, err := v.Verify(session(app)); err == nil {
		t.Error("the chat application's key made a session")
	}
	user, err := own.Issue("ann", []auth.Scope{auth.ScopeUser}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(user); err == nil {
		t.Error("the installation's own key made a user")
	}
	revoked[merchant.RevocationID(9)] = true
	if _, err := v.Verify(good); err == nil {
		t.Error("the token of a revoked key is good, from memory")
	}
	if _, err := auth.NewVerifier(auth.VerifierConfig{
		Keys: auth.NewKeyring(app.PublicKey()), Own: auth.NewKeyring(app.PublicKey()), Life: time.Hour,
		Revoked: func(string) bool { return false }, Now: time.Now,
	}); err == nil {
		t.Error("one key serves both")
	}
}
