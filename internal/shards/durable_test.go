package shards

import (
	"errors"
	"maps"
	"testing"
)

// Each store is asked for its own promise, and what says nothing on it is not listened to.
func TestEachStoreMakesItsOwnPromise(t *testing.T) {
	mariadb := map[string]string{"version": "10.11.11-MariaDB-0+deb12u1", "innodb_flush_log_at_trx_commit": "1",
		"log_bin": "OFF", "sync_binlog": "0"}
	mysql := map[string]string{"version": "8.4.3", "innodb_flush_log_at_trx_commit": "1", "log_bin": "ON",
		"sync_binlog": "1", "innodb_redo_log_enabled": "ON"}
	tidb := map[string]string{"version": "8.0.11-TiDB-v8.5.0", "innodb_flush_log_at_trx_commit": "1",
		"sync_binlog": "0", "tidb_config": `{"store": "tikv", "path": "pd:2379"}`}
	for _, c := range []struct {
		name     string
		said     map[string]string
		changed  map[string]string
		volatile bool
	}{
		{"a MariaDB", mariadb, nil, false},
		{"a MariaDB that flushes once a second", mariadb, map[string]string{"innodb_flush_log_at_trx_commit": "2"},
			true},
		{"a MariaDB whose binary log is not flushed", mariadb, map[string]string{"log_bin": "ON"}, true},
		{"a MySQL", mysql, nil, false},
		{"a MySQL before it could do without a redo log", mysql, map[string]string{"innodb_redo_log_enabled": ""},
			false},
		{"a MySQL without a redo log", mysql, map[string]string{"innodb_redo_log_enabled": "OFF"}, true},
		{"a MySQL whose binary log is not flushed", mysql, map[string]string{"sync_binlog": "100"}, true},
		{"a TiDB", tidb, nil, false},
		{"a TiDB with InnoDB's variables", tidb, map[string]string{"innodb_flush_log_at_trx_commit": "0",
			"log_bin": "ON"}, false},
		{"a TiDB that keeps its data itself", tidb, map[string]string{"tidb_config": `{"store": "unistore"}`}, true},
		{"a TiDB in memory", tidb, map[string]string{"tidb_config": `{"store": "mocktikv"}`}, true},
	} {
		said := maps.Clone(c.said)
		maps.Copy(said, c.changed)
		p, err := askPromise(func(string) (map[string]string, error) { return said, nil })
		if err != nil || p.Version != said["version"] {
			t.Errorf("%s: %+v, %v", c.name, p, err)
		}
		if err := p.Check(); errors.Is(err, ErrVolatile) != c.volatile {
			t.Errorf("%s: %v, want volatile %v", c.name, err, c.volatile)
		}
	}
}
