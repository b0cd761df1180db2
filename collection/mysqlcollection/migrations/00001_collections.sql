-- Bills that are shared, where their collector's shard is. Amounts are whole minor units; times are Unix milliseconds.
-- +goose NO TRANSACTION
-- +goose Up

-- due is the sum of the parts that are to be paid, collected of those that were.
CREATE TABLE IF NOT EXISTS collections (
  id         BIGINT NOT NULL PRIMARY KEY,
  group_id   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  collector  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  kind       VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  currency   CHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  total      BIGINT NOT NULL,
  due        BIGINT NOT NULL,
  collected  BIGINT NOT NULL,
  note       VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  state      VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  created_at BIGINT NOT NULL,
  remind_at  BIGINT NOT NULL,
  reminded   TINYINT NOT NULL,
  closed_at  BIGINT NOT NULL,
  KEY of_collector (collector, id),
  KEY to_remind (reminded, state, remind_at)
);

-- What each user is asked for, with the collection. claim counts the payments that have begun; payment is the hold that
-- paid it, 0 unless paid.
CREATE TABLE IF NOT EXISTS collection_parts (
  collection BIGINT NOT NULL,
  member     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  amount     BIGINT NOT NULL,
  state      VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  claim      INT NOT NULL,
  payment    BIGINT NOT NULL,
  at         BIGINT NOT NULL,
  PRIMARY KEY (collection, member),
  KEY in_state (state, at)
);

-- Payments count towards the payer's day; those that were made before the ledger noted it do, too.
UPDATE holds SET counts_daily = 1 WHERE subject = 'collection' AND counts_daily = 0;
