# Everything a developer or CI runs. `make help` lists the targets.
GO             ?= go
BIN            := $(CURDIR)/.bin
LINT_VERSION   := v2.15.0
LINT           := $(BIN)/golangci-lint-$(LINT_VERSION)
TEST_TIMEOUT   ?= 5m
FUZZ_TOTAL     ?= 180s
EXECS          ?= 10000000
ONLY           ?= .
SOAK_DURATION  ?= 10m
CHURN_DURATION ?= 15m
CHAOS_DURATION ?= 15m
SOAK_BENCH_DURATION ?= 1h
SOAK_BENCH_FILE ?= $(CURDIR)/soak-bench.jsonl
BENCH          ?= .
COUNT          ?= $(if $(SAVE),6,3)
THRESHOLD      ?= 10
CRASHES        ?= 50
OUTAGE         ?= 3m
DISKFULL       ?= 3m
ATTACK_DURATION ?= 5m
ATTACK_TIMES   ?= judge
# SQLite is C made into Go: with the race detector in it it is some twenty times
# slower, and the tests of a farm are about something else. SHA-256 is three times
# slower, which is most of what the tests' miners do. What is compiled without
# must instantiate no generic code of others, whose one copy may be the one without.
# What a debugger would need is left out: that saves a fifth of compiling and a quarter of
# linking, and the race detector does not need it.
RACE           := -race -ldflags=-w -gcflags=all=-dwarf=false \
  $(foreach p,modernc.org/sqlite/lib crypto/sha256 crypto/internal/fips140/sha256,'-gcflags=$(p)=-dwarf=false -race=false')
# At its end a process with the race detector waits for a second in case that another
# goroutine still does something. The tests see to it that none does, and start
# hundreds of processes.
export GORACE  ?= atexit_sleep_ms=20
# This package is tested first, so that it is not left alone at the end.
LONGEST        := ./internal/app
# These are tested without the race detector: of the scripts most start a process that
# asks one thing and ends, which takes most of their time with it (make scripts has them
# so, and CI runs it); of the others, which know no goroutines, what is long has but a sample with it.
PLAIN          := ./test/script ./internal/steer ./internal/vardiff
export GOTOOLCHAIN = local

.PHONY: help run build test thorough scripts lint fuzz fuzz-long bench bench-quick bench-test counts counts-update counts-proof tracers e2e api-compat api-release soak soak-shared soak-churn soak-bench soak-failover soak-chaos soak-crash soak-outage soak-disk durable attack cover walls tidy generate vulncheck compiler postgres systemd haproxy browser chromium deploy-test prometheus container

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

run: build ## start the demo: a simulated pool, real CPU miners, the proxy; no network needed
	./loka demo

build: ## build ./loka
	CGO_ENABLED=0 $(GO) build -trimpath -o loka ./cmd/loka

test: compiler postgres systemd prometheus ## all tests, with the race detector but for PLAIN, shuffled; some mostly wait, so four packages, and four tests of each, at a time
	CGO_ENABLED=0 $(GO) build -trimpath -o /dev/null ./cmd/loka # tests start it: here once for all, and the lines at the end have the same objects
	CGO_ENABLED=0 $(GO) test -trimpath -vet=off -shuffle=on -parallel 4 -timeout $(TEST_TIMEOUT) $(PLAIN) & plain=$$!; \
	CGO_ENABLED=1 $(GO) test $(RACE) -vet=off -shuffle=on -p 3 -parallel 4 -timeout $(TEST_TIMEOUT) $(LONGEST) $$($(GO) list ./... | grep -v '/test/script$$'); \
	race=$$?; wait $$plain && exit $$race # vet is make lint's
	CGO_ENABLED=0 $(GO) test -trimpath -vet=off -count=1 -run 'Alloc' $$(grep -rlE '^func Test.*Alloc' --include='*_test.go' work sv1 internal | xargs -n1 dirname | sort -u | sed 's,^,./,') # the race detector allocates: these once more without it

thorough: compiler scripts ## the properties and divisions of which make test looks at a sample, at length
	CGO_ENABLED=1 $(GO) test $(RACE) -count=1 -timeout 30m ./internal/hub -rapid.checks=500
	CGO_ENABLED=1 LOKA_THOROUGH=1 $(GO) test $(RACE) -count=1 -timeout 30m ./internal/steer
	CGO_ENABLED=1 LOKA_THOROUGH=1 $(GO) test $(RACE) -count=1 -timeout 30m -run '^TestThousandMiners$$' ./internal/app

