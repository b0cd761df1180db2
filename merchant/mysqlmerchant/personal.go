package mysqlmerchant

import "github.com/hongbao/hongbao/internal/personal"

// Personal are the tables of merchants with rows of users: what they are to a merchant, and what they did for it.
func (s *Store) Personal() []personal.Table {
	return []personal.Table{
		{Name: "merchants", Users: []string{"applicant"}},
		{Name: "merchant_members", Users: []string{"user"}},
		{Name: "merchant_history", Users: []string{"changed_by"}},
	}
}
