-- What operators decided about posts that contradicted the ledger.
-- +goose NO TRANSACTION
-- +goose Up

-- A rejection has one decision, for good: 'pay' out of an account, or 'dismiss'. payment is the hold by which it was
-- paid, on the account's shard; 0 until then. Times are Unix milliseconds.
CREATE TABLE IF NOT EXISTS resolutions (
  hold       BIGINT NOT NULL,
  part       INT NOT NULL,
  payee      VARBINARY(255) NOT NULL,
  amount     BIGINT NOT NULL,
  decision   VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  account    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  currency   CHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  decided_by VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  reason     VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  decided_at BIGINT NOT NULL,
  payment    BIGINT NOT NULL,
  PRIMARY KEY (hold, part, payee, amount)
);
