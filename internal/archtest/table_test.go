package archtest

// module is the prefix of our own import paths.
const module = "github.com/hongbao/hongbao"

// row says what one place may import besides the standard library, itself and what its kind may. A place is a folder
// and the folders under it that have no row of their own.
type row struct {
	place string
	kind  kind
	may   []string // places of ours, or external modules
}

type kind int

const (
	// domain is a package that would be the same on any database, wire or broker.
	domain kind = iota + 1
	// adapter binds the domain, or the program, to one technology.
	adapter
	// wiring knows every concrete type, and nobody but other wiring may know it.
	wiring
	// testSupport is imported by tests and other test support only; it may import everything.
	testSupport
)

// External modules, by the name that this table gives them.
const (
	cloudwego  = "github.com/cloudwego"
	kitexTools = "github.com/bytedance/gopkg" // metainfo, kitex's way to pass values along
	gorilla    = "github.com/gorilla/websocket"
	kong       = "github.com/alecthomas/kong"
	kernel     = "golang.org/x/sys"
	histogram  = "github.com/HdrHistogram/hdrhistogram-go"
	yamlFiles  = "go.yaml.in/yaml/v3"
	svgCharts  = "github.com/go-analyze/charts"
	bars       = "github.com/schollz/progressbar/v3"
	jwks       = "github.com/MicahParks/jwkset"
	jwt        = "github.com/golang-jwt/jwt/v5"
	mysqlWire  = "github.com/go-sql-driver/mysql"
	binlog     = "github.com/go-mysql-org/go-mysql"
	goose      = "github.com/pressly/goose/v3"
	rueidis    = "github.com/redis/rueidis"
	sonyflake  = "github.com/sony/sonyflake/v2"
	prometheus = "github.com/prometheus/client_golang"
	otter      = "github.com/maypok86/otter/v2"
	otel       = "go.opentelemetry.io/otel"
	xsync      = "golang.org/x/sync"
	xtext      = "golang.org/x/text"
	ximage     = "golang.org/x/image"
	imagemeta  = "github.com/bep/imagemeta"
	minioGo    = "github.com/minio/minio-go/v7"
	esbuild    = "github.com/evanw/esbuild" // bundles of pages
	brotli     = "github.com/andybalholm/brotli"
	etcd       = "go.etcd.io/etcd/client/v3"
	zap        = "go.uber.org/zap" // the logger that etcd's client wants
)

