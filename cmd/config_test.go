package cmd

import (
	"bytes"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// run runs `hongbao config` with an environment, without reaching anything.
func runConfig(t *testing.T, environ []string, args ...string) (code int, out string) {
	t.Helper()
	var text bytes.Buffer
	at := console{out: &text, err: &text, environ: environ}
	line, err := at.read(args)
	if err != nil {
		t.Fatal(err)
	}
	line.parsed.Bind(at, line.cli)
	if err := line.parsed.Run(); err != nil {
		code = 1
		fmt.Fprint(&text, err)
	}
	return code, text.String()
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// All that is wrong is told, by the name of the place where it stands, each once.
func TestConfigCheckTellsEverything(t *testing.T) {
	path := write(t, "hongbao.yaml", `
redis: [redis-0:6379]
mysql: ["hongbao:geheim@tcp(db0:3306)"]
shards: 8
redsi: oops
placement: {7: 3}
gateway:
  http: nowhere
  rpc: [rpc-0:8888, rpc-1]
`)
	environ := []string{"HONGBAO_WAIT_REPLICAS=-9", "HONGBAO_MAX_SHARES=many"}
	code, out := runConfig(t, environ, "config", "check", "--config", path)
	for _, want := range []string{
		`hongbao.yaml:5: "redsi": no command has such a flag`,
		"HONGBAO_MAX_SHARES: expected a valid 64 bit int",
		"rpc, gateway: --token-key is missing",
		"shards: server 0: invalid DSN",
		"shards: placement 7=3: there are shards 0 to 7 and servers 0 to 0",
		"--wait-replicas is at least 0, --wait-timeout at least 1ms",
		`gateway: --http "nowhere" is not an address`,
		`gateway: --rpc "rpc-1" is not an address`,
		"Problems found: 8",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not told", want)
		}
	}
	if code != 1 || strings.Contains(out, "geheim") {
		t.Errorf("exit %d: %s", code, out)
	}
}

func TestConfigCheckOfWhatIsInOrder(t *testing.T) {
	for _, args := range [][]string{
		{"config", "check", "work"},
		{"config", "check", "gateway", "--http", ":8080", "--token-key", publicKey(t)},
		{"config", "check", "--", "rpc", "--token-key", publicKey(t)},
	} {
		if code, out := runConfig(t, nil, args...); code != 0 || !strings.Contains(out, "in order") {
			t.Errorf("%v: exit %d: %s", args, code, out)
		}
	}
}

func publicKey(t *testing.T) string {
	t.Helper()
	key := filepath.Join(t.TempDir(), "token.key")
	if _, err := makePrivateKey(key); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	if code := Main([]string{"token", "x", "--public", "--key", key}, &out, &errs); code != 0 {
		t.Fatal(errs.String())
	}
	return write(t, "token.pub", out.String())
}

// What is shown is in force, names its origin, and holds no password.
func TestConfigShow(t *testing.T) {
	secret := write(t, "mysql", "\nhongbao:geheim@tcp(db0:3306)/\nhongbao:geheim@tcp(db1:3306)/\n")
	path := write(t, "hongbao.yaml", "mysql: file:"+secret+"\nexpiry: 12h\nwork:\n  metrics: :9100\n")
	environ := []string{"HONGBAO_REDIS=redis://u:geheim@r0:6379,:geheim@r1:6379,r2:6379", "HONGBAO_CONFIG=" + path}
	if code, out := runConfig(t, environ, "config", "show", "work", "--no-such-flag"); code == 0 {
		t.Errorf("an unknown flag is shown: %s", out)
	}
	code, out := runConfig(t, environ, "config", "show", "work", "--max-shares", "33")
	for _, want := range []string{
		"redis: ['redis://u:***@r0:6379', 'redis://:***@r1:6379', 'r2:6379'] # HONGBAO_REDIS",
		"mysql: ['hongbao:***@tcp(db0:3306)/', 'hongbao:***@tcp(db1:3306)/'] # " + path + ":1, from " + secret,
		"expiry: 12h0m0s",
		"# " + path + ":2",
		"metrics: :9100",
		"# " + path + ":4",
		"max-shares: 33",
		"# command line",
		"# HONGBAO_CONFIG",
		"shards: 4",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not shown", want)
		}
	}
	if code != 0 || strings.Contains(out, "geheim") || t.Failed() {
		t.Errorf("exit %d:\n%s", code, out)
	}
}

