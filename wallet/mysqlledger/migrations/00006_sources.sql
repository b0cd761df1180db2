-- Stores outside of the ledger that decide who is paid. Times are Unix milliseconds.
-- +goose NO TRANSACTION
-- +goose Up

-- How far each log of a source is settled, and in which epoch. A log without a row is in its first epoch, '', and
-- nothing of it is settled. rebuilding says that the source is being made again from the ledger.
CREATE TABLE IF NOT EXISTS sources (
  number     INT NOT NULL,
  log        VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  epoch      VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  up_to      VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  rebuilding TINYINT NOT NULL,
  PRIMARY KEY (number, log)
);

-- Each beginning of a new epoch. settled is the last record that was settled of the epoch before, by log.
CREATE TABLE IF NOT EXISTS source_rebuilds (
  number   INT NOT NULL,
  epoch    VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  was      VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  settled  VARCHAR(400) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  reason   VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  began_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL,
  PRIMARY KEY (number, epoch),
  KEY by_time (began_at)
);
