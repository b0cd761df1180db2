-- Withdrawals that count towards what their user may move out in a day.
-- +goose NO TRANSACTION
-- +goose Up

-- Each step looks whether it was made, so that the file can run again. Withdrawals from before count nothing. The key
-- is a step of its own: TiDB makes none of a column that the same statement adds.
SET @add_counts = (SELECT IF(COUNT(*) > 0, 'DO 0', 'ALTER TABLE fundings
  ADD COLUMN counts_daily TINYINT NOT NULL DEFAULT 0')
  FROM information_schema.columns
  WHERE table_schema = DATABASE() AND table_name = 'fundings' AND column_name = 'counts_daily');
PREPARE add_counts FROM @add_counts;
EXECUTE add_counts;
DEALLOCATE PREPARE add_counts;

SET @add_key = (SELECT IF(COUNT(*) > 0, 'DO 0',
  'ALTER TABLE fundings ADD KEY counted (counts_daily, user, id)')
  FROM information_schema.statistics
  WHERE table_schema = DATABASE() AND table_name = 'fundings' AND index_name = 'counted');
PREPARE add_key FROM @add_key;
EXECUTE add_key;
DEALLOCATE PREPARE add_key;
