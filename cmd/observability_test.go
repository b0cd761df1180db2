package cmd

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hongbao/hongbao/app"
	"github.com/hongbao/hongbao/app/apptest"
	"github.com/hongbao/hongbao/client"
	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/contract"
	"github.com/hongbao/hongbao/internal/certs/certstest"
	"github.com/hongbao/hongbao/internal/signature"
	"github.com/hongbao/hongbao/wallet/httpfunding"
)

// expression is a query of a board or an alert, and where it stands.
type expression struct{ where, text string }

// Boards and alerts ask for metrics that a process exports, and for methods that the services have.
func TestBoardsAndAlertsAskForWhatThereIs(t *testing.T) {
	metrics, methods := exported(t), promisedMethods(t)
	all := append(boardExpressions(t), alertExpressions(t)...)
	if len(all) < 60 {
		t.Fatalf("only %d expressions were read", len(all))
	}
	names := regexp.MustCompile(`\b(hongbao|go|process)_[a-z0-9_]+\b`)
	calls := regexp.MustCompile(`method(=~?)"([^"]+)"`)
	for _, e := range all {
		found := names.FindAllString(e.text, -1)
		if len(found) == 0 && !strings.Contains(e.text, "up{") {
			t.Errorf("%s asks for no metric of ours: %s", e.where, e.text)
		}
		for _, name := range found {
			if !metrics[name] {
				t.Errorf("%s asks for %s, which no process exports", e.where, name)
			}
		}
		for _, call := range calls.FindAllStringSubmatch(e.text, -1) {
			pattern := regexp.MustCompile("^(?:" + regexp.QuoteMeta(call[2]) + ")$")
			if call[1] == "=~" {
				pattern = regexp.MustCompile("^(?:" + call[2] + ")$")
			}
			if !slices.ContainsFunc(methods, pattern.MatchString) {
				t.Errorf("%s asks for the method %s, which does not exist", e.where, call[2])
			}
		}
	}
}

