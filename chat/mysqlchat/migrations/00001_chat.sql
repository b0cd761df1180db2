-- Messages where their conversation's shard is, names where their owner's is. Times are Unix milliseconds.
-- +goose NO TRANSACTION
-- +goose Up

-- conversation is group:<id> or people:<lesser id>|<greater id>; recipient is empty in groups; 0 stands for no reply_to
-- and no about.
CREATE TABLE IF NOT EXISTS chat_messages (
  id           BIGINT NOT NULL PRIMARY KEY,
  conversation VARCHAR(140) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  sender       VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  recipient    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  request_id   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  text         VARCHAR(1000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  reply_to     BIGINT NOT NULL,
  about        BIGINT NOT NULL,
  created_at   BIGINT NOT NULL,
  KEY of_conversation (conversation, id),
  UNIQUE KEY once (conversation, sender, request_id)
);

-- owner is user:<id> or group:<id>.
CREATE TABLE IF NOT EXISTS chat_names (
  owner      VARCHAR(72) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  name       VARCHAR(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL
);
