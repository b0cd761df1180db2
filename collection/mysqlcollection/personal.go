package mysqlcollection

import (
	"github.com/hongbao/hongbao/collection"
	"github.com/hongbao/hongbao/internal/personal"
)

// Personal are the tables of collections with rows of users: whoever is asked finds the collection by its index entry.
func (s *Store) Personal() []personal.Table {
	return []personal.Table{
		{Name: "collections", Users: []string{"collector"}, Home: true},
		{Name: "collections", Found: string(collection.Subject), Key: "id"},
		{Name: "collection_parts", Users: []string{"member"}, Found: string(collection.Subject), Key: "collection"},
	}
}
