package cmd

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/app/apptest"
)

// dump is what testdata/d820706/make.py has written: an installation with four shards and records in every state, whose
// processes were killed in the middle of their work.
type dump struct {
	At       int64             `json:"at"`    // when it was made, Unix milliseconds
	Names    map[string]string `json:"names"` // what a record is an example of → its id
	InFlight []struct {
		Currency string `json:"currency"`
		Amount   int64  `json:"amount"`
	} `json:"in_flight"`
	Answers []answer `json:"-"`
}

// answer is what the gateway said to a call that is safe to repeat.
type answer struct {
	User   string          `json:"user"`
	Method string          `json:"method"`
	Path   string          `json:"path"`
	Body   json.RawMessage `json:"body"`
	Answer json.RawMessage `json:"answer"`
}

const dumpFolder = "testdata/d820706"

// dumpLines calls f for each line of a file of the dump.
func dumpLines(t *testing.T, file string, f func(line []byte)) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dumpFolder, file))
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Buffer(nil, len(text)+1); lines.Scan(); {
		f(lines.Bytes())
	}
}

func readDump(t *testing.T) (d dump) {
	t.Helper()
	first := true
	dumpLines(t, "answers.jsonl", func(line []byte) {
		into := any(&d)
		if !first {
			d.Answers = append(d.Answers, answer{})
			into = &d.Answers[len(d.Answers)-1]
		}
		first = false
		if err := json.Unmarshal(line, into); err != nil {
			t.Fatal(err)
		}
	})
	return d
}

// loadDump puts the dump on the test process's servers. The installation's clock goes on from when it was made.
func loadDump(t *testing.T) (dump, app.Config, *apptest.Clock) {
	t.Helper()
	d, cfg, clock := readDump(t), apptest.Config(t), &apptest.Clock{}
	clock.Skip(time.Until(time.UnixMilli(d.At)))
	cfg.Now, cfg.Clock = clock.Now, clock.Now
	for shard := range cfg.Shards {
		loadShard(t, cfg.MySQL[0], fmt.Sprintf("%s%04d", cfg.Prefix, shard), fmt.Sprintf("shard%d.sql", shard))
	}
	loadRedis(t, cfg.Redis)
	return d, cfg, clock
}

// loadShard makes a schema of a file of the dump.
func loadShard(t *testing.T, dsn, schema, file string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dumpFolder, file))
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("mysql", dsn+"?multiStatements=true")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	statements := "DROP DATABASE IF EXISTS " + schema + "; CREATE DATABASE " + schema + "; USE " + schema + ";\n" +
		string(
			text,
		)
	if _, err := db.ExecContext(t.Context(), statements); err != nil {
		t.Fatalf("load %s: %v", file, err)
	}
}

func loadRedis(t *testing.T, addresses []string) {
	t.Helper()
	option, err := app.RedisOption(addresses)
	if err != nil {
		t.Fatal(err)
	}
	client, err := rueidis.NewClient(option)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	dumpLines(t, "redis.jsonl", func(line []byte) {
		var key struct {
			Key  string `json:"key"`
			TTL  int64  `json:"ttl_ms"` // 0 for none
			Dump []byte `json:"dump"`   // what DUMP answered
		}
		if err := json.Unmarshal(line, &key); err != nil {
			t.Fatal(err)
		}
		restore := client.B().Restore().Key(key.Key).Ttl(key.TTL).SerializedValue(
			rueidis.BinaryString(key.Dump)).Build()
		if err := client.Do(context.WithoutCancel(t.Context()), restore).Error(); err != nil {
			t.Fatalf("restore %s: %v", key.Key, err)
		}
	})
}
