package mysqlcover

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/hongbao/hongbao/cover"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/rows"
	"github.com/hongbao/hongbao/wallet/mysqlledger"
)

const reportColumns = "id, cover, user, why, note, at, state, outcome, decided_by, decided_at"

// selectReports reads reports with the merchants of their covers, which are on the same shard.
func selectReports(t tables) string {
	const merchant = ", COALESCE((SELECT c.merchant FROM %s c WHERE c.id = r.cover), 0) FROM %s r WHERE "
	return "SELECT " + reportColumns + fmt.Sprintf(merchant, t.covers, t.reports)
}

func scanReport(row *sql.Rows) (r cover.Report, err error) {
	var at, decided int64
	err = row.Scan(&r.ID, &r.Cover, &r.User, &r.Why, &r.Note, &at, &r.State, &r.Outcome, &r.DecidedBy, &decided,
		&r.Merchant)
	r.At, r.DecidedAt = rows.Millis(at), timeOf(decided)
	return r, err
}

// oneReport reads the report that a condition selects. Error: cover.ErrNotFound.
func oneReport(ctx context.Context, q rows.Querier, t tables, where string, args ...any) (cover.Report, error) {
	found, err := rows.Select(ctx, q, scanReport, selectReports(t)+where, args...)
	if err == nil && len(found) == 0 {
		err = cover.ErrNotFound
	}
	if err != nil {
		return cover.Report{}, err
	}
	return found[0], nil
}

// AddReport implements cover.Reports.
func (s *Store) AddReport(ctx context.Context, r cover.Report) (stored cover.Report, err error) {
	shard, ok := s.cluster.ShardOf(r.Cover)
	if !ok {
		return cover.Report{}, fmt.Errorf("mysqlcover: a report of cover %d, which has no shard", r.Cover)
	}
	t := s.tables(shard)
	err = s.cluster.Tx(ctx, shard, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO "+t.reports+" ("+reportColumns+
			") VALUES (?, ?, ?, ?, ?, "+nowMillis+", ?, '', '', 0)", r.ID, r.Cover, r.User, string(r.Why), r.Note,
			string(r.State))
		if err != nil && !shards.IsDuplicate(err) {
			return err
		}
		if stored, err = oneReport(ctx, tx, t, "cover = ? AND user = ?", r.Cover, r.User); err == cover.ErrNotFound {
			return mysqlledger.ErrIDExists // of another report
		}
		return err
	})
	return stored, err
}

// OpenReports implements cover.Reports.
func (s *Store) OpenReports(ctx context.Context, before int64, limit int) ([]cover.Report, error) {
	return newest(ctx, s, before, limit, func(r cover.Report) int64 { return r.ID },
		func(shard int, before int64) ([]cover.Report, error) {
			return rows.Select(ctx, s.cluster.DB(shard), scanReport, selectReports(s.tables(shard))+
				"state = ? AND id < ? ORDER BY id DESC LIMIT ?", string(cover.ReportOpen), before, limit)
		})
}

// DecideReport implements cover.Reports.
func (s *Store) DecideReport(ctx context.Context, id int64, o cover.Outcome) (decided cover.Report, err error) {
	shard, ok := s.cluster.ShardOf(id)
	if !ok {
		return cover.Report{}, cover.ErrNotFound
	}
	t := s.tables(shard)
	err = s.cluster.Tx(ctx, shard, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE "+t.reports+" SET state = ?, outcome = ?, decided_by = ?, decided_at = "+
			nowMillis+" WHERE id = ? AND state = ?", string(o.State), o.Sentence, o.Operator, id,
			string(cover.ReportOpen))
		if err != nil {
			return err
		}
		decided, err = oneReport(ctx, tx, t, "id = ?", id)
		return err
	})
	return decided, err
}
