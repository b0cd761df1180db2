-- The ledger's tables, the same in every shard. Amounts are whole minor units; times are Unix milliseconds.
-- +goose NO TRANSACTION
-- +goose Up

-- Users' wallets, where their user's shard is. Both numbers are those of the account's last entry.
CREATE TABLE IF NOT EXISTS accounts (
  account  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  currency CHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  balance  BIGINT NOT NULL,
  seq      BIGINT NOT NULL,
  PRIMARY KEY (account, currency)
);

-- Double entry: what one transaction inserts sums to zero in each currency. Of a user's account, seq is 1, 2, 3 … and
-- balance the running balance. System accounts begin with #, which no user id contains: #hold:<id>, #funding:<id>,
-- #clearing, #funding; their seq is an id of the transaction and their balance 0.
-- `leg` makes each movement unique, and lists what a user received by hold id.
CREATE TABLE IF NOT EXISTS entries (
  account      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  currency     CHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  seq          BIGINT NOT NULL,
  amount       BIGINT NOT NULL,
  balance      BIGINT NOT NULL,
  kind         VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  subject      VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  reference    BIGINT NOT NULL,
  part         INT NOT NULL,
  counterparty VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  note         VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  at           BIGINT NOT NULL,
  PRIMARY KEY (account, currency, seq),
  UNIQUE KEY leg (account, kind, subject, reference, part)
);

-- Money set aside, where its owner's shard is. is_open = 0 once nothing is pending. parts is a JSON array of amounts.
CREATE TABLE IF NOT EXISTS holds (
  id         BIGINT NOT NULL PRIMARY KEY,
  subject    VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  owner      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  currency   CHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  amount     BIGINT NOT NULL,
  posted     BIGINT NOT NULL,
  voided     BIGINT NOT NULL,
  is_open    TINYINT NOT NULL,
  note       VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  parts      MEDIUMBLOB NOT NULL,
  detail     MEDIUMBLOB NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  KEY of_owner (owner, subject, id),
  KEY open_by_id (subject, is_open, id),
  KEY open_by_expiry (subject, is_open, expires_at, id)
);

-- What was paid of a hold, where the hold is. outbox is the message that carried it to the payee's shard.
CREATE TABLE IF NOT EXISTS posts (
  hold   BIGINT NOT NULL,
  part   INT NOT NULL,
  payee  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  amount BIGINT NOT NULL,
  at     BIGINT NOT NULL,
  outbox BIGINT NOT NULL,
  PRIMARY KEY (hold, part),
  UNIQUE KEY once_each (hold, payee)
);

-- Calls that were carried out, kept for good. reference is the hold or the funding that they made.
CREATE TABLE IF NOT EXISTS requests (
  user        VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  request_id  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  fingerprint BINARY(32) NOT NULL,
  reference   BIGINT NOT NULL,
  at          BIGINT NOT NULL,
  PRIMARY KEY (user, request_id)
);

-- Posts that contradict the ledger. They moved no money; the audit names them.
CREATE TABLE IF NOT EXISTS rejections (
  hold   BIGINT NOT NULL,
  part   INT NOT NULL,
  payee  VARBINARY(255) NOT NULL,
  amount BIGINT NOT NULL,
  at     BIGINT NOT NULL,
  reason VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  PRIMARY KEY (hold, part, payee, amount)
);

-- Top-ups and withdrawals, where their user's shard is. balance is the wallet's right after the order touched it.
CREATE TABLE IF NOT EXISTS fundings (
  id         BIGINT NOT NULL PRIMARY KEY,
  user       VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  kind       VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  currency   CHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  amount     BIGINT NOT NULL,
  state      VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  balance    BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  KEY by_state (state, id)
);
