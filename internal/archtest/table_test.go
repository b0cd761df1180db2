package archtest

// module is the prefix of our own import paths.
const module = "github.com/hongbao/hongbao"

// row says what one place may import besides the standard library, itself and what its kind may. A place is a folder and
// the folders under it that have no row of their own.
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
	jwt        = "github.com/golang-jwt/jwt/v5"
	mysqlWire  = "github.com/go-sql-driver/mysql"
	goose      = "github.com/pressly/goose/v3"
	rueidis    = "github.com/redis/rueidis"
	sonyflake  = "github.com/sony/sonyflake/v2"
	prometheus = "github.com/prometheus/client_golang"
	otter      = "github.com/maypok86/otter/v2"
	xsync      = "golang.org/x/sync"
	xtext      = "golang.org/x/text"
)

// table is the import table of the design. Not in it because it is empty: what a domain package may know of kitex, of a
// database, of HTTP.
func table() []row {
	return []row{
		{"wallet", domain, []string{xtext}},
		{"envelope", domain, []string{"wallet", "internal/loop", otter, xsync}},
		{"envelope/cover", domain, []string{"wallet", "internal/loop", otter, xsync}},
		{"transfer", domain, []string{"wallet", "internal/loop", otter, xsync}},
		{"group", domain, []string{"wallet", otter}},
		{"internal/loop", domain, []string{xsync}},

		{"wallet/mysqlledger", adapter, []string{"wallet", "internal/shards", mysqlWire, goose, sonyflake}},
		{"envelope/redispot", adapter, []string{"envelope", "wallet", rueidis}},
		{"envelope/mempot", adapter, []string{"envelope", "wallet"}},
		{"wallet/httpfunding", adapter, []string{"wallet", "internal/signature"}},
		{"group/mysqlgroup", adapter, []string{"group", "wallet", "internal/shards", mysqlWire}},
		{"push", adapter, []string{gorilla}}, // knows no money
		{"push/redisbus", adapter, []string{"push", rueidis}},
		// The two below know wallet for its refusals and its rule for ids, which are the same everywhere.
		{"internal/shards", adapter, []string{"wallet", mysqlWire, goose}},
		{"internal/roster", adapter, []string{"wallet", rueidis}},
		{"internal/revoked", adapter, []string{rueidis}}, // tokens that are no longer good, known on every node
		{"internal/devstack", adapter, []string{mysqlWire, rueidis}},

		{"internal/signature", adapter, nil},

		{"idl", adapter, nil},
		{"kitex_gen", adapter, []string{cloudwego}},
		{"internal/thriftguard", adapter, []string{cloudwego}},
		// What an application imports, so it needs nothing of the server.
		{"client", adapter, []string{"kitex_gen", "internal/thriftguard", cloudwego, kitexTools, gorilla}},
		{"handler", adapter, []string{"client", "idl", "kitex_gen", "internal/thriftguard", "wallet", "envelope", "envelope/cover",
			"transfer", "group", "push", cloudwego, kitexTools, jwt}},
		// Through the public RPC and WebSocket only, as any client.
		{"bench", adapter, []string{"bench/load", "bench/report", "client", "kitex_gen", histogram, yamlFiles, bars}},
		{"bench/load", adapter, []string{histogram, kernel}},
		{"bench/report", adapter, []string{svgCharts}},
		// Bare mechanisms, which is why it knows theirs and nothing of ours.
		{"bench/yardstick", adapter, []string{"bench/load", cloudwego, rueidis, mysqlWire}},

		// A bank to try money in and out with. It shares the signatures with us and nothing else, as a real one would.
		{"deploy/bank", adapter, []string{"internal/signature", kong}},

		{".", wiring, []string{"internal/cmd"}}, // main.go
		{"internal/cmd", wiring, []string{everything}},
		{"internal/system", wiring, []string{"wallet", "wallet/mysqlledger", "envelope", "envelope/redispot", "envelope/cover",
			"transfer", "group", "group/mysqlgroup", "push", "push/redisbus", "internal/loop", "internal/roster",
			"internal/shards", rueidis}}, // an installation, without an edge

		{"envelope/pottest", testSupport, nil},
		{"internal/system/systemtest", testSupport, nil},
		{"internal/shards/shardstest", testSupport, nil},
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

// topLevel is what may stand in the repository's root, hidden files apart. ignored is what the programs and go put there.
func topLevel() (may, ignored []string) {
	may = []string{
		"idl", "kitex_gen", "handler", "envelope", "wallet", "bench", "deploy", "go.mod", "README.md", // the user's
		"main.go", "client", "push", "transfer", "internal", "docs", "Makefile", "group", "BENCHMARKS.md", // ours
		"go.sum", "staticcheck.conf", // belong to the tools, which look for them here
	}
	return may, []string{"data", "bin", "bench-results", "handler/web/node_modules"}
}

// neverFolders are names that say nothing about what is inside.
func neverFolders() []string { return []string{"pkg", "common", "util", "dal", "model"} }

// maxLines is how long a source file may be at most; it should rarely be half of that.
const maxLines = 800

// sources are the files that are counted.
func sources() []string {
	return []string{".go", ".lua", ".sql", ".sh", ".thrift", ".md", ".yaml", ".yml", "Makefile"}
}

// uncounted are folders of generated files and of assets that a browser gets as they are.
func uncounted() []string {
	return []string{"kitex_gen", "bench/yardstick/kitex_gen", "handler/web/static"}
}
