-- Only in shard 0.
-- +goose NO TRANSACTION
-- +goose Up
CREATE TABLE IF NOT EXISTS installation (
  one               TINYINT NOT NULL PRIMARY KEY, -- always 1: there is one row
  id                CHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  shards            INT NOT NULL,
  buckets_per_shard INT NOT NULL,
  sandbox           TINYINT NOT NULL,
  pots_ready        TINYINT NOT NULL,
  created_at        BIGINT NOT NULL -- Unix milliseconds
);

-- The shards whose schemas have been made. One that is here and not where the configuration looks for it is missing.
CREATE TABLE IF NOT EXISTS known_shards (
  shard INT NOT NULL PRIMARY KEY
);