// A problem with a secret never shows it.
func TestSecretsInProblems(t *testing.T) {
	for _, environ := range [][]string{
		{"HONGBAO_REDIS=redis://u:geheim@:x:y"},
		{"HONGBAO_MYSQL=geheim"},
		{"HONGBAO_MYSQL=u:geheim@unknown(x)/"},
		{"HONGBAO_MYSQL=file:" + write(t, "empty", "\n")},
		{"HONGBAO_MYSQL=file:/does/not/exist"},
	} {
		code, out := runConfig(t, environ, "config", "check", "work")
		if code != 1 || strings.Contains(out, "geheim") {
			t.Errorf("%v: exit %d: %s", environ, code, out)
		}
	}
}

// A command that is told nonsense does not start, whatever command it is.
func TestAnUnknownVariableIsRefused(t *testing.T) {
	t.Setenv("HONGBAO_SHRADS", "8")
	var out, errs bytes.Buffer
	if code := Main([]string{"work"}, &out, &errs); code != 2 ||
		!strings.Contains(errs.String(), "HONGBAO_SHRADS: no command has the flag --shrads") {
		t.Errorf("exit %d: %s", code, errs.String())
	}
}

// What would keep a process from starting is found without starting it.
func TestConfigCheckFindsWhatStartsRefuse(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "secret.keys")
	if err := os.WriteFile(keys, []byte("no key\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ flag, want string }{
		{"--secret-keys=" + keys, keys + ": line 1"},
		{"--art-s3=covers", "the address of the bucket is malformed"},
		{"--cover-validity=-1h", "--cover-validity is at least 1s"},
		{"--max-token-life=0s", "--max-token-life is at least 1s"},
	} {
		code, out := runConfig(t, nil, "config", "check", "--", "rpc", "--token-key", publicKey(t), c.flag)
		if code != 1 || !strings.Contains(out, c.want) {
			t.Errorf("%s: exit %d: %s", c.flag, code, out)
		}
	}
}

// A value that is wrong is refused before a server is started.
func TestValuesAreCheckedFirst(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	for _, args := range [][]string{
		{"migrate", "--buckets-per-shard=0"}, {"audit", "--shards=0"},
		{"recover", "--prefix=Ä"}, {"up", "--http=x"}, {"work", "--metrics=9100"}, {"work", "--wait-replicas=-1"},
		{"up", "--max-mean-in=JPY=0"}, {"up", "--max-mean-in=JPY=9007199254740992"}, {"up", "--max-mean-in=XXQ=5"},
	} {
		var out, errs bytes.Buffer
		if code := Main(append(args, "--data", data), &out, &errs); code != 1 || errs.Len() == 0 {
			t.Errorf("%v: exit %d: %s", args, code, errs.String())
		}
	}
	if _, err := os.Stat(data); err == nil {
		t.Error("something was started")
	}
}

// A command that looks or operates makes no installation where there is none.
func TestNothingIsMadeByTheWay(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	for _, args := range [][]string{
		{"doctor"}, {"audit"}, {"trail"}, {"recover"}, {"work"}, {"freeze"}, {"resolve"}, {"shard", "list"},
		{"backup", "create", filepath.Join(t.TempDir(), "backup")}, {"doctor", "--mysql", "root@tcp(127.0.0.1:1)/"},
	} {
		var out, errs bytes.Buffer
		want := "hongbao: there is no installation in " + data + ": give "
		if code := Main(append(args, "--data", data), &out, &errs); code != 1 ||
			!strings.HasPrefix(errs.String(), want) {
			t.Errorf("%v: exit %d: %s", args, code, errs.String())
		}
	}
	if _, err := os.Stat(data); err == nil {
		t.Error("something was started")
	}
}

