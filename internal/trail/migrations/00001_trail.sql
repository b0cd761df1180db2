-- What operators did, and what else concerns security, in order. Rows are never changed or deleted: each has the hash
-- of the one before in its own. Only the first shard's table is used.
-- +goose NO TRANSACTION
-- +goose Up
CREATE TABLE IF NOT EXISTS trail (
  seq     BIGINT       NOT NULL PRIMARY KEY, -- 1, 2, 3 …
  at      BIGINT       NOT NULL,             -- ms
  actor   VARCHAR(64)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  action  VARCHAR(64)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  outcome VARCHAR(64)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  detail  VARCHAR(4096) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL, -- JSON
  hash    BINARY(32)   NOT NULL
);
