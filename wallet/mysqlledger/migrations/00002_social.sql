-- Transfers, collections, daily limits, and what travels with them. Times are Unix milliseconds.
-- +goose NO TRANSACTION
-- +goose Up

-- Of holds that people decide about: how far they have come, since when, and who the other side is. expires_at is when
-- the stage ends by itself. MySQL has no ADD COLUMN IF NOT EXISTS, and this file must be able to run again.
SET @add_stage = (SELECT IF(COUNT(*) > 0, 'DO 0', 'ALTER TABLE holds
  ADD COLUMN counterparty VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '''',
  ADD COLUMN stage        VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '''',
  ADD COLUMN staged_at    BIGINT NOT NULL DEFAULT 0')
  FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'holds' AND column_name = 'stage');
PREPARE add_stage FROM @add_stage;
EXECUTE add_stage;
DEALLOCATE PREPARE add_stage;

-- What a user's counted holds of a day sum to, without what was voided of them: amount - voided of the transfers and
-- collection payments that were created on the day (of UTC, as days since 1970).
CREATE TABLE IF NOT EXISTS spent (
  user     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  currency CHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  day      INT NOT NULL,
  amount   BIGINT NOT NULL,
  PRIMARY KEY (user, currency, day)
);

-- What somebody was mentioned in, on the shard of their id: who is a user, or #group: and a group. The reference says by
-- its low bits where it lies.
CREATE TABLE IF NOT EXISTS mentions (
  who       VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  subject   VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  reference BIGINT NOT NULL,
  PRIMARY KEY (who, subject, reference)
);

-- Events to be published, where what they tell of lies. A row is deleted once it was published.
CREATE TABLE IF NOT EXISTS notices (
  id    BIGINT NOT NULL PRIMARY KEY,
  topic VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  body  BLOB NOT NULL
);

-- Bills that are shared, where their collector's shard is. due is the sum of the parts that are to be paid, collected of
-- those that were.
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