// answers waits until an rpc process answers, if only with a refusal: Kitex cannot be stopped before it has started.
func answers(t *testing.T, address string) {
	t.Helper()
	c, err := client.New(client.WithAddress(address), client.WithToken("none"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	apptest.Until(t, "rpc answers", func() bool {
		_, err := c.Wallet.Balances(t.Context())
		return client.Code(err) == client.CodeUnauthenticated
	})
}

// exported are the names of all series that processes of an installation export, as they describe them themselves.
func exported(t *testing.T) map[string]bool {
	t.Helper()
	s := apptest.New(t, nil)
	registry := s.Config().Registerer.(*prometheus.Registry)
	registry.MustRegister(newMetrics())
	issuer, err := makePrivateKey(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	keys := auth.NewKeyring(issuer.PublicKey())
	tokens, err := tokenRules{MaxTokenLife: time.Hour}.tokens(s, keys, auth.Keyring{})
	if err != nil {
		t.Fatal(err)
	}
	secrets, err := signature.ParseSecrets([]byte(signature.NewSecret()))
	if err != nil {
		t.Fatal(err)
	}
	_, err = httpfunding.New(httpfunding.Config{URL: "https://bank.example", Secrets: secrets, Log: s.Config().Log,
		Registerer: registry, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	files := certstest.New(t).Files(time.Now().Add(time.Hour))
	if _, err := openTLS(files, "rpc", console{log: s.Config().Log}, registry); err != nil {
		t.Fatal(err)
	}
	rpc, address, err := listenRPC(s, rpcOptions{address: "127.0.0.1:0", tokens: tokens,
		merchants: merchantRules{MerchantCalls: 100}, metrics: registry})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(apptest.Start(t, func(ctx context.Context) { _ = rpc.Run(ctx) }))
	answers(t, address.String())
	web, err := listenHTTP(s, gatewayOptions{address: "127.0.0.1:0", rpc: []string{address.String()}, tokens: tokens,
		metrics: registry})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = web.gateway.Close(); _ = web.listener.Close() })

	described := make(chan *prometheus.Desc)
	go func() { defer close(described); registry.Describe(described) }()
	series := map[string]bool{}
	name := regexp.MustCompile(`fqName: "([^"]+)"`)
	for d := range described {
		found := name.FindStringSubmatch(d.String())
		if found == nil {
			t.Fatalf("a description without a name: %s", d)
		}
		for _, suffix := range []string{"", "_bucket", "_sum", "_count"} {
			series[found[1]+suffix] = true
		}
	}
	return series
}

func promisedMethods(t *testing.T) (names []string) {
	t.Helper()
	promised, err := contract.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range promised.Sorted() {
		names = append(names, m.Key.String())
	}
	return names
}

func boardExpressions(t *testing.T) (all []expression) {
	files, err := filepath.Glob("../deploy/grafana/*.json")
	if err != nil || len(files) < 6 {
		t.Fatalf("%d boards, %v", len(files), err)
	}
	uids := map[string]string{}
	for _, path := range files {
		var board struct {
			UID    string `json:"uid"`
			Title  string `json:"title"`
			Panels []struct {
				Title   string `json:"title"`
				GridPos struct{ X, Y, W, H int }
				Targets []struct {
					Expr string `json:"expr"`
				} `json:"targets"`
			} `json:"panels"`
		}
		if err := json.Unmarshal([]byte(read(t, path)), &board); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if other, ok := uids[board.UID]; ok || board.UID == "" {
			t.Errorf("%s has the uid of %s", path, other)
		}
		uids[board.UID] = path
		taken := map[[2]int]string{}
		for _, panel := range board.Panels {
			where := fmt.Sprintf("board %q, panel %q", board.Title, panel.Title)
			if len(panel.Targets) == 0 || panel.GridPos.X+panel.GridPos.W > 24 {
				t.Errorf("%s shows nothing, or sticks out", where)
			}
			for x := range panel.GridPos.W {
				for y := range panel.GridPos.H {
					cell := [2]int{panel.GridPos.X + x, panel.GridPos.Y + y}
					if other, ok := taken[cell]; ok && other != panel.Title {
						t.Fatalf("%s lies over %q", where, other)
					}
					taken[cell] = panel.Title
				}
			}
			for _, target := range panel.Targets {
				all = append(all, expression{where, target.Expr})
			}
		}
	}
	return all
}

type rule struct {
	Alert       string
	Expr        string
	Labels      map[string]string
	Annotations map[string]string
}

func alerts(t *testing.T) (all []rule) {
	var file struct{ Groups []struct{ Rules []rule } }
	decode(t, "../deploy/prometheus/alerts.yml", &file)
	for _, group := range file.Groups {
		all = append(all, group.Rules...)
	}
	return all
}

func alertExpressions(t *testing.T) (all []expression) {
	for _, a := range alerts(t) {
		all = append(all, expression{"alert " + a.Alert, a.Expr})
	}
	return all
}

// runbooks is the folder of runbooks, and runbookRoot where it is published.
const (
	runbooks    = "../docs/runbooks"
	runbookRoot = "https://github.com/hongbao/hongbao/blob/main/docs/runbooks/"
)

// Every alert has a severity, a summary and a test of its own; every alert and every finding of the doctor has a
// runbook that names it; no runbook is left over.
func TestEveryAlertAndFindingHasItsRunbook(t *testing.T) {
	tests := read(t, "../deploy/prometheus/alerts.test.yml")
	index := read(t, runbooks+"/README.md")
	for _, a := range alerts(t) {
		if s := a.Labels["severity"]; s != "critical" && s != "warning" || a.Annotations["summary"] == "" {
			t.Errorf("%s has severity %q and summary %q", a.Alert, s, a.Annotations["summary"])
		}
		for _, want := range []string{a.Alert + " fires", a.Alert + " is silent"} {
			if !strings.Contains(tests, "name: "+want+"\n") {
				t.Errorf("no test in alerts.test.yml shows that %s", want)
			}
		}
		page, ok := strings.CutPrefix(a.Annotations["runbook_url"], runbookRoot)
		if _, err := url.Parse(a.Annotations["runbook_url"]); err != nil || !ok {
			t.Errorf("%s has the runbook %q", a.Alert, a.Annotations["runbook_url"])
			continue
		}
		text, err := os.ReadFile(filepath.Join(runbooks, filepath.Base(page)))
		if err != nil {
			t.Error(err)
			continue
		}
		for _, part := range []string{"`" + a.Alert + "`", "## What it means", "## What to do"} {
			if !strings.Contains(string(text), part) {
				t.Errorf("%s does not have %s", page, part)
			}
		}
	}
	for name, advice := range app.Advices() {
		text, err := os.ReadFile(filepath.Join(runbooks, advice.Runbook+".md"))
		if err != nil || !strings.Contains(string(text), "`"+name+"`") {
			t.Errorf("%s does not explain %s: %v", advice.Runbook, name, err)
		}
	}
	pages, err := filepath.Glob(runbooks + "/*.md")
	if err != nil || len(pages) < 10 {
		t.Fatalf("%d runbooks, %v", len(pages), err)
	}
	for _, page := range pages {
		if name := filepath.Base(page); name != "README.md" && !strings.Contains(index, "("+name+")") {
			t.Errorf("%s is not in the index of runbooks", name)
		}
	}
}