scripts: compiler ## the scripts that start the binary, with the race detector
	CGO_ENABLED=1 $(GO) test $(RACE) -shuffle=on -count=1 -parallel 4 -timeout 10m ./test/script

compiler: # the race detector needs a C compiler; get one where that is possible without asking
	@command -v $${CC:-cc} >/dev/null 2>&1 || command -v gcc >/dev/null 2>&1 || { \
	  echo "no C compiler, which the race detector needs: trying to install gcc"; \
	  { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && apt-get install -y -qq gcc libc6-dev; } || \
	  { echo "install a C compiler (Debian: apt-get install gcc libc6-dev) and run make test again" >&2; exit 1; }; }

postgres: # some tests need a server; get one where that is possible without asking, else they are skipped, aloud
	@ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || { \
	  echo "no PostgreSQL, which the tests of its store need: trying to install it"; \
	  { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && \
	    { DEBIAN_FRONTEND=noninteractive apt-get install -y -qq postgresql-15 || DEBIAN_FRONTEND=noninteractive apt-get install -y -qq postgresql; } >/dev/null; } || \
	  echo "PostgreSQL is not installed (Debian: apt-get install postgresql-15): the tests that need it will be SKIPPED" >&2; }

systemd: # the tests of the unit need systemd-analyze; get it where that is possible without asking, else they are skipped, aloud
	@command -v systemd-analyze >/dev/null 2>&1 || { \
	  echo "no systemd-analyze, which the tests of the unit need: trying to install it"; \
	  { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends systemd >/dev/null; } || \
	  echo "systemd is not installed (Debian: apt-get install systemd): the tests of its unit will be SKIPPED" >&2; }

prometheus: # the tests of deploy/ need Prometheus and its kin; get them where that is possible without asking, else they are skipped, aloud
	@command -v promtool >/dev/null 2>&1 && command -v amtool >/dev/null 2>&1 && { command -v logrotate || ls /usr/sbin/logrotate; } >/dev/null 2>&1 || { \
	  echo "no Prometheus, Alertmanager or logrotate, which the tests of deploy/ need: trying to install them"; \
	  { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends prometheus prometheus-alertmanager logrotate >/dev/null; } || \
	  echo "Prometheus, Alertmanager or logrotate is not installed (Debian: apt-get install prometheus prometheus-alertmanager logrotate): tests of their files will be SKIPPED" >&2; }

haproxy: # dedicated mode is measured beside it; get it where that is possible without asking, else that benchmark is skipped, aloud
	@command -v haproxy >/dev/null 2>&1 || { \
	  echo "no haproxy, beside which dedicated mode is measured: trying to install it"; \
	  { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends haproxy >/dev/null; } || \
	  echo "haproxy is not installed (Debian: apt-get install haproxy): the benchmark beside it will be SKIPPED" >&2; }

container: # the test of the image needs Buildah; get it where that is possible without asking, else it is skipped, aloud
	@command -v buildah >/dev/null 2>&1 || { \
	  echo "no Buildah, which the test of the image needs: trying to install it"; \
	  { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends buildah >/dev/null; } || \
	  echo "Buildah is not installed (Debian: apt-get install buildah): the test of the image will be SKIPPED" >&2; }

$(LINT):
	@mkdir -p $(BIN)
	GOFLAGS= GOBIN=$(BIN) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)
	mv $(BIN)/golangci-lint $(LINT)

lint: $(LINT) ## golangci-lint (gofumpt and gci inside), go vet of every module, go mod tidy
	$(LINT) config verify
	$(LINT) run ./...
	$(LINT) fmt --diff ./...
	$(GO) mod tidy -diff
	cd test/bench && $(GO) mod tidy -diff && $(GO) vet ./... && $(LINT) run -c ../../.golangci.yml ./cmd/... && $(LINT) fmt -c ../../.golangci.yml --diff ./cmd/...
	cd test/e2e && $(GO) mod tidy -diff && $(GO) vet ./...
	cd test/api && $(GO) mod tidy -diff && $(GO) vet ./...
	cd test/browser && $(GO) mod tidy -diff && $(GO) vet ./... && $(LINT) run -c ../../.golangci.yml ./... && $(LINT) fmt -c ../../.golangci.yml --diff ./...
	cd test/deploy && $(GO) mod tidy -diff && $(GO) vet ./...

