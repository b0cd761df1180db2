package yardstick

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

const (
	// schema holds the yardsticks' tables and is dropped afterwards.
	schema = "hongbao_yardstick"
	// lockConnections is how many grab by row lock at once.
	lockConnections = 64
	// lockedEnvelopes is how many envelopes they spread over: as many as the suite grab.
	lockedEnvelopes = 256
	// insertConnections is how many insert at once, and rowsPerInsert what one statement and commit carries.
	insertConnections = 4
	rowsPerInsert     = 1000
)

// MySQL is a server with the yardsticks' schema.
type MySQL struct{ db *sql.DB }

// OpenMySQL makes the schema on a server; dsn names no schema.
func OpenMySQL(ctx context.Context, dsn string) (*MySQL, error) {
	config, err := mysql.ParseDSN(dsn)
	if err != nil { // it may quote a password
		return nil, errors.New("the MySQL address is malformed: give user:password@tcp(host:3306)/")
	}
	config.InterpolateParams = true // one round trip for each statement
	config.DBName = ""
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}
	root := sql.OpenDB(connector)
	defer root.Close()
	for _, statement := range []string{"DROP DATABASE IF EXISTS " + schema, "CREATE DATABASE " + schema} {
		if _, err := root.ExecContext(ctx, statement); err != nil {
			return nil, fmt.Errorf("make the schema of the yardsticks: %w", err)
		}
	}
	config.DBName = schema
	if connector, err = mysql.NewConnector(config); err != nil {
		return nil, err
	}
	m := &MySQL{db: sql.OpenDB(connector)}
	m.db.SetMaxOpenConns(lockConnections)
	m.db.SetMaxIdleConns(lockConnections)
	return m, m.makeTables(ctx)
}

func (m *MySQL) makeTables(ctx context.Context) error {
	for _, statement := range []string{
		"CREATE TABLE envelopes (id BIGINT NOT NULL PRIMARY KEY, taken INT NOT NULL) ENGINE=InnoDB",
		"CREATE TABLE grabs (envelope BIGINT NOT NULL, user VARCHAR(64) CHARACTER SET ascii NOT NULL, share INT NOT " +
			"NULL, amount BIGINT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (envelope, user)) ENGINE=InnoDB",
		"CREATE TABLE credits (id BIGINT NOT NULL PRIMARY KEY AUTO_INCREMENT, user VARCHAR(64) CHARACTER SET ascii " +
			"NOT NULL, envelope BIGINT NOT NULL, amount BIGINT NOT NULL, at BIGINT NOT NULL) ENGINE=InnoDB",
	} {
		if _, err := m.db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("make the tables of the yardsticks: %w", err)
		}
	}
	for id := range lockedEnvelopes {
		if _, err := m.db.ExecContext(ctx, "INSERT INTO envelopes VALUES (?, 0)", id); err != nil {
			return fmt.Errorf("fill the tables of the yardsticks: %w", err)
		}
	}
	return nil
}

// Close drops the schema.
func (m *MySQL) Close(ctx context.Context) error {
	_, err := m.db.ExecContext(ctx, "DROP DATABASE "+schema)
	return errors.Join(err, m.db.Close())
}

// RowLock is a grab as most write it: the envelope's row is locked, read, and updated together with the insert of who
// got what.
type RowLock struct{ *MySQL }

// Name of the yardstick.
func (RowLock) Name() string { return "rowlock" }

// What it is.
func (RowLock) What() string {
	return fmt.Sprintf(
		"a grab by SELECT … FOR UPDATE, INSERT, UPDATE, COMMIT on the same MySQL, %d envelopes, %d connections",
		lockedEnvelopes, lockConnections)
}

// Measure returns grabs a second.
func (r RowLock) Measure(ctx context.Context, span time.Duration) (float64, error) {
	base := context.WithoutCancel(ctx)
	round := rand.Int64()
	perSecond, err := closed(ctx, lockConnections, span, func(_ int, n int64) error {
		return r.grab(base, n%lockedEnvelopes, fmt.Sprintf("u%x-%d", round, n))
	})
	if err != nil {
		return 0, fmt.Errorf("row lock: %w", err)
	}
	return perSecond, nil
}

func (r RowLock) grab(ctx context.Context, envelope int64, user string) error {
	tx, err := r.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	var taken int
	err = tx.QueryRowContext(ctx, "SELECT taken FROM envelopes WHERE id = ? FOR UPDATE", envelope).Scan(&taken)
	if err == nil {
		_, err = tx.ExecContext(ctx, "INSERT INTO grabs VALUES (?, ?, ?, ?, ?)", envelope, user, taken, 100,
			time.Now().UnixMilli())
	}
	if err == nil {
		_, err = tx.ExecContext(ctx, "UPDATE envelopes SET taken = taken + 1 WHERE id = ?", envelope)
	}
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// Commits are bare durable commits of one row each.
type Commits struct{ *MySQL }

// Name of the yardstick.
func (Commits) Name() string { return "commits" }

// What it is.
func (Commits) What() string {
	return fmt.Sprintf("rows by bare INSERT of one row a commit into InnoDB on the same MySQL, %d connections",
		lockConnections)
}

// Measure returns commits a second.
func (c Commits) Measure(ctx context.Context, span time.Duration) (float64, error) {
	base := context.WithoutCancel(ctx)
	perSecond, err := closed(ctx, lockConnections, span, func(worker int, n int64) error {
		_, err := c.db.ExecContext(base, "INSERT INTO credits (user, envelope, amount, at) VALUES (?, ?, ?, ?)",
			fmt.Sprintf("bench-user-%d", worker), n, 100, 1_770_000_000_000+n)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("commits: %w", err)
	}
	return perSecond, nil
}

// Insert is the bare insert of credits, many rows a statement.
type Insert struct{ *MySQL }

// Name of the yardstick.
func (Insert) Name() string { return "insert" }

// What it is.
func (Insert) What() string {
	return fmt.Sprintf(
		"rows by bare INSERT of %d rows a statement and commit into InnoDB on the same MySQL, %d connections",
		rowsPerInsert, insertConnections)
}

// Measure returns rows a second.
func (i Insert) Measure(ctx context.Context, span time.Duration) (float64, error) {
	statement := "INSERT INTO credits (user, envelope, amount, at) VALUES " +
		strings.Repeat("(?, ?, ?, ?), ", rowsPerInsert-1) + "(?, ?, ?, ?)"
	base := context.WithoutCancel(ctx)
	statements, err := closed(ctx, insertConnections, span, func(worker int, n int64) error {
		args := make([]any, 0, 4*rowsPerInsert)
		for row := range rowsPerInsert {
			args = append(args, fmt.Sprintf("bench-user-%d-%d", worker, row), n, 100, 1_770_000_000_000+n)
		}
		_, err := i.db.ExecContext(base, statement, args...)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("insert: %w", err)
	}
	return rowsPerInsert * statements, nil
}
