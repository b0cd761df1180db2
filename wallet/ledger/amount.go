package ledger

import (
	"fmt"
	"sync"

	"golang.org/x/text/currency"

	"github.com/hongbao/hongbao/internal/refusal"
)

// Currency is an ISO 4217 code in capitals, for example CNY.
type Currency string

// Amount is money: whole minor units (CNY 100 = ¥1.00, JPY 100 = ¥100, KWD 1000 = 1 dinar) of one currency.
type Amount struct {
	Minor    int64
	Currency Currency
}

// MaxMinor bounds a single amount, so that sums of 2^23 of them still fit an int64.
const MaxMinor = int64(1) << 40

// withdrawn are the currencies that stopped being legal tender after golang.org/x/text's data (CLDR 32, of 2017) was
// made, from ISO 4217's list three, with what replaced each. None of the new codes is in that data, so none can be
// used yet: its digits would be a guess.
var withdrawn = map[string]bool{
	"ANG": true, // 2025, by XCG
	"BGN": true, // 2026, by EUR
	"CUC": true, // 2021, by CUP
	"HRK": true, // 2023, by EUR
	"MRO": true, // 2018, by MRU
	"SLL": true, // 2024, by SLE
	"VEF": true, // 2018, by VES
}

// tender are the currencies that are legal tender somewhere today: people can have them, unlike metals, units of
// account, funds codes, test codes and what was withdrawn.
var tender = sync.OnceValue(func() map[string]bool {
	codes := make(map[string]bool)
	for all := currency.Query(); all.Next(); { // without options: what is legal tender, and not historical
		if code := all.Unit().String(); !withdrawn[code] {
			codes[code] = true
		}
	}
	return codes
})

// ParseCurrency accepts the ISO 4217 codes of currencies that are legal tender today. Error: unknown_currency.
func ParseCurrency(code string) (Currency, error) {
	if !tender()[code] {
		return "", refusal.New(refusal.CodeUnknownCurrency,
			"currency %q is unknown: give the ISO 4217 code, in capitals, of a currency that is legal tender today",
			refusal.Clip(code))
	}
	return Currency(code), nil
}

// Digits is the number of decimal digits of the minor unit: CNY 2, JPY 0, KWD 3.
func (c Currency) Digits() int {
	unit, err := currency.ParseISO(string(c))
	if err != nil {
		return 2
	}
	digits, _ := currency.Standard.Rounding(unit)
	return digits
}

// Format writes minor units as a decimal number of the currency, without its code: CNY -1234 is -12.34, JPY 1234 is
// 1234.
func (c Currency) Format(minor int64) string {
	sign, digits := "", c.Digits()
	magnitude := uint64(minor)
	if minor < 0 {
		sign, magnitude = "-", -magnitude
	}
	if digits == 0 {
		return fmt.Sprintf("%s%d", sign, magnitude)
	}
	unit := uint64(1)
	for range digits {
		unit *= 10
	}
	return fmt.Sprintf("%s%d.%0*d", sign, magnitude/unit, digits, magnitude%unit)
}

// NewAmount checks minor (1 to MaxMinor) and the currency. Errors: amount_out_of_range, unknown_currency.
func NewAmount(minor int64, code string) (Amount, error) {
	c, err := ParseCurrency(code)
	if err != nil {
		return Amount{}, err
	}
	if minor < 1 || minor > MaxMinor {
		return Amount{}, refusal.New(refusal.CodeAmountOutOfRange,
			"amount %d is out of range: give 1 to %d minor units", minor, MaxMinor)
	}
	return Amount{Minor: minor, Currency: c}, nil
}