walls: $(LINT) ## show that a planted violation of the dependency walls fails lint and test alike
	LINT=$(LINT) GO=$(GO) bash .ci/walls

fuzz: ## every fuzz target, FUZZ_TOTAL (default 180s) in all
	GO=$(GO) bash .ci/fuzz $(FUZZ_TOTAL)

fuzz-long: ## every fuzz target for at least EXECS (default 10000000) executions, one after the other, with a table; ONLY picks some
	GO=$(GO) bash .ci/fuzz-long $(EXECS) '$(ONLY)'

bench: haproxy postgres ## the benchmarks, COUNT (default 3) rounds of each, what they are to reach, and reports in .bench; BENCH=regexp, GROUP=quick|micro|wire|memory|e2e|fanout|observed|storage, BENCHTIME=, SAVE=name, COMPARE=name, THRESHOLD=10, STRICT=1, SOAK=samples, FROM=results
	cd test/bench && $(GO) build -o $(BIN)/bench-suite ./cmd/suite
	$(BIN)/bench-suite -root . -go '$(GO)' -bench '$(BENCH)' -group '$(GROUP)' -count $(COUNT) -benchtime '$(BENCHTIME)' -save '$(SAVE)' -compare '$(COMPARE)' -threshold $(THRESHOLD) -from '$(FROM)' -soak '$(SOAK)' $(if $(STRICT),-strict)

bench-quick: ## those that rows to be reached are read from and that a tenth of a second is enough for
	@$(MAKE) --no-print-directory bench GROUP=quick BENCHTIME=100ms

bench-test: ## the tests of what runs the benchmarks and of the parsers that are compared
	cd test/bench && $(GO) test -count=1 -timeout 10m ./...

tracers: # counts need valgrind and strace; get them where that is possible without asking, else what they count is skipped, aloud
	@command -v valgrind >/dev/null 2>&1 && command -v strace >/dev/null 2>&1 || { \
	  echo "no valgrind or strace, which count instructions and system calls: trying to install them"; \
	  { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends valgrind strace >/dev/null; } || \
	  echo "valgrind or strace is not installed (Debian: apt-get install valgrind strace): what they count will be SKIPPED" >&2; }

counts: tracers ## allocations, instructions and system calls of a share, a job, a connection, against a baseline: fails where they have grown
	$(GO) run ./test/counts

counts-update: tracers ## what is counted now is the baseline (test/counts/baseline.json)
	$(GO) run ./test/counts -update

counts-proof: tracers ## show that a planted growth fails counts
	GO=$(GO) bash .ci/counts

e2e: ## end to end with a real node (btcd on simnet)
	cd test/e2e && $(GO) test -count=1 -timeout 10m -v ./...

api-compat: ## the API's description is valid and whole, and takes nothing back that was released (docs/openapi.released.json)
	cd test/api && $(GO) test -count=1 -timeout 2m ./...

api-release: generate ## what is served now is released: from here on it is what must not be taken back
	cp docs/openapi.json docs/openapi.released.json

chromium: # the tests of the page need a browser; get one where that is possible without asking, else they are skipped, aloud
	@command -v chromium >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1 || [ -n "$$LOKA_CHROMIUM" ] || { \
	  echo "no Chromium, which the tests of the page need: trying to install it"; \
	  { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; } || \
	  echo "Chromium is not installed (Debian: apt-get install chromium): the tests of the page will be SKIPPED" >&2; }

browser: chromium ## the page in headless Chromium: looks, acts, keyboard, access; pictures in test/browser/artifacts; LOKA_LOOKS=all has every look
	cd test/browser && $(GO) test -count=1 -timeout 10m ./...

soak: compiler ## eight manners of miner, a pool connection each, at a high share rate for SOAK_DURATION (default 10m)
	CGO_ENABLED=1 LOKA_SOAK=$(SOAK_DURATION) $(GO) test $(RACE) -count=1 -timeout 0 -v -run '^TestSoak$$' ./internal/app

soak-shared: compiler ## eight manners of miner on one pool connection for SOAK_DURATION (default 10m)
	CGO_ENABLED=1 LOKA_SOAK=$(SOAK_DURATION) $(GO) test $(RACE) -count=1 -timeout 0 -v -run '^TestSoakShared$$' ./internal/app

soak-churn: compiler ## 2,000 miners that come and go, on shared connections, for CHURN_DURATION (default 15m)
	CGO_ENABLED=1 LOKA_SOAK_CHURN=$(CHURN_DURATION) $(GO) test $(RACE) -count=1 -timeout 0 -v -run '^TestSoakChurn$$' ./internal/app

