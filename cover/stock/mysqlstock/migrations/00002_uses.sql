-- How covers are used: envelopes sent, opened and people reached. Times are Unix milliseconds.
-- +goose NO TRANSACTION
-- +goose Up

-- On the shard of a bucket: up to where its log of envelopes was counted, and in how many batches.
CREATE TABLE IF NOT EXISTS cover_use_logs (
  bucket  INT NOT NULL PRIMARY KEY,
  up_to   VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  batches BIGINT NOT NULL
);

-- On the shard of the cover: what each bucket's log said of an hour. batch is the latest of the bucket's batches that
-- is in it.
CREATE TABLE IF NOT EXISTS cover_use_hours (
  cover   BIGINT NOT NULL,
  hour    BIGINT NOT NULL,
  bucket  INT NOT NULL,
  batch   BIGINT NOT NULL,
  sent    BIGINT NOT NULL,
  opened  BIGINT NOT NULL,
  reached BIGINT NOT NULL,
  PRIMARY KEY (cover, hour, bucket)
);
