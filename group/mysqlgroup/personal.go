package mysqlgroup

import "github.com/hongbao/hongbao/internal/personal"

// Personal are the tables of groups with rows of users.
func Personal() []personal.Table {
	return []personal.Table{{Name: "members", Users: []string{"user_id"}}}
}
