package mysqlcover

import "github.com/hongbao/hongbao/internal/personal"

// Personal are the tables of covers with rows of users: what they made, changed, uploaded and reported.
func (s *Store) Personal() []personal.Table {
	return []personal.Table{
		{Name: "covers", Users: []string{"created_by"}},
		{Name: "cover_history", Users: []string{"changed_by"}},
		{Name: "cover_images", Users: []string{"uploaded_by"}},
		{Name: "cover_reports", Users: []string{"user", "decided_by"}},
	}
}
