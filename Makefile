# Rolltop's commands. `make up` runs it; `make test` tests it; `make help` lists the rest.

SHELL := /bin/bash
CARGO ?= cargo
# One state directory for every command; see docs/operating.md.
export ROLLTOP_DATA ?= $(CURDIR)/data
# Downloads that outlive a checkout, keyed by a digest of what asked for them.
export ROLLTOP_CACHE ?= /var/cache/rolltop

GUEST_TARGET := x86_64-unknown-linux-gnu
GUEST := target/$(GUEST_TARGET)/guest/rolltop-guest

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

.PHONY: up
up: setup release ## install what is missing, build, bake the template, start Rolltop
	@exec target/release/rolltopd up --guest $(GUEST) --recipes templates

.PHONY: setup
setup:
	@scripts/setup run

.PHONY: web
web: ## the front end, into web/dist
	@scripts/web

.PHONY: guest
guest: ## the program inside a desktop, static
	@scripts/guest

.PHONY: release
release: web guest
	@$(CARGO) build --release --locked -p rolltopd -p rolltop

.PHONY: debug
debug: web guest
	@$(CARGO) build --locked -p rolltopd -p rolltop

.PHONY: doctor
doctor: release ## is this machine fit for Rolltop, and if not, what to do
	@target/release/rolltopd doctor

.PHONY: test
test: ## everything: lint, units, simulation, pages, real guests, real guests in a browser
	@scripts/test

.PHONY: test-fast
test-fast: ## the same without real guests, in a few minutes
	@scripts/test fast

.PHONY: test-chaos
test-chaos: ## kills at random moments, a hundred times, with real guests: half an hour
	@scripts/test-chaos

.PHONY: test-kvm
test-kvm: ## the engine on a stock host with KVM, cgroup v2 and systemd, itself emulated: an hour or two
	@scripts/test-kvm

.PHONY: bench
bench: ## the numbers, as JSON lines on standard output
	@scripts/bench

.PHONY: lint
lint: web ## formatting, clippy, the pages' sources and types, crate directions, licences
	@scripts/lint

.PHONY: openapi
openapi: ## write openapi/v1.json again from the code
	@ROLLTOP_REWRITE_OPENAPI=1 $(CARGO) test --locked -q -p rolltop-api-server --test openapi

.PHONY: clean
clean: ## build output (never the state directory)
	@rm -rf target web/dist web/node_modules
