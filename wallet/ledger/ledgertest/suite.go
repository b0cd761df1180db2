package ledgertest

import "testing"

// Open makes an empty ledger of n shards.
type Open func(t testing.TB, shards int) *Book

// Run holds a ledger to the contract of package ledger.
func Run(t *testing.T, open Open) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Open)
	}{
		{"LifeOfAHold", testLifeOfAHold},
		{"Holds", testHolds},
		{"MalformedHolds", testMalformedHolds},
		{"Lists", testLists},
		{"Statement", testStatement},
		{"EntriesBetween", testEntriesBetween},
		{"Credits", testCredits},
		{"Posts", testPosts},
		{"Counterparty", testCounterparty},
		{"Replays", testReplays},
		{"Sources", testSources},
		{"ConcurrentSources", testConcurrentSources},
		{"Steps", testSteps},
		{"MalformedSteps", testMalformedSteps},
		{"PayNow", testPayNow},
		{"Draws", testDraws},
		{"MalformedMeters", testMalformedMeters},
		{"DrawsInTransactions", testDrawsInTransactions},
		{"DailyLimit", testDailyLimit},
		{"DailyWithdrawals", testDailyWithdrawals},
		{"Transactions", testTransactions},
		{"ClaimsInTransactions", testClaims},
		{"Index", testIndex},
		{"Events", testEvents},
		{"CancelRequest", testCancelRequest},
		{"RequestIDs", testRequestIDs},
		{"Fundings", testFundings},
		{"Freezes", testFreezes},
		{"FreezeRace", testFreezeRace},
		{"ConcurrentHolds", testConcurrentHolds},
		{"ConcurrentRepeats", testConcurrentRepeats},
		{"CrowdOfHolds", testCrowdOfHolds},
		{"ConcurrentLimit", testConcurrentLimit},
		{"ConcurrentWithdrawals", testConcurrentWithdrawals},
		{"ConcurrentSteps", testConcurrentSteps},
		{"ConcurrentDraws", testConcurrentDraws},
		{"ConcurrentDelivery", testConcurrentDelivery},
		{"AuditWhileItRuns", testAuditWhileItRuns},
		{"WentBack", testWentBack},
		{"Model", testModel},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open) })
	}
}
