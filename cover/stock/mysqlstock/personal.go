package mysqlstock

import "github.com/hongbao/hongbao/internal/personal"

// Personal are the tables of pieces with rows of users: what they hold and claimed, and what they did for a merchant.
func (s *Store) Personal() []personal.Table {
	return []personal.Table{
		{Name: "cover_holdings", Users: []string{"user"}, Home: true},
		{Name: "cover_claims", Users: []string{"user"}, Omit: []string{"digest"}},
		{Name: "cover_codes", Users: []string{"user"}, Omit: []string{"digest"}},
		{Name: "cover_batches", Users: []string{"bought_by"}},
		{Name: "cover_withdrawals", Users: []string{"ordered_by"}},
		{Name: "cover_channels", Users: []string{"opened_by"}, Omit: []string{"secret"}},
	}
}
