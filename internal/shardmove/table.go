package shardmove

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/hongbao/hongbao/internal/shards/rows"
)

// table is a table of the shard. Both servers have it alike.
type table struct {
	name    string
	columns []column
	key     []int // columns of the primary key
}

type column struct {
	name    string
	isBytes bool // not text: a literal must not be taken for text in some character set

	isUnsigned, isMedium bool
	size                 int // of BINARY, in bytes: the log leaves out zeros at the end
}

// row is a row as the server writes it; nil stands for NULL.
type row []any

// plainName keeps names that need no escaping.
var plainName = regexp.MustCompile(`^[A-Za-z0-9_]{1,64}$`)

// readTables describes the tables of a schema. Error: ErrUnfit.
func readTables(ctx context.Context, s *session, schema string) (map[string]*table, error) {
	tables := map[string]*table{}
	found, err := s.QueryContext(ctx, "SELECT c.table_name, c.column_name, c.data_type, c.column_type, c.extra, "+
		"COALESCE(c.character_octet_length, 0), t.table_type, COALESCE(t.engine, '') FROM information_schema.columns "+
		"c JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name WHERE "+
		"c.table_schema = ? ORDER BY c.table_name, c.ordinal_position", schema)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	for found.Next() {
		var name, col, kind, full, extra, of, engine string
		var size int
		if err := found.Scan(&name, &col, &kind, &full, &extra, &size, &of, &engine); err != nil {
			return nil, err
		}
		if of != "BASE TABLE" || !strings.EqualFold(engine, "InnoDB") || strings.Contains(strings.ToUpper(extra),
			"GENERATED") || !plainName.MatchString(name) || !plainName.MatchString(col) {
			return nil, fmt.Errorf("%w: %s.%s is no plain InnoDB table", ErrUnfit, schema, name)
		}
		t := tables[name]
		if t == nil {
			t = &table{name: name}
			tables[name] = t
		}
		kind = strings.ToLower(kind)
		if kind != "binary" {
			size = 0
		}
		t.columns = append(t.columns, column{name: col, size: size,
			isBytes:    strings.Contains(kind, "binary") || strings.Contains(kind, "blob") || kind == "bit",
			isUnsigned: strings.Contains(strings.ToLower(full), " unsigned"), isMedium: kind == "mediumint"})
	}
	if err := found.Err(); err != nil {
		return nil, err
	}
	keys, err := s.names(ctx, "SELECT CONCAT(table_name, '.', column_name) FROM information_schema.statistics WHERE "+
		"table_schema = ? AND index_name = 'PRIMARY' ORDER BY table_name, seq_in_index", schema)
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		name, col, _ := strings.Cut(key, ".")
		if t := tables[name]; t != nil {
			t.key = append(t.key, slices.IndexFunc(t.columns, func(c column) bool { return c.name == col }))
		}
	}
	for _, t := range tables {
		if len(t.key) == 0 {
			return nil, fmt.Errorf("%w: %s.%s has no primary key", ErrUnfit, schema, t.name)
		}
	}
	return tables, nil
}

// list is all columns.
func (t *table) list() string {
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = quote(c.name)
	}
	return strings.Join(names, ", ")
}

// keyOf is the primary key of a row.
func (t *table) keyOf(r row) row {
	key := make(row, len(t.key))
	for i, at := range t.key {
		key[i] = r[at]
	}
	return key
}

// id is a row or a key as a string that no other one has.
func (r row) id() string {
	var b strings.Builder
	for _, v := range r {
		if v == nil {
			b.WriteString("-;")
			continue
		}
		text := fmt.Sprintf("%s", v)
		fmt.Fprintf(&b, "%d:%s;", len(text), text)
	}
	return b.String()
}

// is is the condition that the primary key is one of n.
func (t *table) is(n int) string {
	parts := make([]string, len(t.key))
	for i, at := range t.key {
		parts[i] = quote(t.columns[at].name) + " = ?"
	}
	return rows.AnyOf(strings.Join(parts, " AND "), n)
}

// after is the condition that the primary key is above a bound, in a form for which every optimizer uses the index.
func (t *table) after(bound row) (condition string, args []any) {
	var any []string
	for i := range t.key {
		var all []string
		for j := 0; j <= i; j++ {
			op := " = ?"
			if j == i {
				op = " > ?"
			}
			all = append(all, quote(t.columns[t.key[j]].name)+op)
			args = append(args, bound[j])
		}
		any = append(any, "("+strings.Join(all, " AND ")+")")
	}
	return "(" + strings.Join(any, " OR ") + ")", args
}

func (t *table) order() string {
	names := make([]string, len(t.key))
	for i, at := range t.key {
		names[i] = quote(t.columns[at].name)
	}
	return " ORDER BY " + strings.Join(names, ", ")
}

// read reads rows of the table in a schema.
func (t *table) read(ctx context.Context, s *session, schema, rest string, args ...any) ([]row, error) {
	found, err := s.QueryContext(ctx, "SELECT "+t.list()+" FROM "+quote(schema, t.name)+" "+rest, args...)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	var all []row
	raw := make([]sql.RawBytes, len(t.columns))
	into := make([]any, len(raw))
	for i := range raw {
		into[i] = &raw[i]
	}
	for found.Next() {
		if err := found.Scan(into...); err != nil {
			return nil, err
		}
		r := make(row, len(raw))
		for i, v := range raw {
			switch {
			case v == nil:
			case t.columns[i].isBytes:
				r[i] = slices.Clone([]byte(v))
			default:
				r[i] = string(v)
			}
		}
		all = append(all, r)
	}
	return all, found.Err()
}

// write makes rows be as they are given, in the transaction of the session.
func (t *table) write(ctx context.Context, s *session, schema string, all []row) error {
	for chunk := range slices.Chunk(all, keysOfQuery) {
		args := make([]any, 0, len(chunk)*len(t.columns))
		for _, r := range chunk {
			args = append(args, r...)
		}
		one := rows.In(len(t.columns))
		err := s.exec(ctx, "REPLACE INTO "+quote(schema, t.name)+" ("+t.list()+") VALUES "+one+
			strings.Repeat(","+one, len(chunk)-1), args...)
		if err != nil {
			return fmt.Errorf("write rows of %s: %w", t.name, err)
		}
	}
	return nil
}

// remove deletes rows by their keys.
func (t *table) remove(ctx context.Context, s *session, schema string, keys []row) error {
	for chunk := range slices.Chunk(keys, keysOfQuery) {
		err := s.exec(ctx, "DELETE FROM "+quote(schema, t.name)+" WHERE "+t.is(len(chunk)), flat(chunk)...)
		if err != nil {
			return fmt.Errorf("delete rows of %s: %w", t.name, err)
		}
	}
	return nil
}

func flat(all []row) (args []any) {
	for _, r := range all {
		args = append(args, r...)
	}
	return args
}
