-- Which process has which number on this server, and until when by the database's clock. The rows of the first shard of
-- each server are used.
-- +goose NO TRANSACTION
-- +goose Up
CREATE TABLE IF NOT EXISTS node_leases (
  number   INT         NOT NULL PRIMARY KEY,
  holder   CHAR(32)    CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- random, of the process
  process  VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- where it runs, for people
  until_at BIGINT      NOT NULL                                        -- ms
);
