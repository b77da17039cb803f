# pase: vector search for PostgreSQL, in Swift.
# SPDX-License-Identifier: PostgreSQL
#
#   make                build the extension for the server of PG_CONFIG
#   make install        install it there (DESTDIR is honoured)
#   make installcheck   regression tests against the installed extension in a running server
#   make check          every test there is, on private throwaway servers
#   make torture        those that find the more the longer they run, for an hour
#   make quickstart     from nothing to nearest neighbours of real vectors
#   make bench          side by side with pgvector
#   make bench-full     the same with a million vectors, which takes hours
#
# The server's own PGXS does the installing and the regression tests; Swift's package manager does the
# compiling.

EXTENSION = pase
DATA = sql/pase--1.0.sql
# The way from the original's last version.
DATA_built = sql/pase--0.0.1--1.0.sql
MODULES = pase

REGRESS_DIR = Tests/regress
# Tests that are run once more, for pase_ivfflat: ivfflat.sed makes them, and what is expected unless that is there.
REGRESS_IVFFLAT = base64_columns cursors errors_do_no_harm index_kinds metrics query_shapes
REGRESS = $(sort $(patsubst $(REGRESS_DIR)/sql/%.sql,%,$(wildcard $(REGRESS_DIR)/sql/*.sql)) \
    $(addprefix ivfflat_,$(REGRESS_IVFFLAT)))
REGRESS_INPUT = $(REGRESS_OUTPUT)/input
REGRESS_OPTS = --inputdir=$(REGRESS_INPUT) --outputdir=$(REGRESS_OUTPUT)
REGRESS_OUTPUT ?= tmp_check

PG_CONFIG ?= pg_config
export PG_CONFIG

SWIFT ?= swift

# What needs no server's headers works where there is none. Nor does it see PGXS, whose `check` only says
# that there is none.
SERVERLESS = quickstart check torture bench bench-full format lint swift-test

ifeq ($(filter $(SERVERLESS),$(MAKECMDGOALS)),)

PGXS := $(wildcard $(shell $(PG_CONFIG) --pgxs 2>/dev/null))
ifneq ($(PGXS),)

# No LLVM bitcode: there is no C to inline.
override with_llvm = no
include $(PGXS)

# One build folder per server version: their headers differ.
SWIFT_SCRATCH ?= .build/server-$(MAJORVERSION)$(if $(PASE_TEST),-test)
# With PASE_TEST=1 the extension has what only tests need: errors that it raises on request.
TEST_FLAGS = $(if $(PASE_TEST),-Xcc -DPASE_TEST)
SWIFT_OUTPUT = $(SWIFT_SCRATCH)/release/libPase.so
SWIFT_SOURCES := $(shell find Sources -type f) Package.swift
SERVER_INCLUDE := $(shell $(PG_CONFIG) --includedir-server)

# PGXS wants to make pase.so from C; it is Swift's package manager that does. The file has one name for
# all server versions, so its age does not tell whether it is the right one.
pase.so: $(SWIFT_SCRATCH)/pase.so FORCE
	@cmp -s $< $@ || { cp $< $@.$$$$ && mv $@.$$$$ $@; }

$(SWIFT_SCRATCH)/pase.so: $(SWIFT_OUTPUT)
	strip --strip-unneeded -o $@ $<

$(SWIFT_OUTPUT): $(SWIFT_SOURCES)
	PASE_SERVER_INCLUDE=$(SERVER_INCLUDE) $(SWIFT) build -c release --product Pase --scratch-path $(SWIFT_SCRATCH) $(TEST_FLAGS) $(SWIFT_FLAGS)
	@touch $@

else

all install uninstall installcheck pase.so:
	@echo 'PG_CONFIG=$(PG_CONFIG): no server with its headers is there;' \
	    'scripts/install-dependencies installs one' >&2; exit 1

endif

sql/pase--0.0.1--1.0.sql: sql/pase--1.0.sql sql/from-original.awk sql/from-original.sql
	{ awk -f sql/from-original.awk sql/pase--1.0.sql && cat sql/from-original.sql; } >$@.$$$$ && mv $@.$$$$ $@

installcheck: regress-input

regress-input:
	@rm -rf $(REGRESS_INPUT) && mkdir -p $(REGRESS_INPUT) && cp -R $(REGRESS_DIR)/. $(REGRESS_INPUT)
	@for test in $(REGRESS_IVFFLAT); do \
	    sed -f $(REGRESS_DIR)/ivfflat.sed $(REGRESS_DIR)/sql/$$test.sql \
	        >$(REGRESS_INPUT)/sql/ivfflat_$$test.sql && \
	    { [ -e $(REGRESS_INPUT)/expected/ivfflat_$$test.out ] || \
	        sed -f $(REGRESS_DIR)/ivfflat.sed $(REGRESS_DIR)/expected/$$test.out \
	            >$(REGRESS_INPUT)/expected/ivfflat_$$test.out; } && \
	    { [ ! -e $(REGRESS_DIR)/expected/$${test}_1.out ] || \
	        sed -f $(REGRESS_DIR)/ivfflat.sed $(REGRESS_DIR)/expected/$${test}_1.out \
	            >$(REGRESS_INPUT)/expected/ivfflat_$${test}_1.out; } || exit 1; \
	done

clean: clean-swift

clean-swift:
	rm -rf .build tmp_check pase.so

.PHONY: FORCE clean clean-swift regress-input

else ifneq ($(filter-out $(SERVERLESS),$(MAKECMDGOALS)),)

# Some of either: one after the other.
.NOTPARALLEL:
$(MAKECMDGOALS): FORCE
	+@$(MAKE) --no-print-directory $@

.PHONY: FORCE $(MAKECMDGOALS)

else

.PHONY: $(SERVERLESS)

quickstart:
	scripts/quickstart

check:
	scripts/check

torture:
	scripts/torture

bench:
	bench/run

bench-full:
	bench/run --sets sift --rows 1000000 --lists 1000,4000 --rounds 3 --skip vacuum --output docs/benchmarks/million

format:
	$(SWIFT) format --in-place --recursive Package.swift Sources Tests

lint:
	$(SWIFT) format lint --strict --recursive Package.swift Sources Tests
	scripts/check-conversions

swift-test:
	$(SWIFT) test --scratch-path .build/tests

endif