// An address that is taken is told before an installation is made.
func TestATakenAddressIsToldFirst(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	data := filepath.Join(t.TempDir(), "data")
	for _, flag := range []string{"--rpc", "--http", "--metrics"} {
		var out, errs bytes.Buffer
		code := Main([]string{"up", "--data", data, "--rpc=127.0.0.1:0", "--http=127.0.0.1:0",
			flag + "=" + taken.Addr().String()}, &out, &errs)
		if code != 1 || !strings.HasSuffix(errs.String(), "address already in use: give another "+flag+"\n") {
			t.Errorf("%s: exit %d: %s", flag, code, errs.String())
		}
	}
	if _, err := os.Stat(data); err == nil {
		t.Error("something was started")
	}
}

var writeDocuments = flag.Bool("write", false, "write docs/configuration.md instead of comparing it")

// The table of flags in docs/configuration.md is what the commands have.
func TestConfigurationDocument(t *testing.T) {
	const path, begin, end = "../docs/configuration.md", "<!-- flags: begin -->\n", "<!-- flags: end -->\n"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(text), begin)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no %s…%s", path, begin, end)
	}
	want := head + begin + flagTable() + end + tail
	if *writeDocuments {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(text) != want {
		t.Errorf("%s is out of date: run go test ./cmd -run TestConfigurationDocument -write", path)
	}
}

// The runbooks and the pages about deployment name no flag that no command has.
func TestRunbooksNameFlagsThatExist(t *testing.T) {
	known := map[string]bool{}
	for _, f := range (console{}).newLine().source.Flags() {
		known["--"+f.Name] = true
	}
	var pages []string
	for _, pattern := range []string{"../docs/runbooks/*.md", "../deploy/*.md", "../deploy/*/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	if len(pages) < 30 {
		t.Fatalf("only %q were found", pages)
	}
	spans, flags := regexp.MustCompile("`(?:hongbao |--)[^`]*`"), regexp.MustCompile(`--[a-z][a-z0-9-]*`)
	for _, page := range pages {
		for _, span := range spans.FindAllString(read(t, page), -1) {
			for _, name := range flags.FindAllString(span, -1) {
				if !known[name] && !known[strings.Replace(name, "--no-", "--", 1)] {
					t.Errorf("%s has %s: no command has the flag %s", page, span, name)
				}
			}
		}
	}
}

// flagTable are all flags of commands that read the file, a row for each flag with the same meaning.
func flagTable() string {
	type row struct {
		flag, variable, usual, help string
		commands                    []string
	}
	var rows []*row
	line := console{}.newLine()
	for _, f := range line.source.Flags() {
		command := f.Command
		switch command {
		case "child", "echo":
			continue
		case "":
			command = "all"
		}
		r := &row{"--" + f.Name, f.Variable, f.Default, f.Help, []string{command}}
		at := slices.IndexFunc(rows, func(o *row) bool {
			return o.flag == r.flag && o.usual == r.usual && o.help == r.help
		})
		if at < 0 {
			rows = append(rows, r)
		} else if !slices.Contains(rows[at].commands, command) {
			rows[at].commands = append(rows[at].commands, command)
		}
	}
	var text strings.Builder
	text.WriteString("\n| flag | variable | commands | default | meaning |\n|---|---|---|---|---|\n")
	for _, r := range rows {
		usual := ""
		if r.usual != "" {
			usual = "`" + r.usual + "`"
		}
		commands := strings.Join(r.commands, ", ")
		fmt.Fprintf(&text, "| `%s` | `%s` | %s | %s | %s |\n", r.flag, r.variable, commands, usual,
			strings.ReplaceAll(r.help, "|", `\|`))
	}
	return text.String() + "\n"
}
