-- Secrets of webhooks are kept encrypted.
-- +goose NO TRANSACTION
-- +goose Up

-- sealed_by is the name of the installation's key that secret and seed are sealed with; empty where they are not sealed
-- yet. MySQL has no ADD COLUMN IF NOT EXISTS, and this file must be able to run again. TiDB makes no key of a
-- column that the same statement adds.
SET @add_sealed = (SELECT IF(COUNT(*) > 0, 'DO 0', CONCAT('ALTER TABLE webhook_keys ',
  'MODIFY secret VARBINARY(128) NOT NULL, MODIFY seed VARBINARY(128) NOT NULL, ',
  'ADD COLUMN sealed_by VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '''''))
  FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'webhook_keys'
  AND column_name = 'sealed_by');
PREPARE add_sealed FROM @add_sealed;
EXECUTE add_sealed;
DEALLOCATE PREPARE add_sealed;

SET @key_sealed = (SELECT IF(COUNT(*) > 0, 'DO 0',
  'ALTER TABLE webhook_keys ADD KEY by_key (sealed_by)')
  FROM information_schema.statistics
  WHERE table_schema = DATABASE() AND table_name = 'webhook_keys' AND index_name = 'by_key');
PREPARE key_sealed FROM @key_sealed;
EXECUTE key_sealed;
DEALLOCATE PREPARE key_sealed;