// table is the import table of the design. Not in it because it is empty: what a domain package may know of kitex, of a
// database, of HTTP.
func table() []row {
	return []row{
		// Vocabulary and rules.
		{"internal/refusal", domain, nil},
		{"internal/loop", domain, nil},
		{"internal/pots", domain, []string{"internal/loop"}},      // what a crowd races for, whatever lies in it
		{"internal/gather", domain, []string{"internal/refusal"}}, // calls that come together go together
		{"wallet/ledger", domain, []string{"internal/refusal", "internal/loop", xtext}},
		{"wallet", domain, []string{"wallet/ledger", "internal/refusal"}},

		// Products. None knows another one, but that covers are a merchant's.
		{"envelope", domain, []string{"wallet/ledger", "internal/refusal", "internal/loop", "internal/pots", otter,
			xsync}},
		{"transfer", domain, []string{"wallet/ledger", "internal/refusal", "internal/loop"}},
		{"collection", domain, []string{"wallet/ledger", "internal/refusal", "internal/loop"}},
		// Messages and names, for installations whose chat is the page.
		{"chat", domain, []string{"wallet/ledger", "internal/refusal"}},
		{"merchant", domain, []string{"wallet/ledger", "internal/refusal", "internal/loop"}},
		// Branded covers: their art and review, and which of them may be used at a time. They are a merchant's.
		{"cover", domain, []string{"merchant", "wallet/ledger", "internal/refusal", "internal/loop", otter}},
		// The pieces of covers: bought, given away, claimed, held.
		{"cover/stock", domain, []string{"cover", "merchant", "wallet/ledger", "internal/refusal", "internal/loop",
			"internal/pots", otter}},
		{"group", domain, []string{"internal/refusal", otter}},
		{"webhook", domain, []string{"wallet/ledger", "internal/refusal", "internal/loop"}},
		// Decides by rules about what was claimed of late whether somebody may claim money now.
		{"risk", domain, []string{"wallet/ledger", "internal/refusal", yamlFiles}},

		// Mechanisms, which know no domain.
		{"internal/shards", adapter, []string{"internal/refusal", "internal/loop", mysqlWire, goose, sonyflake}},
		// Lends each process a number, to make ids with.
		{"internal/nodes", adapter, []string{"internal/shards", "internal/loop", "internal/refusal"}},
		{"internal/outbox", adapter, []string{"internal/shards", "internal/loop"}},
		// Copies all shards as of one moment with MariaDB's own tools, and loads such a copy into empty servers.
		{"internal/backup", adapter, []string{"internal/shards", "internal/loop", mysqlWire}},
		{"internal/shardmove", adapter, []string{"internal/shards", "internal/loop", mysqlWire, binlog}},
		{"internal/index", adapter, []string{"internal/shards", "internal/outbox"}},
		{"internal/pots/redisbucket", adapter, []string{"internal/pots", "internal/refusal", rueidis}},
		{"internal/membership", adapter, []string{"internal/refusal", rueidis}},
		{"internal/revoked", adapter, []string{rueidis}},   // tokens that are no longer good, known on every node
		{"internal/ratelimit", adapter, []string{rueidis}}, // how often somebody may do something, over all nodes
		{"internal/signature", adapter, nil},
		{"internal/sealed", adapter, nil}, // encrypts small secrets under named keys
		// An untrusted PNG, JPEG or WebP stream becomes safe images.
		{"internal/picture", adapter, []string{ximage, imagemeta}},
		{"internal/thriftguard", adapter, []string{cloudwego}},
		{"internal/personal", adapter, []string{"internal/shards"}}, // what is kept of a user
		// Who did what, in an order nobody changes unseen.
		{"internal/trail", adapter, []string{"internal/personal", "internal/refusal", "internal/shards"}},
		{"internal/certs", adapter, nil},                          // TLS from files that may be replaced
		{"internal/settings", adapter, []string{kong, yamlFiles}}, // flags from a file and the environment
		{"internal/tracing", adapter, []string{otel, cloudwego, kitexTools}},
		// Announces in etcd where a process serves, and finds those that do.
		{"internal/discovery", adapter, []string{etcd, zap}},
		{"internal/discovery/etcdtest", testSupport, nil},
		{"internal/devstack", adapter, []string{mysqlWire, rueidis}},
		{"push", adapter, []string{gorilla}}, // knows no money
		{"push/redisbus", adapter, []string{"push", rueidis}},

		// Adapters of domains.
		{"wallet/mysqlledger", adapter, []string{"wallet", "wallet/ledger", "internal/refusal", "internal/personal",
			"internal/shards", "internal/outbox", "internal/index", "internal/gather"}},
		{"wallet/memledger", adapter, []string{"wallet", "wallet/ledger", "internal/refusal"}},
		// What an audit has read for good.
		{"wallet/seal", adapter, []string{"wallet", "wallet/ledger", "wallet/mysqlledger", "internal/shards"}},
		{"wallet/audit", adapter, []string{"wallet", "wallet/ledger", "wallet/mysqlledger", "wallet/seal",
			"internal/shards", "internal/outbox", "internal/index"}},
		// Sealed rows go into files that can be checked, and then out of the ledger.
		{"wallet/archive", adapter, []string{"wallet", "wallet/ledger", "wallet/mysqlledger", "wallet/seal",
			"internal/shards"}},
		{"wallet/httpfunding", adapter, []string{"wallet", "wallet/ledger", "internal/refusal", "internal/signature"}},
		{"envelope/redispot", adapter, []string{"envelope", "internal/refusal", "internal/loop", "internal/pots",
			"internal/gather",
			"internal/pots/redisbucket", rueidis}},
		{"envelope/mempot", adapter, []string{"envelope", "internal/refusal", "internal/pots"}},
		{"collection/mysqlcollection", adapter, []string{"collection", "wallet/ledger", "wallet/mysqlledger",
			"wallet/audit",
			"internal/refusal", "internal/personal", "internal/shards"}},
		{"chat/mysqlchat", adapter, []string{"chat", "wallet/ledger", "wallet/mysqlledger", "internal/refusal",
			"internal/personal", "internal/shards"}},
		{"merchant/mysqlmerchant", adapter, []string{"merchant", "wallet/ledger", "wallet/mysqlledger", "wallet/audit",
			"internal/refusal", "internal/personal", "internal/shards"}},
		{"cover/mysqlcover", adapter, []string{"cover", "merchant", "wallet/ledger", "wallet/mysqlledger",
			"wallet/audit", "internal/refusal", "internal/personal", "internal/shards"}},
		{"cover/diskart", adapter, []string{"cover"}},        // files in a folder
		{"cover/s3art", adapter, []string{"cover", minioGo}}, // files in a bucket
		{"cover/stock/redisstock", adapter, []string{"cover/stock", "internal/refusal", "internal/loop",
			"internal/pots", "internal/gather",
			"internal/pots/redisbucket", rueidis}},
		{"cover/stock/mysqlstock", adapter, []string{"cover/stock", "merchant", "wallet/ledger", "wallet/mysqlledger",
			"wallet/audit", "internal/refusal", "internal/personal", "internal/shards", "internal/outbox",
			"internal/pots"}},
		{"webhook/mysqlwebhook", adapter, []string{"webhook", "wallet/ledger", "wallet/mysqlledger", "wallet/audit",
			"internal/refusal", "internal/shards", "internal/outbox", "internal/signature", "internal/sealed",
			"internal/loop"}},
		{"webhook/httpsender", adapter, []string{"webhook", "internal/signature"}},
		{"risk/redisrisk", adapter, []string{"risk", rueidis}},
		{"risk/mysqlrisk", adapter, []string{"risk", "wallet", "wallet/ledger", "wallet/mysqlledger",
			"internal/refusal", "internal/personal", "internal/shards"}},
		{"group/mysqlgroup", adapter, []string{"group", "internal/refusal", "internal/personal", "internal/shards"}},

		// The edge.
		{"idl", adapter, nil},
		{"kitex_gen", adapter, []string{cloudwego}},
		// What an application imports, so it needs nothing of the server.
		{"client", adapter, []string{"kitex_gen", "internal/thriftguard", cloudwego, kitexTools, gorilla}},
		{"handler", adapter, []string{"handler/auth", "handler/contract", "handler/problem", "client", "kitex_gen",
			"internal/thriftguard", "wallet", "wallet/ledger", "internal/refusal", "internal/ratelimit",
			"internal/trail", "envelope", "transfer", "collection", "chat", "merchant", "cover", "cover/stock",
			"webhook", "internal/signature", "group", "risk", cloudwego, kitexTools}},
		// What an error means outside, so it knows whose codes there are.
		{
			"handler/problem",
			adapter,
			[]string{"client", "wallet", "internal/refusal", "envelope", "transfer", "collection",
				"merchant", "cover", "cover/stock", "webhook", "group", "risk", "internal/pots",
				cloudwego, rueidis, otel},
		},
		{"handler/auth", adapter, []string{"handler/problem", "internal/refusal", "merchant", jwt, jwks}},
		{"handler/auth/keyset", adapter, []string{"handler/auth"}}, // keys from files and an address
		{"handler/contract", adapter, []string{"handler/auth", "idl", "kitex_gen", cloudwego}},
		// Reaches the services through Kitex only, as any client.
		{
			"handler/gateway",
			adapter,
			[]string{"handler/auth", "handler/contract", "handler/problem", "client", "kitex_gen",
				"wallet", "wallet/ledger", "cover", "merchant", "internal/refusal", "internal/ratelimit",
				"internal/gather", "push", cloudwego, kitexTools, otel},
		},
		{"handler/web", adapter, []string{esbuild, brotli}},

		// Through the public client only, as any application.
		{"bench", adapter, []string{"bench/load", "bench/report", "client", "kitex_gen", histogram, yamlFiles, bars}},
		{"bench/load", adapter, []string{histogram, kernel}},
		{"bench/report", adapter, []string{svgCharts}},
		// A model of many machines; it runs nothing of ours.
		{"bench/capacity", adapter, nil},
		// Bare mechanisms, which is why it knows theirs and nothing of ours.
		// A module of its own, which measures the feed beside another library.
		{"bench/peers", adapter, []string{"push", "github.com/centrifugal/centrifuge", gorilla}},
		{"bench/yardstick", adapter, []string{"bench/load", cloudwego, gorilla, rueidis, mysqlWire}},

		// A bank to try money in and out with. It shares the signatures with us and nothing else, as a real one would.
		{"deploy/bank", adapter, []string{"internal/signature", kong}},

		// Starts servers and our binary as an operator would, and knows nothing of what is in it.
		{"deploy/local-cluster", adapter, []string{kong}},

		// A module of its own, so that what it needs is none of ours.
		{"deploy/check", adapter, []string{"github.com/compose-spec/compose-go"}},

		{".", wiring, []string{"cmd"}}, // main.go
		{"cmd", wiring, []string{everything}},
		{"app", wiring, []string{"wallet", "wallet/ledger", "wallet/mysqlledger", "wallet/audit",
			"wallet/archive", "wallet/seal", "envelope", "envelope/redispot",
			"transfer", "collection", "collection/mysqlcollection", "chat", "chat/mysqlchat", "group",
			"group/mysqlgroup", "merchant",
			"merchant/mysqlmerchant", "cover", "cover/mysqlcover", "cover/stock", "cover/stock/mysqlstock",
			"cover/stock/redisstock", "push", "push/redisbus", "risk", "risk/mysqlrisk", "risk/redisrisk", "webhook",
			"webhook/mysqlwebhook", "webhook/httpsender",
			"internal/backup", "internal/loop", "internal/membership", "internal/nodes", "internal/outbox",
			"internal/pots",
			"internal/pots/redisbucket", "internal/picture", "internal/ratelimit",
			"internal/personal", "internal/refusal", "internal/revoked", "internal/sealed", "internal/shards",
			"internal/shardmove",
			"internal/trail", rueidis}}, // no edge

		// A simulation in memory, which finds its own worlds.
		{"internal/vopr", wiring, []string{"wallet", "wallet/ledger", "wallet/memledger", "envelope", "envelope/mempot",
			"internal/pots"}},

		{"wallet/ledger/ledgertest", testSupport, nil},
		{"envelope/pottest", testSupport, nil},
		{"cover/arttest", testSupport, nil},
		{"app/apptest", testSupport, nil},
		{"handler/handlertest", testSupport, nil},
		{"internal/shards/shardstest", testSupport, nil},
		{"internal/certs/certstest", testSupport, nil},
		{"internal/simulation", testSupport, nil},
		{"internal/archtest", testSupport, nil},
	}
}

