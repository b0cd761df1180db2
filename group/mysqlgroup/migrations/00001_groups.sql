-- Chat groups and their members, in the shard of the group id's hash.
-- +goose NO TRANSACTION
-- +goose Up
CREATE TABLE IF NOT EXISTS chat_groups (
  group_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY
);

CREATE TABLE IF NOT EXISTS members (
  group_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  user_id  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  PRIMARY KEY (group_id, user_id),
  KEY of_user (user_id, group_id)
);
