-- Merchants, where their applicant's shard is. Times are Unix milliseconds, 0 for none.
-- +goose NO TRANSACTION
-- +goose Up

-- currencies and the like are lists with commas between. history is the number of the last line of merchant_history.
CREATE TABLE IF NOT EXISTS merchants (
  id         BIGINT NOT NULL PRIMARY KEY,
  name       VARCHAR(60) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  legal_id   VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  country    CHAR(2) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  mcc        CHAR(4) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  contact    VARCHAR(120) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  currencies VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  state      VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  applicant  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  created_at BIGINT NOT NULL,
  changed_at BIGINT NOT NULL,
  history    BIGINT NOT NULL,
  KEY in_state (state, id)
);

CREATE TABLE IF NOT EXISTS merchant_members (
  merchant BIGINT NOT NULL,
  user     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  role     VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  since    BIGINT NOT NULL,
  PRIMARY KEY (merchant, user)
);

-- Of a secret only its SHA-256 and its last four characters are kept. announced says of a revoked key that every node
-- was told.
CREATE TABLE IF NOT EXISTS merchant_keys (
  id           BIGINT NOT NULL PRIMARY KEY,
  merchant     BIGINT NOT NULL,
  mode         VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  name         VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  permissions  VARCHAR(500) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  allowed      VARCHAR(1000) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  secret_hash  VARBINARY(32) NOT NULL,
  public_key   VARBINARY(32) NOT NULL,
  hint         VARCHAR(4) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  state        VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  created_at   BIGINT NOT NULL,
  expires_at   BIGINT NOT NULL,
  last_used_at BIGINT NOT NULL,
  rolled_from  BIGINT NOT NULL,
  announced    TINYINT NOT NULL,
  KEY of_merchant (merchant, id),
  KEY to_announce (state, announced, id)
);

-- Who changed what, when and why: numbered 1, 2, 3 … for each merchant. request makes a change safe to repeat; made is
-- what it made.
CREATE TABLE IF NOT EXISTS merchant_history (
  merchant    BIGINT NOT NULL,
  seq         BIGINT NOT NULL,
  at          BIGINT NOT NULL,
  changed_by  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  side        VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  action      VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  object      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  was         VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  became      VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  reason      VARCHAR(300) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  request_id  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  fingerprint BINARY(32) NOT NULL,
  made        BIGINT NOT NULL,
  PRIMARY KEY (merchant, seq),
  UNIQUE KEY once (merchant, side, changed_by, request_id)
);

-- Nonces of signed proofs, until they would be too old anyway.
CREATE TABLE IF NOT EXISTS merchant_nonces (
  merchant_key BIGINT NOT NULL,
  nonce        VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `until`      BIGINT NOT NULL,
  PRIMARY KEY (merchant_key, nonce),
  KEY by_time (merchant_key, `until`)
);
