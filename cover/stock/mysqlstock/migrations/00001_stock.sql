-- The pieces of covers, where the cover is; holdings, where their user is. Times are Unix milliseconds, 0 for none.
-- +goose NO TRANSACTION
-- +goose Up

-- version rises with each purchase and each change of a channel; up_to_date is the version that the pot is known to
-- have. codes says that some codes may not be in the pot. seen is the position in the log of the bucket up to which the
-- cover's records are settled.
CREATE TABLE IF NOT EXISTS cover_stocks (
  cover      BIGINT NOT NULL PRIMARY KEY,
  merchant   BIGINT NOT NULL,
  mode       VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  bought     BIGINT NOT NULL,
  claimed    BIGINT NOT NULL,
  withdrawn  BIGINT NOT NULL,
  version    BIGINT NOT NULL,
  stale      TINYINT NOT NULL,
  seen_ms    BIGINT NOT NULL,
  seen_seq   BIGINT NOT NULL,
  KEY to_bring_up (stale, cover)
);

-- The id is that of the purchase's hold. unit is the price of a piece in minor units.
CREATE TABLE IF NOT EXISTS cover_batches (
  id        BIGINT NOT NULL PRIMARY KEY,
  cover     BIGINT NOT NULL,
  pieces    BIGINT NOT NULL,
  unit      BIGINT NOT NULL,
  currency  CHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  claimed   BIGINT NOT NULL,
  withdrawn BIGINT NOT NULL,
  bought_by VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  bought_at BIGINT NOT NULL,
  KEY of_cover (cover, id)
);

-- pieces is what a withdrawal found, once done.
CREATE TABLE IF NOT EXISTS cover_withdrawals (
  id         BIGINT NOT NULL PRIMARY KEY,
  cover      BIGINT NOT NULL,
  asked      BIGINT NOT NULL,
  pieces     BIGINT NOT NULL,
  done       TINYINT NOT NULL,
  ordered_by VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  ordered_at BIGINT NOT NULL,
  KEY of_cover (cover, id),
  KEY to_do (done, id)
);

-- secret is that of a link's code. codes is how many single-use codes were made.
CREATE TABLE IF NOT EXISTS cover_channels (
  id        BIGINT NOT NULL PRIMARY KEY,
  cover     BIGINT NOT NULL,
  kind      VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  name      VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  quota     BIGINT NOT NULL,
  starts_at BIGINT NOT NULL,
  ends_at   BIGINT NOT NULL,
  closed    TINYINT NOT NULL,
  secret    VARBINARY(16) NOT NULL,
  codes     BIGINT NOT NULL,
  claimed   BIGINT NOT NULL,
  opened_by VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  opened_at BIGINT NOT NULL,
  KEY of_cover (cover, id)
);

-- Single-use codes by what is kept of them. in_pot says that the pot is known to have it.
CREATE TABLE IF NOT EXISTS cover_codes (
  channel BIGINT NOT NULL,
  digest  CHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  cover   BIGINT NOT NULL,
  user    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  in_pot  TINYINT NOT NULL,
  PRIMARY KEY (channel, digest),
  KEY to_add (cover, in_pot)
);

CREATE TABLE IF NOT EXISTS cover_claims (
  cover      BIGINT NOT NULL,
  user       VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  channel    BIGINT NOT NULL,
  digest     VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  claimed_at BIGINT NOT NULL,
  PRIMARY KEY (cover, user)
);

-- Statistics: hour is when it begins.
CREATE TABLE IF NOT EXISTS cover_hours (
  cover   BIGINT NOT NULL,
  hour    BIGINT NOT NULL,
  channel BIGINT NOT NULL,
  views   BIGINT NOT NULL,
  claims  BIGINT NOT NULL,
  PRIMARY KEY (cover, hour, channel)
);

CREATE TABLE IF NOT EXISTS cover_holdings (
  user         VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  cover        BIGINT NOT NULL,
  channel      BIGINT NOT NULL,
  claimed_at   BIGINT NOT NULL,
  usable_until BIGINT NOT NULL,
  PRIMARY KEY (user, cover),
  KEY of_user (user, claimed_at)
);
