-- Conversations of two people that have begun, where their messages are. The row is there from the first message on, or
-- from the first after this table was made.
-- +goose NO TRANSACTION
-- +goose Up

CREATE TABLE IF NOT EXISTS chat_conversations (
  conversation VARCHAR(140) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY
);
