package app

// Finding is something that Examine found wrong.
type Finding struct {
	Name  string `json:"name"`  // one of those of Advices
	Where string `json:"where"` // a server, a shard, or empty
	What  string `json:"what"`  // what was seen
}

// Names of findings. They never change: runbooks and scripts go by them.
const (
	FindingMySQLUnreachable   = "mysql_unreachable"
	FindingMySQLVolatile      = "mysql_volatile"
	FindingMySQLReadOnly      = "mysql_read_only"
	FindingMySQLConnections   = "mysql_connections"
	FindingNotInstalled       = "not_installed"
	FindingInstalledOtherwise = "installed_otherwise"
	FindingShardMissing       = "shard_missing"
	FindingShardFenced        = "shard_fenced"
	FindingServerUnknown      = "server_unknown"
	FindingTablesOlder        = "tables_older"
	FindingTablesNewer        = "tables_newer"
	FindingRedisUnreachable   = "redis_unreachable"
	FindingRedisVolatile      = "redis_volatile"
	FindingRedisNotSaving     = "redis_not_saving"
	FindingRedisFull          = "redis_full"
	FindingRedisReplicas      = "redis_replicas"
	FindingRedisCluster       = "redis_cluster"
	FindingPotsLost           = "pots_lost"
	FindingPotsForeign        = "pots_foreign"
	FindingClocksDiffer       = "clocks_differ"
	FindingNoWorker           = "no_worker"
	FindingSettlingSlow       = "settling_slow"
	FindingClearingSlow       = "clearing_slow"
	FindingEventsSlow         = "events_slow"
	FindingHoldsOverdue       = "holds_overdue"
	FindingPostsRejected      = "posts_rejected"
	FindingUnknown            = "not_examined"
)

// Advice says what a finding means and what to do, and which page of docs/runbooks says more.
type Advice struct{ Means, Do, Runbook string }

// Advices are those of all findings.
func Advices() map[string]Advice {
	return map[string]Advice{
		FindingMySQLUnreachable: {"Wallets and envelopes of its shards cannot be used; the others can.",
			"Start the server, or correct its address in --mysql.", "mysql-unreachable"},
		FindingMySQLVolatile: {"After a crash of the machine, commits of the last second may be gone: money that " +
			"was acknowledged.", "Set innodb_flush_log_at_trx_commit = 1, and with a binary log sync_binlog = 1. A " +
			"TiDB needs a TiKV.", "mysql-volatile"},
		FindingMySQLReadOnly: {"Every change to a wallet of its shards fails.",
			"Make sure that it is the primary, then SET GLOBAL read_only = 0.", "mysql-unreachable"},
		FindingMySQLConnections: {"Soon it refuses connections. Each process may open 32 to each server.",
			"Raise max_connections, or run fewer processes.", "mysql-pool-waits"},
		FindingNotInstalled: {"There is nothing on these servers, or not under this --prefix.",
			"Run hongbao migrate with the same --mysql, --redis and --prefix.", "not-installed"},
		FindingInstalledOtherwise: {"Wallets would be looked for on the wrong shards, so no process starts.",
			"Correct --shards: the number never changes.", "not-installed"},
		FindingShardMissing: {"Its wallets and envelopes are out of sight, not lost: the configuration looks for " +
			"them in the wrong place.", "Correct --placement or the order of --mysql.", "shard-missing"},
		FindingShardFenced: {"Its tables are out of reach: it is being switched to another server, which takes a " +
			"moment, or whoever moved it died in that moment.",
			"Look again: a worker gives it back. Otherwise run hongbao shard move once more, or hongbao shard undo.",
			"move-a-shard"},
		FindingServerUnknown: {"The wallets and envelopes of its shards cannot be used by processes with this " +
			"configuration, and none starts.", "Name the server with --mysql, spelled as hongbao shard list shows it.",
			"move-a-shard"},
		FindingTablesOlder: {"Processes of this version do not start.", "Run hongbao migrate of this version.",
			"versions-mixed"},
		FindingTablesNewer: {"Processes of this version do not start.",
			"Run the version that migrated the tables, or a later one.", "versions-mixed"},
		FindingRedisUnreachable: {"Nobody can grab, and nothing is settled. No money is lost.",
			"Start it, or correct --redis.", "redis-unreachable"},
		FindingRedisVolatile: {"After its restart it may have forgotten who won: wins are lost, and shares given " +
			"away twice.", "Set appendonly yes, appendfsync always, maxmemory-policy noeviction.", "redis-volatile"},
		FindingRedisNotSaving: {"What it acknowledges is in its memory only.",
			"Look at its log and its disk: full, or failing?", "redis-volatile"},
		FindingRedisFull: {"Without memory it refuses every grab.",
			"Raise maxmemory or move buckets to more nodes.", "redis-full"},
		FindingRedisReplicas: {"A grab waits for replicas that are not there (--wait-replicas), and then fails; " +
			"without any, the loss of the primary is the loss of what it acknowledged.", "Bring the replicas back.",
			"redis-replicas"},
		FindingRedisCluster: {"Grabs of the buckets in its missing slots fail.",
			"redis-cli --cluster check, then bring back the nodes that failed.", "redis-unreachable"},
		FindingPotsLost: {"Redis has forgotten pots. Grabs are refused rather than given away twice.",
			"Make sure that this is the right Redis, then run hongbao recover.", "pots-lost"},
		FindingPotsForeign: {"This Redis belongs to another installation, so no process starts.",
			"Correct --redis, or --mysql and --prefix.", "pots-lost"},
		FindingClocksDiffer: {"Envelopes and tokens end too early or too late, and ages are wrong.",
			"Synchronise the clocks (chrony, systemd-timesyncd).", "clocks-differ"},
		FindingNoWorker: {"Grabs are acknowledged and not settled; nothing is refunded or delivered.",
			"Run hongbao work.", "shard-without-worker"},
		FindingSettlingSlow: {"Winners wait for money that is theirs.", "Look at the workers of these shards.",
			"settling-slow"},
		FindingClearingSlow: {"Money has left its payer and not reached its receiver. It is in the clearing account.",
			"Look at the shards' servers and the workers' log.", "clearing-slow"},
		FindingEventsSlow: {"Merchants and listeners are not told what has happened. Money is not affected.",
			"Look at the workers' log.", "webhooks-behind"},
		FindingHoldsOverdue: {"Money is held whose time is over; it should have gone back.",
			"Look at the workers' log, then run hongbao audit, which names each.", "holds-overdue"},
		FindingPostsRejected: {"Redis asked for payments that contradict the ledger. They were not made; somebody " +
			"was told that they won.", "Run hongbao audit and decide by the books.", "ledger-rejections"},
		FindingUnknown: {"This part could not be looked at.", "Mend what else was found, then look again.",
			"not-installed"},
	}
}
