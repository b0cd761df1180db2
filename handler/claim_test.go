package handler

import (
	"slices"
	"testing"

	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/contract"
	"github.com/hongbao/hongbao/kitex_gen/transferapi"
	"github.com/hongbao/hongbao/risk"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Rules are asked about every method of users by which step-up protects money, and about each kind of claim.
func TestClaims(t *testing.T) {
	promised, err := contract.Load()
	if err != nil {
		t.Fatal(err)
	}
	for key := range amounts {
		if m := promised.Methods[key]; claims[key] == "" && slices.Contains(m.Scopes, auth.ScopeUser) &&
			key.Service != "MerchantService" {
			t.Errorf("no rule is asked about %v", key)
		}
	}
	kinds := map[risk.Kind]bool{risk.Grab: true}
	for key, kind := range claims {
		m, ok := promised.Methods[key]
		if !ok {
			t.Errorf("%v is no method", key)
			continue
		}
		kinds[kind] = true
		args, request := m.NewRequest()
		field := "Amount"
		if kind == risk.Envelope {
			field = "Total"
		}
		request.FieldByName("Currency").SetString("CNY")
		id := "7"
		if kind == risk.Payment {
			request.FieldByName("CollectionId").SetInt(7)
		} else {
			request.FieldByName("RequestId").SetString(id)
		}
		for minor, valid := range map[int64]bool{-1: false, 0: false, 1: true, ledger.MaxMinor + 1: false} {
			request.FieldByName(field).SetInt(minor)
			claim, ok := claimOf(kind, auth.Caller{Subject: "alice"}, args)
			if ok != valid || ok && (claim.Kind != kind || claim.User != "alice" || claim.RequestID != id ||
				claim.Amount != ledger.Amount{Minor: 1, Currency: "CNY"} || claim.Payee != "" ||
				len(claim.Fingerprint) != 32) {
				t.Errorf("%v of %d: %+v, %t", key, minor, claim, ok)
			}
		}
	}
	for _, kind := range risk.Kinds() {
		if !kinds[kind] {
			t.Errorf("nothing claims %s", kind)
		}
	}
}

// Two calls have one fingerprint exactly if all of their fields agree, and nothing malformed becomes part of a key.
func TestFingerprints(t *testing.T) {
	note := "x"
	of := func(change func(*transferapi.OfferRequest)) (risk.Claim, bool) {
		r := &transferapi.OfferRequest{RequestId: "r1", To: "bob", Amount: 1, Currency: "CNY"}
		change(r)
		return claimOf(risk.Transfer, auth.Caller{Subject: "alice"}, &transferapi.TransferServiceOfferArgs{Req: r})
	}
	same, ok := of(func(*transferapi.OfferRequest) {})
	if again, _ := of(func(*transferapi.OfferRequest) {}); !ok || again != same || same.Payee != "bob" {
		t.Errorf("%+v, %+v", same, again)
	}
	for what, change := range map[string]func(*transferapi.OfferRequest){
		"to":     func(r *transferapi.OfferRequest) { r.To = "carol" },
		"note":   func(r *transferapi.OfferRequest) { r.Note = &note },
		"amount": func(r *transferapi.OfferRequest) { r.Amount = 2 },
	} {
		if other, ok := of(change); !ok || other.Fingerprint == same.Fingerprint {
			t.Errorf("another %s: %+v, %t", what, other, ok)
		}
	}
	for what, change := range map[string]func(*transferapi.OfferRequest){
		"request_id": func(r *transferapi.OfferRequest) { r.RequestId = "a|CNY|1" },
		"none":       func(r *transferapi.OfferRequest) { r.RequestId = "" },
		"currency":   func(r *transferapi.OfferRequest) { r.Currency = "CNY|9" },
	} {
		if claim, ok := of(change); ok {
			t.Errorf("a malformed %s: %+v", what, claim)
		}
	}
	if claim, ok := of(func(r *transferapi.OfferRequest) { r.To = "{bob}" }); !ok || claim.Payee != "" {
		t.Errorf("a malformed payee: %+v, %t", claim, ok)
	}
}
