# The two commands of this project are `make demo` and `make test`; both do all set-up themselves.
#
# Build output lies outside the checkout, so that clones share it.
export CARGO_TARGET_DIR ?= $(HOME)/.cache/thalweg/target

BIN := $(CARGO_TARGET_DIR)/debug/thalweg

.PHONY: demo build test lint bench rules kafka setup clean

demo: setup build
	$(BIN) demo $(DEMO_ARGS)

build:
	cargo build --locked --workspace --bin thalweg

test: lint build
	cargo test --locked --workspace
	THALWEG_BIN=$(BIN) .venv/bin/python -m pytest python tests/python

lint:
	./scripts/setup --lint
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- --deny warnings

bench: setup
	./benches/run

# Writes docs/rules anew from the files of tests/spec.
rules:
	THALWEG_WRITE_RULES=1 cargo test --quiet --locked --workspace --test specification the_pages

# A Kafka broker to play with, on 127.0.0.1:9092, until Ctrl-C.
kafka: setup
	./scripts/kafka

setup:
	./scripts/setup

clean:
	rm -rf .venv thalweg-demo thalweg-data thalweg-kafka
