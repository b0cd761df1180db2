-- Holds that count towards what their owner may send in a day. Days are those of UTC since 1970.
-- +goose NO TRANSACTION
-- +goose Up

-- MySQL has no ADD COLUMN IF NOT EXISTS, and this file must be able to run again. Where holds already are, the staged
-- ones count; a product with others that do says so in a migration of its own.
SET @add_counts = (SELECT IF(COUNT(*) > 0, 'DO 0', 'ALTER TABLE holds ADD COLUMN counts_daily TINYINT NOT NULL DEFAULT 0')
  FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'holds' AND column_name = 'counts_daily');
PREPARE add_counts FROM @add_counts;
EXECUTE add_counts;
DEALLOCATE PREPARE add_counts;
UPDATE holds SET counts_daily = 1 WHERE stage <> '' AND counts_daily = 0;

-- Where the table has another name, it becomes this one.
SET @rename_usage = (SELECT IF(COUNT(*) = 0, 'DO 0', 'RENAME TABLE spent TO daily_usage')
  FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'spent');
PREPARE rename_usage FROM @rename_usage;
EXECUTE rename_usage;
DEALLOCATE PREPARE rename_usage;

-- amount - voided of a user's holds that count and were created on the day.
CREATE TABLE IF NOT EXISTS daily_usage (
  user     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  currency CHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  day      INT NOT NULL,
  amount   BIGINT NOT NULL,
  PRIMARY KEY (user, currency, day)
);
