package ledger_test

import (
	"testing"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// The currencies that WeChat Pay settles in (act.weixin.qq.com, merchant_overseas/introduction_en.html), the one that
// its users pay in, and some with other minor units, with the digits of ISO 4217.
func TestDigitsOfCurrencies(t *testing.T) {
	for code, digits := range map[string]int{
		"GBP": 2, "HKD": 2, "USD": 2, "JPY": 0, "CAD": 2, "AUD": 2, "EUR": 2, "NZD": 2, "KRW": 0, "THB": 2, "SGD": 2,
		"RUB": 2,
		"DKK": 2, "SEK": 2, "CHF": 2, "NOK": 2,
		"CNY": 2, "KWD": 3, "BHD": 3, "TND": 3, "VND": 0, "CLP": 0, "MOP": 2, "TWD": 2, "MYR": 2,
	} {
		c, err := ledger.ParseCurrency(code)
		if err != nil || c.Digits() != digits {
			t.Errorf("%s: %d digits, %v, want %d", code, c.Digits(), err, digits)
		}
		if a, err := ledger.NewAmount(1, code); err != nil || a.Currency != c {
			t.Errorf("one minor unit of %s: %v, %v", code, a, err)
		}
	}
	for _, code := range []string{"", "cny", "CN", "CNYY", "元", "XXQ", "¥¥¥", "CN\x00"} {
		if _, err := ledger.ParseCurrency(code); refusal.CodeOf(err) != refusal.CodeUnknownCurrency {
			t.Errorf("%q: %v", code, err)
		}
	}
}

// What nobody can have in a wallet: codes for tests and for no currency, metals, units of account and of funds, the
// dollar of the next day, and what was withdrawn.
func TestOnlyLegalTenderIsMoney(t *testing.T) {
	for _, code := range []string{
		"XXX", "XTS", "XAU", "XAG", "XPT", "XPD", "XDR", "XSU", "XUA", "XBA", "XBB", "XBC", "XBD",
		"USN", "CHE", "CHW", "CLF", "COU", "MXV", "BOV", "UYI", "CNH",
		"HRK", "ZWL", "ZWD", "DEM", "FRF", "ITL", "CUC", "MRO", "SLL", "VEF", "ANG", "BGN", "BYR", "ROL", "TRL", "EEK",
		"LVL", "LTL", "SVC",
	} {
		if _, err := ledger.ParseCurrency(code); refusal.CodeOf(err) != refusal.CodeUnknownCurrency {
			t.Errorf("%s: %v", code, err)
		}
	}
	for _, code := range []string{
		"CNY", "USD", "EUR", "INR", "BRL", "PLN", "CUP", "ZAR", "XAF", "XOF", "XPF", "XCD", "KPW", "BYN", "TRY",
	} {
		if _, err := ledger.ParseCurrency(code); err != nil {
			t.Error(err)
		}
	}
}