// everything stands for all of our places but test support, and all external modules.
const everything = "*"

// kindMay is what every place of a kind may import, whatever its row says.
func kindMay() map[kind][]string {
	return map[kind][]string{
		// Metrics leave a domain package through small interfaces of its own.
		domain:      nil,
		adapter:     {prometheus, otter, xsync},
		wiring:      {prometheus, otter, xsync},
		testSupport: {everything},
	}
}

// domainNever are the parts of the standard library that belong to an adapter.
func domainNever() []string { return []string{"database/sql", "net/http", "net/rpc"} }

// topLevel is what may stand in the repository's root, hidden files apart. ignored is what the programs and go put
// there.
func topLevel() (may, ignored []string) {
	may = []string{
		"idl", "kitex_gen", "handler", "envelope", "wallet", "bench", "deploy", "go.mod", "README.md", // the user's
		"main.go", "cmd", "app", "client", "push", "transfer", "collection", "merchant", "cover", "webhook", // ours
		"chat",
		"group", "risk",
		"internal", "docs",
		"Makefile", "BENCHMARKS.md", "LICENSE", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md",
		"go.sum", "staticcheck.conf", // belong to the tools, which look for them here
	}
	return may, []string{"data", "bin", "bench-results", "handler/web/node_modules"}
}

// neverFolders are names that say nothing about what is inside.
func neverFolders() []string { return []string{"pkg", "common", "util", "dal", "model"} }

// maxLines is how long a source file may be at most; it should rarely be half of that.
const maxLines = 800

// sources are the files whose lengths, and those of their lines, are limited.
func sources() []string {
	return []string{".go", ".lua", ".sql", ".sh", ".thrift", ".md", ".yaml", ".yml", "Makefile"}
}

// uncounted are folders of generated files and of assets that a browser gets as they are; Prettier folds the latter.
func uncounted() []string {
	return []string{"kitex_gen", "bench/yardstick/kitex_gen", "handler/web/static", "deploy/check/rendered"}
}
