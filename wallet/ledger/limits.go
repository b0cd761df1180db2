package ledger

import "github.com/hongbao/hongbao/internal/refusal"

// DailyLimits bound, in minor units, what a user's holds and withdrawals of a day sum to that count daily; see
// HoldOptions. 0 means no bound.
type DailyLimits struct {
	Default int64
	In      map[Currency]int64 // the bound in single currencies
}

// Of is the bound in a currency.
func (d DailyLimits) Of(c Currency) int64 {
	if n, ok := d.In[c]; ok {
		return n
	}
	return d.Default
}

// DefaultDailyLimit is WeChat's for a verified user: 200,000.00 a day.
const DefaultDailyLimit = 20_000_000

// DailyLimitExceeded is the refusal of what would go beyond the bound of a day of which some is used.
func DailyLimitExceeded(c Currency, limit, used int64) error {
	return refusal.New(refusal.CodeDailyLimitExceeded,
		"you may move out %d minor units of %s in a day (UTC), of which %d are left today", limit, c,
		max(0, limit-used))
}
