-- Only in shard 0.
-- +goose NO TRANSACTION
-- +goose Up
-- Where each shard is. Without rows all are where the configuration says; with them there is one for each shard.
CREATE TABLE IF NOT EXISTS placements (
  shard   INT NOT NULL PRIMARY KEY,
  server  VARCHAR(255) NOT NULL,            -- its address, as in a DSN: host:port, or the path of a socket
  epoch   BIGINT NOT NULL,                  -- one more with each move
  id_home INT NOT NULL,                     -- the shard that has the leases of node numbers for this one's ids; fixed
  target  VARCHAR(255) NOT NULL DEFAULT '', -- the server that it is being moved to
  fenced  TINYINT NOT NULL DEFAULT 0,       -- 1: its tables may be out of reach for the last moment of a move
  left_at VARCHAR(255) NOT NULL DEFAULT ''  -- the server that the last move came from, until that is tidied up
);
