-- What audits have read for good, and what was archived of it. See docs/adr/0020-seals.md.
-- +goose NO TRANSACTION
-- +goose Up

-- A wallet, or a system account that all share: its entries up to seq, of which those up to archived_seq are gone.
-- credits is the sum of those of kind post. A wallet without a row has no sealed entry.
CREATE TABLE IF NOT EXISTS seals (
  account          VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  currency         CHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  seq              BIGINT NOT NULL,
  entries          BIGINT NOT NULL,
  balance          BIGINT NOT NULL,
  credits          BIGINT NOT NULL,
  digest           BINARY(32) NOT NULL,
  archived_seq     BIGINT NOT NULL,
  archived_entries BIGINT NOT NULL,
  archived_balance BIGINT NOT NULL,
  archived_credits BIGINT NOT NULL,
  archived_digest  BINARY(32) NOT NULL,
  PRIMARY KEY (account, currency)
);

-- Holds and orders with sealed = 1.
CREATE TABLE IF NOT EXISTS unit_seals (
  id     BIGINT NOT NULL PRIMARY KEY,
  digest BINARY(32) NOT NULL
);

-- What the sealed holds of a shard have posted; what its sealed orders have moved from #funding and #funding-test. The
-- archived ones are part of it.
CREATE TABLE IF NOT EXISTS seal_totals (
  currency         CHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  posted           BIGINT NOT NULL,
  outside          BIGINT NOT NULL,
  tests            BIGINT NOT NULL,
  archived_posted  BIGINT NOT NULL,
  archived_outside BIGINT NOT NULL,
  archived_tests   BIGINT NOT NULL
);

-- Ids that only rise. Below 'sealed' each hold and order is sealed. Below 'archived' those that can be are gone.
CREATE TABLE IF NOT EXISTS seal_marks (
  name  VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  value BIGINT NOT NULL
);

-- Files of what was archived. dropped_at is 0 until their rows are deleted. Times are Unix milliseconds.
CREATE TABLE IF NOT EXISTS archives (
  file       VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  sha256     BINARY(32) NOT NULL,
  summary    MEDIUMBLOB NOT NULL,
  made_at    BIGINT NOT NULL,
  dropped_at BIGINT NOT NULL,
  KEY pending (dropped_at)
);

-- MySQL has no ADD COLUMN IF NOT EXISTS, and this file must be able to run again. TiDB makes no key of a column
-- that the same statement adds.
SET @seal_holds = (SELECT IF(COUNT(*) > 0, 'DO 0',
  'ALTER TABLE holds ADD COLUMN sealed TINYINT NOT NULL DEFAULT 0')
  FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'holds' AND column_name = 'sealed');
PREPARE seal_holds FROM @seal_holds;
EXECUTE seal_holds;
DEALLOCATE PREPARE seal_holds;

SET @key_holds = (SELECT IF(COUNT(*) > 0, 'DO 0',
  'ALTER TABLE holds ADD KEY sealed (sealed, id)')
  FROM information_schema.statistics
  WHERE table_schema = DATABASE() AND table_name = 'holds' AND index_name = 'sealed');
PREPARE key_holds FROM @key_holds;
EXECUTE key_holds;
DEALLOCATE PREPARE key_holds;

SET @seal_fundings = (SELECT IF(COUNT(*) > 0, 'DO 0',
  'ALTER TABLE fundings ADD COLUMN sealed TINYINT NOT NULL DEFAULT 0')
  FROM information_schema.columns
  WHERE table_schema = DATABASE() AND table_name = 'fundings' AND column_name = 'sealed');
PREPARE seal_fundings FROM @seal_fundings;
EXECUTE seal_fundings;
DEALLOCATE PREPARE seal_fundings;

SET @key_fundings = (SELECT IF(COUNT(*) > 0, 'DO 0',
  'ALTER TABLE fundings ADD KEY sealed (sealed, id)')
  FROM information_schema.statistics
  WHERE table_schema = DATABASE() AND table_name = 'fundings' AND index_name = 'sealed');
PREPARE key_fundings FROM @key_fundings;
EXECUTE key_fundings;
DEALLOCATE PREPARE key_fundings;
