-- Accounts out of which nothing goes, where their wallets are.
-- +goose NO TRANSACTION
-- +goose Up

-- An account has a row while it is frozen. frozen_at is in Unix milliseconds.
CREATE TABLE IF NOT EXISTS freezes (
  account   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  frozen_by VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  reason    VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  frozen_at BIGINT NOT NULL
);
