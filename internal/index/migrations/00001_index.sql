-- Records by whom they concern, on the shard of that user or group.
-- +goose NO TRANSACTION
-- +goose Up

-- Where entries have another table, it becomes this one. This file must be able to run again.
SET @rename_entries = (SELECT IF(COUNT(*) = 0, 'DO 0', 'RENAME TABLE mentions TO index_entries')
  FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'mentions');
PREPARE rename_entries FROM @rename_entries;
EXECUTE rename_entries;
DEALLOCATE PREPARE rename_entries;

-- who is a user, or #group: and a group. The low bits of the reference say on which shard the record lies.
CREATE TABLE IF NOT EXISTS index_entries (
  who       VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  subject   VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  reference BIGINT NOT NULL,
  PRIMARY KEY (who, subject, reference)
);
