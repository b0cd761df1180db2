package vopr

// Flaw is a mistake that a world is given on purpose, to see that the auditor finds it.
type Flaw string

// The flaws that there are.
const (
	Flawless Flaw = ""
	// RebuiltFull makes pots again with all their shares, whatever the ledger has posted of them.
	RebuiltFull Flaw = "a rebuilt pot forgets what was posted"
	// PotsForget lets a ledger that went back in time learn nothing from the pots.
	PotsForget Flaw = "takes that the ledger forgot are not posted again"
)
