-- Messages on their way, the same in every shard. Times are Unix milliseconds.
-- +goose NO TRANSACTION
-- +goose Up

-- What goes to another shard (or to this one: the path is the same), or to the outside (dest -1). currency and amount
-- are the money on its way in the message: XXX and 0 for none. A row is deleted once it has arrived.
CREATE TABLE IF NOT EXISTS outbox (
  dest     INT NOT NULL,
  id       BIGINT NOT NULL,
  kind     VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  currency CHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  amount   BIGINT NOT NULL,
  payload  MEDIUMBLOB NOT NULL,
  at       BIGINT NOT NULL,
  PRIMARY KEY (dest, id)
);

-- Messages that arrived here, written in the transaction of their effect.
CREATE TABLE IF NOT EXISTS inbox (
  source INT NOT NULL,
  id     BIGINT NOT NULL,
  at     BIGINT NOT NULL,
  PRIMARY KEY (source, id)
);

-- Where the outbox already is, without kinds: its rows carry credits, or index entries and no money. MySQL has no
-- ADD COLUMN IF NOT EXISTS, and this file must be able to run again.
SET @add_kind = (SELECT IF(COUNT(*) > 0, 'DO 0', 'ALTER TABLE outbox
  CHANGE COLUMN legs payload MEDIUMBLOB NOT NULL,
  ADD COLUMN kind VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT ''''')
  FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'outbox' AND column_name = 'kind');
PREPARE add_kind FROM @add_kind;
EXECUTE add_kind;
DEALLOCATE PREPARE add_kind;
UPDATE outbox SET kind = IF(currency = 'XXX', 'index', 'credit') WHERE kind = '';

-- Where events have a table of their own: they become messages for the outside.
SET @move_events = (SELECT IF(COUNT(*) = 0, 'DO 0', 'INSERT INTO outbox (dest, id, kind, currency, amount, payload, at)
  SELECT -1, id, ''event'', ''XXX'', 0, CONCAT(''{"topic":"'', topic, ''","body":'', body, ''}''), 0 FROM notices
  ON DUPLICATE KEY UPDATE at = VALUES(at)')
  FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'notices');
PREPARE move_events FROM @move_events;
EXECUTE move_events;
DEALLOCATE PREPARE move_events;
DROP TABLE IF EXISTS notices;