soak-bench: ## 5,000 miners that come and go, without the race detector, for SOAK_BENCH_DURATION (default 1h): nothing may grow; samples go to SOAK_BENCH_FILE
	CGO_ENABLED=0 LOKA_SOAK_BENCH=$(SOAK_BENCH_DURATION) LOKA_SOAK_BENCH_FILE=$(SOAK_BENCH_FILE) $(GO) test -trimpath -vet=off -count=1 -timeout 0 -v -run '^TestSoakBench$$' ./internal/app

soak-failover: compiler ## 500 miners whose first pool dies in five ways, silence (six minutes) among them
	CGO_ENABLED=1 LOKA_FAILOVER=500 $(GO) test $(RACE) -count=1 -parallel 1 -timeout 0 -v -run '^TestFailover' ./internal/app

soak-chaos: compiler ## three pools that fail in every way, under 500 miners, for CHAOS_DURATION (default 15m)
	CGO_ENABLED=1 LOKA_CHAOS=$(CHAOS_DURATION) $(GO) test $(RACE) -count=1 -timeout 0 -v -run '^TestChaos$$' ./internal/app

soak-crash: compiler ## kill -9 under load, CRASHES times (default 50), and compare share by share what is left
	CGO_ENABLED=1 LOKA_CRASHES=$(CRASHES) $(GO) test $(RACE) -count=1 -timeout 0 -v -run '^TestCrash$$' ./test/durable

soak-outage: compiler postgres ## PostgreSQL goes away for OUTAGE (default 3m), crashes, and its connections are cut, lose answers and go silent
	CGO_ENABLED=1 LOKA_OUTAGE=$(OUTAGE) LOKA_CUTS=$(OUTAGE) $(GO) test $(RACE) -count=1 -timeout 0 -v -run '^Test(Outage|CutConnections)$$' ./test/durable

soak-disk: compiler ## the disk is full for DISKFULL (default 3m), then nearly so for as long
	CGO_ENABLED=1 LOKA_DISKFULL=$(DISKFULL) $(GO) test $(RACE) -count=1 -timeout 0 -v -run '^Test(DiskFull|NoDisk)$$' ./test/durable

durable: compiler postgres ## a minute and a half of the three above, side by side; LOKA_SEED=… repeats what was drawn
	CGO_ENABLED=1 LOKA_CRASHES=5 LOKA_OUTAGE=15s LOKA_DISKFULL=8s $(GO) test $(RACE) -count=1 -parallel 3 -timeout 5m -v -run '^Test(Crash|Outage|DiskFull)$$' ./test/durable

attack: ## attack the real binary in every way, ATTACK_DURATION (default 5m) in all, and measure what honest miners notice; ATTACK_TIMES=print fails for no late verdict
	LOKA_ATTACK=$(ATTACK_DURATION) LOKA_ATTACK_TIMES=$(ATTACK_TIMES) $(GO) test -count=1 -timeout 0 -v -run '^Test(Attack|Farm|PowerCycle)$$' ./test/attack

deploy-test: prometheus container ## what deploy/ has, against a real farm, Prometheus, Alertmanager, logrotate and Buildah
	cd test/deploy && $(GO) test -count=1 -timeout 10m ./...

cover: ## coverage of all packages, as coverage.html
	$(GO) test -coverpkg=./... -coverprofile=coverage.out ./...
	$(GO) tool cover -html=coverage.out -o coverage.html
	$(GO) tool cover -func=coverage.out | tail -1

tidy: ## go mod tidy in every module
	$(GO) mod tidy && (cd test/bench && $(GO) mod tidy) && (cd test/e2e && $(GO) mod tidy) && (cd test/api && $(GO) mod tidy) && (cd test/browser && $(GO) mod tidy) && (cd test/deploy && $(GO) mod tidy)

generate: ## rewrite the tables in docs/ that are made from code, and the boards of deploy/grafana
	$(GO) test -run 'Docs|Generated|Document|Reference' ./internal/config ./internal/metrics ./internal/httpapi ./internal/mining ./internal/alert -update
	cd test/deploy && $(GO) test -run 'TestBoardsAreGenerated' . -update

vulncheck: ## known vulnerabilities (needs the network; outside the test run)
	$(GO) run golang.org/x/vuln/cmd/govulncheck@latest ./...
