# Everything is done from here; `make help` lists what there is.

PYTHON ?= python3
VENV := .venv
VENV_STAMP := $(VENV)/.stamp
JUDGES := target/judges
WHEELS := target/python
CARGO_FLAGS ?= --locked

.DEFAULT_GOAL := help
.PHONY: help no-skips build build-tests test test-all test-rust test-fuzz package test-python test-oldest-ansible test-oldest-rust test-packages wheel
.PHONY: deb dist docs pictures release lab lab-trees lab-zfs lab-test judges lint bench soak fuzz venv clean

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 24

build: ## Build the library and the command line
	cargo build $(CARGO_FLAGS)

# What tests run, the command line among it. `cargo build` would compile some dependencies again: tests bring
# dependencies of their own, and these turn on more features of the ones that both have.
build-tests:
	cargo test $(CARGO_FLAGS) --no-run

# Slow tests take minutes together, and seldom find what the others do not.
PYTEST_FLAGS := -m "not slow"

test test-all: export XEN_VMAN_SKIPPED := $(CURDIR)/target/skipped
test: no-skips test-rust test-fuzz test-python ## Build everything and run all tests but the slow ones
	@$(SHOW_SKIPPED)

test-all: PYTEST_FLAGS :=
test-all: export XEN_VMAN_SLOW := 1
test-all: no-skips test-rust test-fuzz test-python test-oldest-ansible ## Run all tests, also with the oldest Ansible
	@$(SHOW_SKIPPED)

# libtest hides what tests print, so those that could not run write it to a file.
no-skips:
	@mkdir -p target
	@: >target/skipped

SHOW_SKIPPED = if [ -s target/skipped ]; then \
	  echo; echo "All tests that could run here have passed. $$(sort -u target/skipped | wc -l) were skipped:"; \
	  sort -u target/skipped | sed 's/^/  /'; \
	  else echo; echo "All tests have passed; none was skipped."; fi

test-rust:
	cargo test $(CARGO_FLAGS)

# As in Cargo.toml, so that what both workspaces depend on is compiled once. Cargo takes profiles from one workspace only.
FUZZ_PROFILE := --config 'profile.dev.debug="line-tables-only"' --config 'profile.dev.package."*".opt-level=1'

test-fuzz:
	cargo test $(CARGO_FLAGS) --manifest-path fuzz/Cargo.toml --target-dir target $(FUZZ_PROFILE)

test-packages: ## Build what would be published, from its packages alone
	.ci/crates $(CARGO_FLAGS) --offline --allow-dirty

