-- Covers, where their merchant is. Times are Unix milliseconds of the database's clock, 0 for none.
-- +goose NO TRANSACTION
-- +goose Up

-- story and findings are JSON. history is the number of the last line of cover_history.
CREATE TABLE IF NOT EXISTS covers (
  id           BIGINT NOT NULL PRIMARY KEY,
  merchant     BIGINT NOT NULL,
  mode         VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  name         VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  face         VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  opened       VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  pendant      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  story        TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  colour       CHAR(7) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  accent       CHAR(7) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  greeting     VARCHAR(30) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  state        VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  reason       VARCHAR(300) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  findings     TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  created_by   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  created_at   BIGINT NOT NULL,
  changed_at   BIGINT NOT NULL,
  usable_until BIGINT NOT NULL,
  frozen_at    BIGINT NOT NULL,
  appeal       VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  appeal_text  VARCHAR(300) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  history      BIGINT NOT NULL,
  KEY of_merchant (merchant, mode, id),
  KEY in_state (state, appeal, id),
  KEY due (state, usable_until)
);

-- Who changed what, when and why: numbered 1, 2, 3 … for each cover. usable_until is the validity afterwards.
CREATE TABLE IF NOT EXISTS cover_history (
  cover        BIGINT NOT NULL,
  seq          BIGINT NOT NULL,
  at           BIGINT NOT NULL,
  changed_by   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  side         VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  action       VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  was          VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  became       VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  reason       VARCHAR(300) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  findings     TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  usable_until BIGINT NOT NULL,
  request_id   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  fingerprint  BINARY(32) NOT NULL,
  PRIMARY KEY (cover, seq),
  UNIQUE KEY once (cover, side, changed_by, request_id)
);

-- Images that were uploaded for a side of a merchant. sizes is JSON.
CREATE TABLE IF NOT EXISTS cover_images (
  merchant    BIGINT NOT NULL,
  mode        VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  hash        CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  media_type  VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  sizes       VARCHAR(500) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  uploaded_by VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  side        VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  at          BIGINT NOT NULL,
  PRIMARY KEY (merchant, mode, hash),
  KEY by_hash (hash)
);

-- What users have against covers: once for each user and cover.
CREATE TABLE IF NOT EXISTS cover_reports (
  id         BIGINT NOT NULL PRIMARY KEY,
  cover      BIGINT NOT NULL,
  user       VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  why        VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  note       VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  at         BIGINT NOT NULL,
  state      VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  outcome    VARCHAR(300) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  decided_by VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  decided_at BIGINT NOT NULL,
  UNIQUE KEY once (cover, user),
  KEY in_state (state, id)
);
