-- Withdrawals that count towards what their user may move out in a day.
-- +goose NO TRANSACTION
-- +goose Up

-- One statement, so that the file can run again. Withdrawals from before count nothing.
SET @add_counts = (SELECT IF(COUNT(*) > 0, 'DO 0', 'ALTER TABLE fundings
  ADD COLUMN counts_daily TINYINT NOT NULL DEFAULT 0,
  ADD KEY counted (counts_daily, user, id)')
  FROM information_schema.columns
  WHERE table_schema = DATABASE() AND table_name = 'fundings' AND column_name = 'counts_daily');
PREPARE add_counts FROM @add_counts;
EXECUTE add_counts;
DEALLOCATE PREPARE add_counts;
