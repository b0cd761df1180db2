-- Images of covers that were taken down are hidden and deleted. Times are as in covers.
-- +goose NO TRANSACTION
-- +goose Up

-- gone_at is when an image's files were hidden; then it has to be uploaded again. MySQL has no ADD COLUMN IF NOT
-- EXISTS, and this file must be able to run again.
SET @add_gone = (SELECT IF(COUNT(*) > 0, 'DO 0', 'ALTER TABLE cover_images ADD COLUMN gone_at BIGINT NOT NULL DEFAULT 0')
  FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'cover_images'
  AND column_name = 'gone_at');
PREPARE add_gone FROM @add_gone;
EXECUTE add_gone;
DEALLOCATE PREPARE add_gone;

-- Which covers name which image.
CREATE TABLE IF NOT EXISTS cover_uses (
  hash  CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  cover BIGINT NOT NULL,
  PRIMARY KEY (hash, cover),
  KEY of_cover (cover)
);
-- One insertion for each picture of a story: TiDB unites no texts of different collations.
INSERT IGNORE INTO cover_uses (hash, cover)
  SELECT face, id FROM covers WHERE face <> ''
  UNION SELECT opened, id FROM covers WHERE opened <> ''
  UNION SELECT pendant, id FROM covers WHERE pendant <> '';
INSERT IGNORE INTO cover_uses (hash, cover)
  SELECT JSON_UNQUOTE(JSON_EXTRACT(story, '$[0].image')), id FROM covers
  WHERE COALESCE(JSON_UNQUOTE(JSON_EXTRACT(story, '$[0].image')), '') <> '';
INSERT IGNORE INTO cover_uses (hash, cover)
  SELECT JSON_UNQUOTE(JSON_EXTRACT(story, '$[1].image')), id FROM covers
  WHERE COALESCE(JSON_UNQUOTE(JSON_EXTRACT(story, '$[1].image')), '') <> '';
INSERT IGNORE INTO cover_uses (hash, cover)
  SELECT JSON_UNQUOTE(JSON_EXTRACT(story, '$[2].image')), id FROM covers
  WHERE COALESCE(JSON_UNQUOTE(JSON_EXTRACT(story, '$[2].image')), '') <> '';

-- What is still to be hidden or deleted. due is when to look at it next.
CREATE TABLE IF NOT EXISTS cover_purges (
  hash      CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  taken_at  BIGINT NOT NULL,
  hidden_at BIGINT NOT NULL,
  due       BIGINT NOT NULL,
  KEY due (due)
);
