package mysqlrisk

import "github.com/hongbao/hongbao/internal/personal"

// Personal are the tables of stopped calls with rows of users: those who called, and those who decided. A payee of
// somebody else's call is told nothing of it.
func Personal() []personal.Table {
	return []personal.Table{
		{Name: "risk_reviews", Users: []string{"user", "decided_by"}, Omit: []string{"fingerprint"}},
	}
}
