package ledger_test

import (
	"strings"
	"testing"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

func TestNewAmount(t *testing.T) {
	for _, line := range []struct {
		minor    int64
		currency string
		code     string
	}{
		{1, "CNY", ""}, {ledger.MaxMinor, "JPY", ""},
		{0, "CNY", refusal.CodeAmountOutOfRange}, {-1, "CNY", refusal.CodeAmountOutOfRange}, {ledger.MaxMinor + 1,
			"CNY",
			refusal.CodeAmountOutOfRange},
		{1, "cny", refusal.CodeUnknownCurrency}, {1, "", refusal.CodeUnknownCurrency}, {1, "XYZ",
			refusal.CodeUnknownCurrency}, {1, "CNY ", refusal.CodeUnknownCurrency},
	} {
		if _, err := ledger.NewAmount(line.minor, line.currency); refusal.CodeOf(err) != line.code {
			t.Errorf("NewAmount(%d, %q): %v, want %q", line.minor, line.currency, err, line.code)
		}
	}
	for currency, digits := range map[ledger.Currency]int{"CNY": 2, "JPY": 0, "KWD": 3} {
		if got := currency.Digits(); got != digits {
			t.Errorf("%s has %d digits, want %d", currency, got, digits)
		}
	}
}

func TestIDs(t *testing.T) {
	for id, ok := range map[string]bool{
		"a": true, "Alice.b_c:d@e-9": true, strings.Repeat("x", 64): true,
		"": false, strings.Repeat("x", 65): false, "a b": false, "#hold:1": false, "张三": false, "a\x00": false,
		".": false, "..": false, "...": true, ".a": true, "a.": true, "..a": true,
	} {
		if got := refusal.CheckID("user", id) == nil; got != ok {
			t.Errorf("CheckID(%q) = %t", id, got)
		}
	}
	if refusal.CheckRequestID(".") == nil || refusal.CheckRequestID("..") == nil ||
		refusal.CheckRequestID("...") != nil {
		t.Error("request ids are not . or ..")
	}
	if refusal.CheckRequestID("a@b") == nil || refusal.CheckRequestID("a:b-1") != nil {
		t.Error("request ids have no @ and may have : and -")
	}
}

// The fingerprint tells bodies and methods apart, and nothing else.
func TestRequestFingerprint(t *testing.T) {
	type body struct{ A, B int }
	print := func(id, op string, b body) [32]byte {
		r, err := ledger.NewRequest(id, op, b)
		if err != nil {
			t.Fatal(err)
		}
		return r.Fingerprint
	}
	one := print("r", "send", body{1, 2})
	if one != print("other", "send", body{1, 2}) {
		t.Error("the id is part of the fingerprint")
	}
	if one == print("r", "send", body{1, 3}) || one == print("r", "topup", body{1, 2}) {
		t.Error("another body or method has the same fingerprint")
	}
}
