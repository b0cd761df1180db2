#!/usr/bin/env bash
# Runs the ledger on TiDB: its suite, the products' own tables, whole installations in the crash tests, in which
# tidb-server is killed under load and the books are audited afterwards, and a short bench with an audit.
# Needs bin/hongbao and bin/tidb-server (make test-tidb builds both). Takes no input.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec </dev/null

export HONGBAO_TEST_TIDB=$PWD/bin/tidb-server
go=${GO:-go}
step() {
	printf '\n=== %s (after %d s)\n' "$*" "$SECONDS"
	"$@"
}

# A tidb-server without TiKV has the locks of a commit in memory: killed right after one, it may keep half of it. Those
# tests do just that (docs/stores.md).
step .ci/test -vet=off -count=1 -p 1 -timeout 60m -skip '^TestServerDown(ForAWhile|IsUnavailable)$' \
	./wallet/mysqlledger ./wallet/audit ./internal/shards \
	./internal/outbox ./internal/index ./internal/nodes ./collection/mysqlcollection ./group/mysqlgroup \
	./risk/mysqlrisk ./webhook/mysqlwebhook ./merchant/mysqlmerchant ./cover/mysqlcover
step "$go" test -vet=off -count=1 -timeout 30m -run '^TestTheRecipientsServerIsDownForAWhile$' ./app
step "$go" test -vet=off -count=1 -timeout 60m -v -run '^TestNothingIsLostInCrashes$' ./internal/simulation

# The bench starts hongbao itself, on its own Redis, and this TiDB.
data=$(mktemp -d)
cat >"$data/tidb.toml" <<EOF
store = "unistore"
path = "$data/data"
temp-dir = "$data/tmp"
tmp-storage-path = "$data/tmp-storage"
socket = "$data/mysql.sock"
host = ""
[log]
level = "error"
slow-query-file = "$data/slow.log"
file.filename = "$data/tidb.log"
[status]
report-status = false
EOF
bin/tidb-server --config "$data/tidb.toml" >"$data/log" 2>&1 &
server=$!
trap 'kill -9 $server 2>/dev/null || true; rm -rf "$data"' EXIT
for _ in $(seq 600); do [ -S "$data/mysql.sock" ] && break || sleep 0.1; done
step bin/hongbao bench send settle transfer --quick "--up=--mysql=root@unix($data/mysql.sock)/ --volatile-mysql"
