# SPDX-License-Identifier: Apache-2.0
# Two commands do all the set-up: `make run` and `make test`. `make help` lists the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help
JOBS ?= $(shell nproc)
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/ipfs-accelerate
PREFIX ?= $(HOME)/.local
BIN := build/release/bin/ipfs-accelerate
FUZZ_SECONDS ?= 600
CONFORMANCE_SECONDS ?= 120
SOAK_SECONDS ?= 300
SOAK_CLIENTS ?= 200
SERVING_SECONDS := $(if $(filter command line environment,$(origin SOAK_SECONDS)),$(SOAK_SECONDS),1800)

.PHONY: help run build test unit async e2e tidy interop conformance soak soak-peers soak-serving fuzz bench install package format clean deps

help: ## list the targets
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

deps: ## install the pinned dependencies (deps.lock.json) into the cache
	@tools/deps install build

build: deps ## build build/release/bin/ipfs-accelerate
	@cmake --preset release >/dev/null
	@cmake --build --preset release -j$(JOBS) --target ipfs-accelerate

run: build ## the main job: a real model, named by its CID, pulled verified, run, recorded
	@tools/deps install model
	@examples/semantic-search/run

test: deps ## build and run the tests: units under ASan+UBSan, concurrent ones under TSan, end to end on the release
	@tools/deps install model test
	@tools/test

unit: deps ## unit tests only, under ASan and UBSan
	@tools/test unit

async: deps ## tests of concurrent modules only, under TSan
	@tools/test async

e2e: deps ## end-to-end tests only, on the release build
	@tools/test e2e

tidy: ## check layers, sizes and bans
	@tools/tidy

interop: build ## live oracles of other implementations (npm, pip)
	@cmake --build --preset release -j$(JOBS) --target accel_bitswap_tool accel_codec_tool accel_kad_tool accel_libp2p_tool
	@test/interop/run

conformance: build ## the gateway over the official suite's fixtures (and the suite if on PATH); schemathesis on the API
	@test/conformance/run
	@tools/deps install model
	@test/conformance/openapi/run build/release/bin/ipfs-accelerate $(CONFORMANCE_SECONDS)

soak: build ## SOAK_CLIENTS (default 200) at a daemon's gateway for SOAK_SECONDS (default 300)
	@python3 -B test/soak/soak.py --seconds $(SOAK_SECONDS) --clients $(SOAK_CLIENTS)

soak-peers: build ## peers and strangers at a daemon's swarm port for SOAK_SECONDS (20 minutes: SOAK_SECONDS=1200)
	@python3 -B test/soak/peers.py --seconds $(SOAK_SECONDS)

soak-serving: build ## models loading and unloading in a small memory budget for SOAK_SECONDS (default 1800)
	@tools/deps install model test
	@python3 -B test/soak/serving.py --seconds $(SERVING_SECONDS)

fuzz: ## run each fuzz target for FUZZ_SECONDS (default 600)
	@tools/deps install build fuzz
	@tools/fuzz $(FUZZ_SECONDS)

bench: build ## measure against peers and limits; tables and JSON under build/bench
	@tools/deps install model
	@bench/run

install: build ## install into PREFIX (default ~/.local), relocatable, with its libraries
	@cmake --install build/release --prefix $(PREFIX) >/dev/null
	@echo "installed $(PREFIX)/bin/ipfs-accelerate"

package: build ## build/package/*.deb: the program, its libraries, a systemd unit, completions, a man page
	@tools/package

format: ## format C++ with clang-format
	@tools/deps install format
	@git ls-files '*.cpp' '*.hpp' | xargs clang-format-19 -i

clean: ## remove build/ (the caches under XDG_CACHE_HOME stay)
	@rm -rf build
