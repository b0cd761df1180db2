-- When the provider is next asked about a pending top-up or withdrawal. Times are Unix milliseconds.
-- +goose NO TRANSACTION
-- +goose Up

-- Each step looks whether it was made, so that the file can run again. Orders from before are due at once. The key is a
-- step of its own: TiDB makes none of a column that the same statement adds.
SET @add_query_at = (SELECT IF(COUNT(*) > 0, 'DO 0', 'ALTER TABLE fundings
  ADD COLUMN query_at BIGINT NOT NULL DEFAULT 0')
  FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'fundings' AND column_name = 'query_at');
PREPARE add_query_at FROM @add_query_at;
EXECUTE add_query_at;
DEALLOCATE PREPARE add_query_at;

SET @change_key = (SELECT IF(COUNT(*) > 0, 'DO 0',
  'ALTER TABLE fundings ADD KEY to_query (state, query_at, id), DROP KEY by_state')
  FROM information_schema.statistics
  WHERE table_schema = DATABASE() AND table_name = 'fundings' AND index_name = 'to_query');
PREPARE change_key FROM @change_key;
EXECUTE change_key;
DEALLOCATE PREPARE change_key;
