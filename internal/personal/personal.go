// Package personal finds what an installation keeps of a user: each product says which of its tables have rows of
// users, and how a row is known to be somebody's; this package reads those rows on all shards.
//
// A row is somebody's if it is about them and not in somebody else's account: what two people did is in the statements
// of both, and each is given their own.
package personal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
)

// Table says which rows of a table are a user's.
type Table struct {
	Name string // as shards.Cluster.Table takes it
	// Users are columns; a row is the user's if one of them, or of Mentions, has the user.
	Users []string
	// Mentions are columns of JSON in which the user may stand as a value.
	Mentions []string
	// Prefix stands before the user's id in these columns.
	Prefix string
	// Home says that a user's rows are on the shard of the user. Tables whose rows are elsewhere, and not found by an
	// index entry, may have to be read whole, on all shards: none of the ledger's large ones is such a table.
	Home bool
	// Found has rows found by the index entries of the user of this subject, whose reference is in the column Key.
	Found, Key string
	// Omit are columns that nobody is shown: secrets, and what is made of them. "detail.seed" is the field seed of an
	// object of JSON in the column detail.
	Omit []string
}

// Row is a row of a user.
type Row struct {
	Shard  int            `json:"shard"`
	Table  string         `json:"table"`
	Fields map[string]any `json:"row"` // by column: a number, a text, or {"base64": …} of bytes that are no text
}

// foundAtOnce is how many references are looked up in one statement.
const foundAtOnce = 500

// Export hands out the rows of a user, table by table and shard by shard. Each statement shows one moment of one shard:
// what happens meanwhile may be there or not. An error of hand ends it.
func Export(ctx context.Context, c *shards.Cluster, tables []Table, user string, hand func(Row) error) error {
	for _, t := range tables {
		for _, shard := range c.All() {
			if t.Home && shard != c.ForUser(user) {
				continue
			}
			if err := t.export(ctx, c, shard, user, hand); err != nil {
				return shards.Classify(fmt.Errorf("%s of shard %d: %w", t.Name, shard, err))
			}
		}
	}
	return nil
}

func (t Table) export(ctx context.Context, c *shards.Cluster, shard int, user string, hand func(Row) error) error {
	var conditions []string
	var args []any
	for _, column := range t.Users {
		conditions, args = append(conditions, column+" = ?"), append(args, t.Prefix+user)
	}
	for _, column := range t.Mentions {
		conditions = append(conditions, "INSTR("+column+", ?) > 0")
		args = append(args, `"`+t.Prefix+user+`"`)
	}
	where := "(" + strings.Join(conditions, " OR ") + ")"
	if t.Found == "" {
		return t.rows(ctx, c, shard, where, args, hand)
	}
	references, err := rows.Select(ctx, c.DB(c.ForUser(user)), rows.Scalar[int64], "SELECT reference FROM "+
		c.Table(c.ForUser(user), "index_entries")+" WHERE who = ? AND subject = ? ORDER BY reference", user, t.Found)
	if err != nil {
		return err
	}
	here := slices.DeleteFunc(references, func(id int64) bool { at, ok := c.ShardOf(id); return !ok || at != shard })
	for some := range slices.Chunk(here, foundAtOnce) {
		found := t.Key + " IN " + rows.In(len(some))
		if len(conditions) > 0 {
			found += " AND " + where
		}
		if err := t.rows(ctx, c, shard, found, append(rows.Args(some), args...), hand); err != nil {
			return err
		}
	}
	return nil
}

func (t Table) rows(ctx context.Context, c *shards.Cluster, shard int, where string, args []any,
	hand func(Row) error) error {
	return rows.Collect(ctx, c.DB(shard), func(row *sql.Rows) error {
		fields, err := t.fields(row)
		if err != nil {
			return err
		}
		return hand(Row{shard, t.Name, fields})
	}, "SELECT * FROM "+c.Table(shard, t.Name)+" WHERE "+where, args...)
}

// fields reads a row.
func (t Table) fields(row *sql.Rows) (map[string]any, error) {
	columns, err := row.ColumnTypes()
	if err != nil {
		return nil, err
	}
	values := make([]sql.RawBytes, len(columns))
	places := make([]any, len(columns))
	for i := range values {
		places[i] = &values[i]
	}
	if err := row.Scan(places...); err != nil {
		return nil, err
	}
	fields := map[string]any{}
	for i, column := range columns {
		fields[column.Name()] = field(column.DatabaseTypeName(), values[i])
	}
	for _, omit := range t.Omit {
		column, inside, ok := strings.Cut(omit, ".")
		if ok && fields[column] != nil {
			fields[column] = without(fields[column], inside)
		} else {
			delete(fields, column)
		}
	}
	return fields, nil
}

// without is an object of JSON without one of its fields. What is no such object is not shown at all.
func without(value any, omit string) any {
	text, _ := value.(string)
	var object map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &object) != nil {
		return nil
	}
	delete(object, omit)
	shown, err := json.Marshal(object)
	if err != nil {
		return nil
	}
	return string(shown)
}

// field is a value as JSON has it. Bytes are text where they are.
func field(kind string, value sql.RawBytes) any {
	switch {
	case value == nil:
		return nil
	case strings.HasSuffix(kind, "INT"):
		return json.Number(value)
	case utf8.Valid(value) && !slices.Contains(value, 0):
		return string(value)
	}
	return map[string]any{"base64": slices.Clone([]byte(value))}
}

// Check finds tables that nobody could export.
func Check(tables []Table) error {
	var errs []error
	seen := map[string]bool{}
	for _, t := range tables {
		switch {
		case len(t.Users)+len(t.Mentions) == 0 && t.Found == "":
			errs = append(errs, fmt.Errorf("personal: nothing says whose the rows of %s are", t.Name))
		case (t.Found == "") != (t.Key == ""):
			errs = append(errs, fmt.Errorf("personal: %s is found by a subject and a key, or by neither", t.Name))
		case seen[t.Name+t.Found]:
			errs = append(errs, fmt.Errorf("personal: %s is there twice", t.Name))
		}
		seen[t.Name+t.Found] = true
	}
	return errors.Join(errs...)
}
