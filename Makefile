# `make` alone lists the targets. The text after ## is the help of a target.

GO       ?= go
ARGS     ?=
FUZZTIME ?= 30s

# Two packages at a time, because each starts its own Redis and MariaDB. go vet is for make lint.
TESTFLAGS ?= -race -vet=off -p 2 -timeout 30m

.PHONY: help deps build pgo run test generate verify lint page-modules page-check deploy-check local-cluster fuzz \
	animation gallery gallery-diff simulate bench peers test-tidb clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s  %s\n", $$1, $$2 }' Makefile

deps: ## install redis-server and mariadb-server if they are missing
	@deploy/install-deps.sh

build: ## compile to bin/hongbao, optimised by bench/default.pgo
	@[ -e bin/hongbao ] || echo 'The first build takes a minute or two of processor time, and prints nothing meanwhile.'
	$(GO) build -pgo=bench/default.pgo -o bin/hongbao .

pgo: deps ## record bench/default.pgo anew, in two minutes
	@bench/pgo.sh

run: deps build ## run everything on this machine, with its data in ./data (flags: ARGS="--http :8080")
	@exec ./bin/hongbao up $(ARGS)

# Exit status 3 of install-deps.sh: only a browser, etcd or Prometheus is missing. The tests run all the same, and those
# that need it name the cause.
test: ## run the whole suite with the race detector, on servers it starts itself; say how long each package took
	@deploy/install-deps.sh --browser --compiler --etcd --prometheus || [ $$? -eq 3 ]
	@-$(MAKE) --no-print-directory page-modules
	@GO='$(GO)' .ci/test $(TESTFLAGS) ./internal/simulation ./... # the longest first

generate: ## generate kitex_gen/ from idl/, and the yardstick's from its own
	$(GO) generate ./idl ./bench/yardstick

verify: ## fail if kitex_gen/, go.mod or the formatting is out of date; changes nothing
	@.ci/verify

lint: page-check ## run go vet, staticcheck and page-check
	$(GO) vet ./...
	$(GO) tool staticcheck $$($(GO) list ./... | grep -v /kitex_gen/)

# The pages themselves have no build step. Only their checks need Node and npm; nothing of theirs is embedded.
page-modules: ## fetch what the checks of the pages need: TypeScript, Prettier, axe-core
	@deploy/install-deps.sh --node
	@[ handler/web/node_modules/.package-lock.json -nt handler/web/package-lock.json ] || \
		(cd handler/web && npm ci --no-audit --no-fund && touch node_modules/.package-lock.json)

page-check: page-modules ## check the page's formatting and types, and test its pure functions under Node
	cd handler/web && npm run --silent check

local-cluster: build ## run the installation of deploy/compose as processes (deploy/local-cluster/README.md)
	@deploy/install-deps.sh --prometheus || [ $$? -eq 3 ]
	$(GO) build -o bin/local-cluster ./deploy/local-cluster
	@exec bin/local-cluster up $(ARGS)

# Not part of make test: its tools take minutes to build the first time.
deploy-check: ## check deploy/ with Helm, Kubernetes' schemas, Compose's loader, promtool and systemd-analyze
	@deploy/check/check.sh $(ARGS)

# PICTURES are in another folder while they are compared.
PICTURES ?= $(CURDIR)/docs/gallery

gallery: page-modules ## make docs/gallery anew: every view, three widths, by day and by night, in both languages
	@deploy/install-deps.sh --browser --compiler --fonts
	HONGBAO_SCREENSHOT_GALLERY='$(PICTURES)' $(GO) test -count=1 -timeout 30m \
		-run '^(TestEveryView|TestConsolesFitAndAreAccessible)$$' ./internal/simulation

gallery-diff: ## take the pictures anew and show which pixels differ from docs/gallery, in gallery-new/differences
	$(MAKE) --no-print-directory gallery PICTURES='$(CURDIR)/gallery-new'
	HONGBAO_SCREENSHOT_BEFORE='$(CURDIR)/docs/gallery' HONGBAO_SCREENSHOT_AFTER='$(CURDIR)/gallery-new' \
		$(GO) test -count=1 -v -run '^TestGalleryDifferences$$' ./internal/simulation

animation: ## make docs/opening.gif anew: an envelope that is opened in two windows
	@deploy/install-deps.sh --browser --compiler --fonts
	HONGBAO_SCREENSHOT_FILM='$(CURDIR)/docs/opening.gif' $(GO) test -count=1 -run '^TestTwoWindows$$' \
		./internal/simulation

simulate: build ## run 10,000 worlds in memory in which everything goes wrong
	bin/hongbao simulate --seeds 10000

fuzz: ## run each fuzz target for FUZZTIME (default 30s)
	@grep -rnoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . | while IFS=: read -r file _ decl; do \
		$(GO) test "./$$(dirname "$$file")" -run '^$$' -fuzz "^$${decl#func }\$$" -fuzztime $(FUZZTIME) </dev/null \
			|| exit; \
	done

bench: deps build ## run every bench suite briefly and audit the books after each
	./bin/hongbao bench all --quick $(ARGS)

peers: ## measure the live feed beside the library centrifuge
	cd bench/peers/push && go run .

# Building it takes several minutes the first time. It is a module of its own, so that hongbao never depends on TiDB.
bin/tidb-server: deploy/tidb/go.mod deploy/tidb/go.sum
	cd deploy/tidb && $(GO) build -o '$(CURDIR)/bin/tidb-server' github.com/pingcap/tidb/cmd/tidb-server

test-tidb: deps build bin/tidb-server ## run the ledger on TiDB: its suite, crashes of TiDB under load, a bench
	@GO='$(GO)' deploy/tidb/test.sh

clean: ## remove build output, fetched packages and bench results; ./data stays
	rm -rf bin bench-results gallery-new handler/web/node_modules
