package app

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/hongbao/hongbao/internal/shards"
)

// mysql looks at one server.
func (e *examination) mysql(ctx context.Context, server int) {
	ctx, cancel := context.WithTimeout(ctx, examineTimeout)
	defer cancel()
	where := fmt.Sprintf("MySQL server %d", server)
	db := e.cluster.ServerDB(server)
	if err := db.PingContext(ctx); err != nil {
		e.down[server] = true
		e.find(FindingMySQLUnreachable, where, "%v", err)
		return
	}
	began := time.Now()
	var micros int64
	err := db.QueryRowContext(ctx, "SELECT CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)").Scan(&micros)
	if err != nil {
		e.find(FindingUnknown, where, "%v", err)
		return
	}
	e.clock(where, began, time.UnixMicro(micros), time.Now())

	said := map[string]string{}
	for _, query := range []string{
		"SHOW GLOBAL VARIABLES WHERE Variable_name IN ('read_only', 'max_connections')",
		"SHOW GLOBAL STATUS WHERE Variable_name IN ('Threads_connected')",
	} {
		some, err := shards.NamedValues(ctx, db, query)
		if err != nil {
			e.find(FindingUnknown, where, "%v", err)
			return
		}
		maps.Copy(said, some)
	}
	promise, err := shards.AskPromise(ctx, db)
	if err != nil {
		e.find(FindingUnknown, where, "%v", err)
	} else if err := promise.Check(); err != nil {
		e.find(FindingMySQLVolatile, where, "%v", err)
	}
	if v := said["read_only"]; v != "" && v != "OFF" && v != "0" {
		e.find(FindingMySQLReadOnly, where, "read_only is %s", v)
	}
	used, most := number(said["threads_connected"]), number(said["max_connections"])
	if most > 0 && used*100 > most*fullPercent {
		e.find(FindingMySQLConnections, where, "%d of %d connections are taken", used, most)
	}
}

// number is what a server says as digits; 0 where it says nothing.
func number(text string) int64 {
	n, _ := strconv.ParseInt(text, 10, 64)
	return n
}

// redis looks at every node, and says whether there is a Redis to go on with.
func (e *examination) redis(ctx context.Context, option rueidis.ClientOption) bool {
	client, err := rueidis.NewClient(option)
	if err != nil {
		e.find(FindingRedisUnreachable, "Redis", "%v", err)
		return false
	}
	defer client.Close()
	addresses, all := nodesOf(client)
	primaries, asked := 0, false
	for _, address := range addresses {
		ctx, cancel := context.WithTimeout(ctx, examineTimeout)
		isPrimary, isCluster := e.node(ctx, "Redis "+address, all[address])
		if isPrimary {
			primaries++
		}
		if isCluster && !asked {
			asked = true
			e.slots(ctx, all[address])
		}
		cancel()
	}
	return primaries > 0
}

// node looks at one Redis server.
func (e *examination) node(ctx context.Context, where string, node rueidis.Client) (isPrimary, isCluster bool) {
	began := time.Now()
	clock, err := node.Do(ctx, node.B().Time().Build()).AsIntSlice()
	if err != nil || len(clock) != 2 {
		e.find(FindingRedisUnreachable, where, "%v", err)
		return false, false
	}
	e.clock(where, began, time.Unix(clock[0], clock[1]*int64(time.Microsecond)), time.Now())
	text, err := node.Do(ctx, node.B().Info().Build()).ToString()
	if err != nil {
		e.find(FindingUnknown, where, "%v", err)
		return false, false
	}
	info := parseInfo(text)
	isPrimary, isCluster = info["role"] == "master", info["cluster_enabled"] == "1"
	if server, err := redisServer(ctx, node); err != nil {
		e.find(FindingUnknown, where, "%v", err)
	} else if err := server.check(); err != nil {
		e.find(FindingRedisVolatile, where, "%v", err)
	}
	if s := info["aof_last_write_status"]; s != "" && s != "ok" {
		e.find(FindingRedisNotSaving, where, "the last write of its log: %s", s)
	}
	used, most := number(info["used_memory"]), number(info["maxmemory"])
	if most > 0 && used*100 > most*fullPercent {
		e.find(FindingRedisFull, where, "%d of %d MiB are used", used>>20, most>>20)
	}
	need := max(e.cfg.WaitReplicas, 0)
	if isCluster {
		need = max(need, 1)
	}
	if replicas := number(info["connected_slaves"]); isPrimary && replicas < int64(need) {
		e.find(FindingRedisReplicas, where, "%d replicas are connected, and %d are needed", replicas, need)
	}
	return isPrimary, isCluster
}

// slots asks one node what it knows of the whole cluster.
func (e *examination) slots(ctx context.Context, node rueidis.Client) {
	text, err := node.Do(ctx, node.B().ClusterInfo().Build()).ToString()
	if err != nil {
		e.find(FindingUnknown, "Redis Cluster", "%v", err)
		return
	}
	const all = 16384
	if info := parseInfo(text); info["cluster_state"] != "ok" || number(info["cluster_slots_ok"]) != all {
		e.find(FindingRedisCluster, "Redis Cluster", "its state is %s, and %s of %d slots are served",
			info["cluster_state"], info["cluster_slots_ok"], all)
	}
	text, err = node.Do(ctx, node.B().ClusterNodes().Build()).ToString()
	if err != nil {
		e.find(FindingUnknown, "Redis Cluster", "%v", err)
		return
	}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) > 2 && strings.Contains(fields[2], "fail") {
			where := "Redis " + strings.Split(fields[1], "@")[0]
			e.find(FindingRedisCluster, where, "the others say of it: %s", fields[2])
		}
	}
}
