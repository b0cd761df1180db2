# `make` alone lists the targets: everything after ## is their help.

GO       ?= go
ARGS     ?=
FUZZTIME ?= 30s

# Two packages at a time: each starts a Redis and a MariaDB of its own.
TESTFLAGS ?= -race -p 2 -timeout 15m

.PHONY: help deps build run test generate verify lint page-check fuzz bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s  %s\n", $$1, $$2 }' Makefile

deps: ## install redis-server and mariadb-server if they are missing
	@deploy/install-deps.sh

build: ## compile to bin/hongbao
	$(GO) build -o bin/hongbao .

run: deps build ## run everything on this machine, data in ./data (ARGS="--http :8080" for flags)
	@exec ./bin/hongbao up $(ARGS)

# Exit status 3 of install-deps.sh: all but a browser. The rest is worth testing; the page's test then says why it fails.
test: ## run the whole suite with the race detector, on servers it starts itself
	@deploy/install-deps.sh --browser --compiler || [ $$? -eq 3 ]
	$(GO) test $(TESTFLAGS) ./...

generate: ## make kitex_gen/ from idl/, and that of the bench's yardstick
	$(GO) generate ./idl ./bench/yardstick

verify: ## fail if kitex_gen/, go.mod or the formatting is not what the tools make; changes nothing
	@.ci/verify

lint: page-check ## vet and staticcheck, and page-check
	$(GO) vet ./...
	$(GO) tool staticcheck $$($(GO) list ./... | grep -v /kitex_gen/)

# The page itself has no build step. Node and npm are for this check alone, and nothing of them is embedded.
page-check: ## check the page's format and types, and test its pure functions under node
	@deploy/install-deps.sh --node
	@[ handler/web/node_modules/.package-lock.json -nt handler/web/package-lock.json ] || \
		(cd handler/web && npm ci --no-audit --no-fund && touch node_modules/.package-lock.json)
	cd handler/web && npm run --silent check

fuzz: ## run each fuzz target for FUZZTIME (30s)
	@grep -rnoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . | while IFS=: read -r file _ decl; do \
		$(GO) test "./$$(dirname "$$file")" -run '^$$' -fuzz "^$${decl#func }\$$" -fuzztime $(FUZZTIME) </dev/null || exit; \
	done

bench: deps build ## run the bench suites briefly, each followed by a check of the books
	./bin/hongbao bench all --quick $(ARGS)

clean: ## remove what was built or fetched, and bench results; never ./data
	rm -rf bin bench-results handler/web/node_modules
