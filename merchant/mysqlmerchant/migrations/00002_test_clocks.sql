-- How far the clock of a merchant's test side is ahead of ours, in milliseconds.
-- +goose NO TRANSACTION
-- +goose Up

-- MySQL has no ADD COLUMN IF NOT EXISTS, and this file must be able to run again. TiDB makes no key of a column
-- that the same statement adds.
SET @add_ahead = (SELECT IF(COUNT(*) > 0, 'DO 0',
  'ALTER TABLE merchants ADD COLUMN test_ahead BIGINT NOT NULL DEFAULT 0')
  FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'merchants'
  AND column_name = 'test_ahead');
PREPARE add_ahead FROM @add_ahead;
EXECUTE add_ahead;
DEALLOCATE PREPARE add_ahead;

SET @key_ahead = (SELECT IF(COUNT(*) > 0, 'DO 0',
  'ALTER TABLE merchants ADD KEY ahead (test_ahead, id)')
  FROM information_schema.statistics
  WHERE table_schema = DATABASE() AND table_name = 'merchants' AND index_name = 'ahead');
PREPARE key_ahead FROM @key_ahead;
EXECUTE key_ahead;
DEALLOCATE PREPARE key_ahead;
