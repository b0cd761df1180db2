-- Metered holds. unit is what one of a hold's units is, 0 for a hold with parts.
-- +goose NO TRANSACTION
-- +goose Up

-- MySQL has no ADD COLUMN IF NOT EXISTS, and this file must be able to run again.
SET @add_unit = (SELECT IF(COUNT(*) > 0, 'DO 0', 'ALTER TABLE holds ADD COLUMN unit BIGINT NOT NULL DEFAULT 0')
  FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'holds' AND column_name = 'unit');
PREPARE add_unit FROM @add_unit;
EXECUTE add_unit;
DEALLOCATE PREPARE add_unit;

-- draw is 0 for the post of a part: those have different payees. The posts of a metered hold have one payee; there it
-- is the part + 1.
SET @add_draw = (SELECT IF(COUNT(*) > 0, 'DO 0', 'ALTER TABLE posts ADD COLUMN draw INT NOT NULL DEFAULT 0')
  FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'posts' AND column_name = 'draw');
PREPARE add_draw FROM @add_draw;
EXECUTE add_draw;
DEALLOCATE PREPARE add_draw;

SET @change_key = (SELECT IF(COUNT(*) > 0, 'DO 0',
  'ALTER TABLE posts ADD UNIQUE KEY payee_once (hold, payee, draw), DROP KEY once_each')
  FROM information_schema.statistics
  WHERE table_schema = DATABASE() AND table_name = 'posts' AND index_name = 'payee_once');
PREPARE change_key FROM @change_key;
EXECUTE change_key;
DEALLOCATE PREPARE change_key;