# The Python package, as the tests use it.
package: $(VENV_STAMP)
	rm -rf $(WHEELS)
	$(VENV)/bin/maturin build --locked --quiet --manifest-path xen-vman-py/Cargo.toml --out $(WHEELS)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --no-index --no-deps --force-reinstall $(WHEELS)/*.whl

test-python: package
	cd xen-vman-py && ../$(VENV)/bin/python -m pytest -q $(PYTEST_FLAGS) tests lab/tests

# What Debian 12 has.
OLDEST_ANSIBLE := ansible-core==2.14.18
OLDEST_VENV := target/oldest-ansible

$(OLDEST_VENV)/bin/ansible-playbook:
	$(PYTHON) -m venv --clear $(OLDEST_VENV)
	$(OLDEST_VENV)/bin/pip install --quiet --disable-pip-version-check '$(OLDEST_ANSIBLE)'

test-oldest-ansible: package $(OLDEST_VENV)/bin/ansible-playbook ## Run the playbooks of the tests with the oldest Ansible that will do
	$(OLDEST_VENV)/bin/pip install --quiet --disable-pip-version-check --no-index --no-deps --force-reinstall $(WHEELS)/*.whl
	cd xen-vman-py && XEN_VMAN_ANSIBLE=$(CURDIR)/$(OLDEST_VENV)/bin ../$(VENV)/bin/python -m pytest -q $(PYTEST_FLAGS) tests/test_playbooks.py tests/test_role_on_debian.py

# The one that Cargo.toml promises.
OLDEST_RUST := $(shell sed -n 's/^rust-version = "\(.*\)"$$/\1/p' Cargo.toml)

test-oldest-rust: ## Check that everything compiles with the oldest Rust that Cargo.toml allows
	rustup toolchain list | grep -q '^$(OLDEST_RUST)[-. ]' || rustup toolchain install $(OLDEST_RUST) --profile minimal
	cargo +$(OLDEST_RUST) check $(CARGO_FLAGS) --workspace --target-dir target/oldest-rust

$(VENV_STAMP): xen-vman-py/requirements-dev.txt
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
	  echo "error: this Python cannot make a virtual environment" >&2; \
	  echo "help: on Debian, 'apt-get install python3-venv' brings what is missing" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@

venv: $(VENV_STAMP) $(OLDEST_VENV)/bin/ansible-playbook

wheel: $(VENV_STAMP) ## Build the wheel of the Python package, into target/python/release
	rm -rf $(WHEELS)/release
	$(VENV)/bin/maturin build --locked --quiet --release --manifest-path xen-vman-py/Cargo.toml --out $(WHEELS)/release

deb: $(VENV_STAMP) ## Build the Debian packages, into target/debian
	.ci/deb

DIST_VENV := target/dist-venv

$(DIST_VENV)/.stamp: xen-vman-py/requirements-dist.txt
	$(PYTHON) -m venv --clear $(DIST_VENV)
	$(DIST_VENV)/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@

dist: deb $(DIST_VENV)/.stamp ## Build everything that a release consists of, into target/dist, and check it
	.ci/dist

release: ## Commit and tag a release: make release VERSION=1.2.3
	.ci/release $(VERSION)
	$(MAKE) dist

pictures: build $(DIST_VENV)/.stamp ## Make the pictures of the documentation, from real sessions
	$(DIST_VENV)/bin/python docs/pictures/make.py target/debug/xen-vman-cli

docs: ## Build the documentation as a site, into target/docs
	"$$(.ci/tools mdbook)/mdbook" build docs --dest-dir $(CURDIR)/target/docs

judges: ## Unpack and build the judges from Debian's packages (nothing is installed)
	xen-vman-core/tests/judges/setup.sh $(JUDGES)

lint: ## rustfmt, clippy, rustdoc, shellcheck; warnings are errors
	cargo fmt --all --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check
	cargo clippy $(CARGO_FLAGS) --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc $(CARGO_FLAGS) --no-deps --all-features
	shellcheck -x -S style $$(grep -rlE '^#!/bin/(ba)?sh' .ci xen-vman-core/tests/judges xen-vman-cli/benches xen-vman-py/lab/dom0)

lab: build-tests ## Build the laboratory: real Xen with a Debian dom0 in QEMU (root; about 5 minutes, once)
	cd xen-vman-py/lab && $(PYTHON) -m xenlab build

# What of it needs none of our programs.
lab-trees:
	cd xen-vman-py/lab && $(PYTHON) -m xenlab trees

# OpenZFS for dom0's kernel, which only the scenario `zfs` installs.
lab-zfs:
	cd xen-vman-py/lab && $(PYTHON) -m xenlab zfs

SCENARIOS ?= $(patsubst xen-vman-py/lab/scenarios/test_%.py,%,$(wildcard xen-vman-py/lab/scenarios/test_*.py))

lab-test: lab $(if $(filter zfs,$(SCENARIOS)),lab-zfs) $(if $(filter ansible,$(SCENARIOS)),package) $(if $(filter one_host from_xl_cfg packages,$(SCENARIOS)),deb) $(VENV_STAMP) ## Run the scenarios of the laboratory, or SCENARIOS="nfs iscsi", each from a fresh dom0
	cd xen-vman-py/lab && $(CURDIR)/$(VENV)/bin/python -m pytest -q -s -p no:cacheprovider --rootdir . $(SCENARIOS:%=scenarios/test_%.py)

bench: wheel ## Benchmarks: in memory, `check` against tomllib, `render` against `cp -r`, `apply` against `cp -r` and fsync, Python against Jinja2, the role against a loop
	cargo bench $(CARGO_FLAGS) -p xen-vman-core
	cargo build $(CARGO_FLAGS) --release -p xen-vman-cli
	xen-vman-cli/benches/check-against-tomllib.py target/release/xen-vman-cli
	xen-vman-cli/benches/render-against-cp.sh target/release/xen-vman-cli
	xen-vman-cli/benches/plan-and-apply.sh target/release/xen-vman-cli
	rm -rf target/bench-py && $(VENV)/bin/pip install --quiet --disable-pip-version-check --no-index --no-deps --target target/bench-py $(WHEELS)/release/*.whl
	PYTHONPATH=target/bench-py $(VENV)/bin/python xen-vman-py/benches/render_against_jinja.py
	PYTHONPATH=target/bench-py $(VENV)/bin/python xen-vman-py/benches/role_against_template.py $(CURDIR)/$$(ls $(WHEELS)/release/*.whl)

soak: judges ## Long runs of what `make test` tries a little of: power cuts, failing system calls, lives of hosts, hostile texts, xl.cfg files, definitions
	XEN_VMAN_CRASH_STATES=1000000 cargo test $(CARGO_FLAGS) -p xen-vman-cli --test crash -- --nocapture
	PROPTEST_CASES=20000 cargo test $(CARGO_FLAGS) --workspace --test host_states --test hostile_roots
	XEN_VMAN_SLOW=1 JUDGE_FAILING_CALLS=1000000 cargo test $(CARGO_FLAGS) -p xen-vman-cli --test judged -- --nocapture
	XEN_VMAN_HOSTILE_CASES=20000 cargo test $(CARGO_FLAGS) -p xen-vman-core --test hostile -- --nocapture
	XEN_VMAN_XL_FILES=100000 cargo test $(CARGO_FLAGS) -p xen-vman-core --test xl_reader -- --nocapture
	XEN_VMAN_XL_DEFINITIONS=5000 cargo test $(CARGO_FLAGS) -p xen-vman-core --test judged xl_accepts -- --nocapture

FUZZ_SECONDS ?= 600

fuzz: ## Fuzz each target for FUZZ_SECONDS (600); needs a nightly toolchain and cargo-fuzz
	@cargo +nightly fuzz --version >/dev/null 2>&1 || { \
	  echo "error: cargo-fuzz or a nightly toolchain is missing" >&2; \
	  echo "help: rustup toolchain install nightly && cargo install cargo-fuzz" >&2; exit 1; }
	@set -e; for target in $$(sed -n 's/^name = "\([a-z_]*\)"$$/\1/p' fuzz/Cargo.toml | grep -v replay); do \
	  echo "== $$target"; mkdir -p target/corpus/$$target; \
	  cargo +nightly fuzz run --fuzz-dir fuzz --features fuzz $$target target/corpus/$$target fuzz/seeds/$$target -- \
	    -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -timeout=10 -rss_limit_mb=2048 -report_slow_units=5; \
	done

clean: ## Remove what was built
	cargo clean
	rm -rf $(VENV)
