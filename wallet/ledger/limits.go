package ledger

// DailyLimits bound, in minor units, what a user's holds of a day sum to that count daily; see HoldOptions. 0 means no
// bound.
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
