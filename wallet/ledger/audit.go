package ledger

import "time"

// Overdue is how long after their time the holds of most products may still be open: a worker ends them within
// seconds, and what is open after this needs somebody to look.
const Overdue = 10 * time.Minute

// AuditReport is what an audit of the books found. The books balance when there are no discrepancies.
type AuditReport struct {
	Shards   int   `json:"shards"`
	Accounts int64 `json:"accounts"` // wallets, one for each user and currency
	Entries  int64 `json:"entries"`
	Holds    int64 `json:"holds"`
	Posts    int64 `json:"posts"`
	// InFlight is what was posted and had not yet reached its receivers, in minor units per currency.
	InFlight map[Currency]int64 `json:"in_flight"`
	// Discrepancies are named one by one, up to MaxDiscrepancies; Found counts them all.
	Discrepancies []Discrepancy `json:"discrepancies"`
	Found         int64         `json:"found"`
	// Incremental says that the audit has read only what no seal covers, and counted only that; Sealed is how many
	// accounts, holds, top-ups and withdrawals it has sealed.
	Incremental bool  `json:"incremental,omitempty"`
	Sealed      int64 `json:"sealed,omitempty"`
	// Volatile are servers that may forget what they have acknowledged, which a flag accepts: what they forget can no
	// audit find.
	Volatile []string `json:"volatile,omitempty"`
	// Rebuilds tell which sources of wins went back in time and were made again, the latest of each shard.
	Rebuilds []string `json:"rebuilds,omitempty"`
}

// MaxDiscrepancies bounds the list of an AuditReport.
const MaxDiscrepancies = 1000

// Balanced says whether nothing was found.
func (r AuditReport) Balanced() bool { return r.Found == 0 }

// Discrepancy is one thing that the books contradict themselves about.
type Discrepancy struct {
	Code     string `json:"code"`     // one of the Audit constants
	Shard    int    `json:"shard"`    // where it was found
	What     string `json:"what"`     // the account, hold, post or row that it is about
	Expected string `json:"expected"` // what the rest of the books say it should be
	Found    string `json:"found"`
}

// Finding is a discrepancy that a product's check found, on the shard that was checked.
type Finding struct {
	Code, What, Expected, Found string
}

// HoldCheck is what a product knows of its holds that the ledger does not. The audit asks it about each of them.
type HoldCheck struct {
	Subject Subject
	// Overdue is how long after its ExpiresAt a hold may still be open, by the clock of its database; 0: for ever.
	Overdue time.Duration
	// Check says what is wrong with a hold as the product left it; nil for nothing. May be nil.
	Check func(Hold) []Finding
	// Index are the entries by which a hold must be found. May be nil.
	Index func(Hold) []IndexEntry
}

// Codes of discrepancies.
const (
	AuditShardUnbalanced = "shard_unbalanced"  // the entries of a shard do not sum to zero in a currency
	AuditAccountBalance  = "account_balance"   // an account's balance is not the sum of its entries
	AuditAccountRunning  = "account_running"   // a running balance is not the one before plus the amount
	AuditAccountSequence = "account_sequence"  // an account's entries are not numbered 1, 2, 3 …
	AuditAccountNegative = "account_negative"  // a balance is below zero
	AuditAccountMissing  = "account_missing"   // a wallet has entries and no account
	AuditAccountUnknown  = "account_unknown"   // a system account that nothing explains
	AuditHoldAmount      = "hold_amount"       // amount, posted, voided, pending or parts contradict each other
	AuditHoldPosted      = "hold_posted"       // a hold's posted is not the sum of its posts
	AuditHoldEntries     = "hold_entries"      // the entries of a hold do not sum to what is pending
	AuditHoldOwner       = "hold_owner"        // the owner's statement does not show the hold or the void
	AuditHoldOpen        = "hold_open"         // a hold is open with nothing pending, or the reverse
	AuditPostAmount      = "post_amount"       // a post is not the amount of its part
	AuditPostHold        = "post_hold"         // a post of a hold or part that does not exist
	AuditPartTwice       = "part_twice"        // a part was paid twice
	AuditUserTwice       = "user_twice"        // a user was paid two parts of a hold
	AuditPostNotCredited = "post_not_credited" // a post that is not in flight did not reach its payee's wallet
	AuditCreditDiffers   = "credit_differs"    // a credit is not the amount or currency of its post
	AuditCreditTwice     = "credit_twice"      // a post was credited twice
	AuditCreditUnposted  = "credit_unposted"   // a credit without a post
	// the clearing account is not posts minus credits, or not what is in flight
	AuditClearing    = "clearing"
	AuditOutbox      = "outbox"       // an outbox row is not the posts that it carries
	AuditSeal        = "seal"         // what an audit has sealed was changed
	AuditRejection   = "rejection"    // a post that contradicted the ledger and was kept aside
	AuditFunding     = "funding"      // a top-up or withdrawal contradicts its entries
	AuditHoldStage   = "hold_stage"   // a hold's stage says that its money is elsewhere
	AuditHoldSubject = "hold_subject" // a hold of a subject that no product claims
	AuditHoldOverdue = "hold_overdue" // a hold is open long after its time
	AuditPostPayee   = "post_payee"   // a hold was posted to somebody else than its counterparty
	AuditDailyUsage  = "daily_usage"  // what a user sent in a day is not the sum of the holds of that day
	AuditIndex       = "index_entry"  // somebody cannot find what concerns them
	AuditSettleLag   = "settle_lag"   // a win is not settled long after it was acknowledged
	AuditClearingOld = "clearing_old" // a credit has not arrived long after it was posted
	AuditPotEndless  = "pot_endless"  // a pot, or what is left in it, has no time to live
	AuditRebuildOpen = "rebuild_open" // a source that went back in time is not made again long afterwards
)
