-- Stages of holds. Times are Unix milliseconds.
-- +goose NO TRANSACTION
-- +goose Up

-- Of a staged hold: where it is in its life, since when, and who the other side is. expires_at is when the stage ends
-- by itself. MySQL has no ADD COLUMN IF NOT EXISTS, and this file must be able to run again.
SET @add_stage = (SELECT IF(COUNT(*) > 0, 'DO 0', 'ALTER TABLE holds
  ADD COLUMN counterparty VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '''',
  ADD COLUMN stage        VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '''',
  ADD COLUMN staged_at    BIGINT NOT NULL DEFAULT 0')
  FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'holds' AND column_name = 'stage');
PREPARE add_stage FROM @add_stage;
EXECUTE add_stage;
DEALLOCATE PREPARE add_stage;
