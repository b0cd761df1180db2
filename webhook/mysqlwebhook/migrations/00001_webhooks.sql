-- Webhooks, where their owner's shard is. Times are Unix milliseconds.
-- +goose NO TRANSACTION
-- +goose Up

-- types is a JSON array. failing_since is 0 where the last attempt did not fail; throttle is the last pause that the
-- endpoint asked for, in milliseconds, and not_before its end.
CREATE TABLE IF NOT EXISTS webhook_endpoints (
  id            BIGINT NOT NULL PRIMARY KEY,
  owner         VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  url           VARCHAR(512) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  types         TEXT CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  asymmetric    TINYINT NOT NULL,
  state         VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  reason        VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  failing_since BIGINT NOT NULL,
  throttle      BIGINT NOT NULL,
  not_before    BIGINT NOT NULL,
  created_at    BIGINT NOT NULL,
  changed_at    BIGINT NOT NULL,
  KEY of_owner (owner, id)
);

-- What signs an endpoint's deliveries: at most two at a time. until is 0 for the newest. seed is an Ed25519 seed, empty
-- for none.
CREATE TABLE IF NOT EXISTS webhook_keys (
  endpoint BIGINT NOT NULL,
  number   INT NOT NULL,
  secret   VARBINARY(64) NOT NULL,
  seed     VARBINARY(32) NOT NULL,
  `until`  BIGINT NOT NULL,
  PRIMARY KEY (endpoint, number)
);

-- How many events an owner has had. Those with a position up to forgotten are deleted.
CREATE TABLE IF NOT EXISTS webhook_owners (
  owner     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  position  BIGINT NOT NULL,
  forgotten BIGINT NOT NULL DEFAULT 0
);

-- How many events an owner has had of an object. Those with a sequence up to forgotten are deleted.
CREATE TABLE IF NOT EXISTS webhook_objects (
  owner     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  object    VARCHAR(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  sequence  BIGINT NOT NULL,
  forgotten BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (owner, object)
);

-- What happened. deliveries is the number that were made with the event. token is 16 random bytes that the event got
-- when it was published.
CREATE TABLE IF NOT EXISTS webhook_events (
  id         BIGINT NOT NULL PRIMARY KEY,
  owner      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  position   BIGINT NOT NULL,
  type       VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  object     VARCHAR(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  sequence   BIGINT NOT NULL,
  payload    MEDIUMBLOB NOT NULL,
  at         BIGINT NOT NULL,
  deliveries INT NOT NULL,
  token      BINARY(16) NOT NULL,
  UNIQUE KEY of_owner (owner, position),
  UNIQUE KEY of_object (owner, object, sequence),
  KEY at_time (owner, at),
  KEY by_age (at),
  UNIQUE KEY by_token (token)
);

-- Events on their way. tries are the attempts since the delivery became due, attempts all of them. lease is whose
-- attempt is under way until leased_until, in Unix seconds of the database. replayed says that a replay made the row.
CREATE TABLE IF NOT EXISTS webhook_deliveries (
  event        BIGINT NOT NULL,
  endpoint     BIGINT NOT NULL,
  type         VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  state        VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  tries        INT NOT NULL,
  attempts     INT NOT NULL,
  next_at      BIGINT NOT NULL,
  status       INT NOT NULL,
  lease        VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  leased_until BIGINT NOT NULL,
  replayed     TINYINT NOT NULL,
  PRIMARY KEY (event, endpoint),
  KEY to_do (state, endpoint, next_at),
  KEY of_endpoint (endpoint, event)
);

-- What came of each attempt.
CREATE TABLE IF NOT EXISTS webhook_attempts (
  event     BIGINT NOT NULL,
  endpoint  BIGINT NOT NULL,
  number    INT NOT NULL,
  at        BIGINT NOT NULL,
  took      BIGINT NOT NULL,
  outcome   VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  status    INT NOT NULL,
  failure   VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  timestamp VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  signature VARCHAR(500) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  answer    VARBINARY(1024) NOT NULL,
  PRIMARY KEY (event, endpoint, number)
);
