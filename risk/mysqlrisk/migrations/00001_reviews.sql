-- Calls that operators have to look at, where the wallet of their user is. Times are Unix milliseconds.
-- +goose NO TRANSACTION
-- +goose Up

-- Never deleted: what was declined stays declined, and what was approved is one call.
CREATE TABLE IF NOT EXISTS risk_reviews (
  id          BIGINT NOT NULL PRIMARY KEY,
  user        VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  request_id  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  fingerprint VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  kind        VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  payee       VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  currency    CHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  amount      BIGINT NOT NULL,
  rule        VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  version     VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  state       VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  at          BIGINT NOT NULL,
  decided_by  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  reason      VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  decided_at  BIGINT NOT NULL,
  UNIQUE KEY of_request (user, request_id, kind),
  KEY by_state (state, id),
  KEY of_user (user, state)
);
