package mysqlledger

import (
	"github.com/hongbao/hongbao/internal/personal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Personal are the tables of the ledger with rows of users. A post is the credit in its payee's wallet, and a hold for
// somebody is in their statement once it is paid; an offer that is under way is found by its index entry.
func Personal() []personal.Table {
	return []personal.Table{
		{Name: "accounts", Users: []string{"account"}, Home: true},
		{Name: "entries", Users: []string{"account"}, Home: true},
		{Name: "holds", Users: []string{"owner"}, Home: true, Omit: heldSecrets},
		{Name: "requests", Users: []string{"user"}, Home: true, Omit: []string{"fingerprint"}},
		{Name: "fundings", Users: []string{"user"}, Home: true},
		{Name: "daily_usage", Users: []string{"user"}, Home: true},
		{Name: "index_entries", Users: []string{"who"}, Home: true},
		{Name: "freezes", Users: []string{"account", "frozen_by"}},
		{Name: "rejections", Users: []string{"payee"}},
		{Name: "resolutions", Users: []string{"payee", "account", "decided_by"}},
	}
}

// heldSecrets is the seed of an envelope: whoever has it knows each share before it is grabbed.
var heldSecrets = []string{"detail.seed"}

// PersonalHolds are the holds of others that a user finds by index entries of a subject.
func PersonalHolds(s ledger.Subject) personal.Table {
	return personal.Table{Name: "holds", Users: []string{"counterparty"}, Found: string(s), Key: "id",
		Omit: heldSecrets}
}
