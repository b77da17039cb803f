# pase: vector search for PostgreSQL, in Swift.
#
#   make                build the extension for the server of PG_CONFIG
#   make install        install it there (DESTDIR is honoured)
#   make installcheck   regression tests against the installed extension in a running server
#   make check          every test there is, on private throwaway servers
#   make quickstart     from nothing to nearest neighbours of real vectors
#   make bench          side by side with pgvector
#
# The server's own PGXS does the installing and the regression tests; Swift's package manager does the
# compiling.

EXTENSION = pase
DATA = sql/pase--1.0.sql
MODULES = pase

REGRESS_DIR = Tests/regress
REGRESS = $(sort $(patsubst $(REGRESS_DIR)/sql/%.sql,%,$(wildcard $(REGRESS_DIR)/sql/*.sql)))
REGRESS_OPTS = --inputdir=$(REGRESS_DIR) --outputdir=$(REGRESS_OUTPUT)
REGRESS_OUTPUT ?= tmp_check

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)

# No LLVM bitcode: there is no C to inline.
override with_llvm = no

ifneq ($(PGXS),)
include $(PGXS)
endif

SWIFT ?= swift
SERVER_INCLUDE := $(shell $(PG_CONFIG) --includedir-server)
# One build folder per server version: their headers differ.
SWIFT_SCRATCH = .build/server-$(MAJORVERSION)
SWIFT_OUTPUT = $(SWIFT_SCRATCH)/release/libPase.so
SWIFT_SOURCES := $(shell find Sources -type f) Package.swift

export PG_CONFIG

# PGXS wants to make pase.so from C; it is Swift's package manager that does.
pase.so: $(SWIFT_OUTPUT)
	strip --strip-unneeded -o $@ $<

$(SWIFT_OUTPUT): $(SWIFT_SOURCES)
	PASE_SERVER_INCLUDE=$(SERVER_INCLUDE) $(SWIFT) build -c release --product Pase --scratch-path $(SWIFT_SCRATCH)
	@touch $@

.PHONY: quickstart check bench format lint swift-test clean-swift

quickstart:
	scripts/quickstart

check:
	scripts/check

bench:
	bench/run

format:
	$(SWIFT) format --in-place --recursive Package.swift Sources Tests

lint:
	$(SWIFT) format lint --strict --recursive Package.swift Sources Tests

swift-test:
	$(SWIFT) test --scratch-path .build/tests

clean: clean-swift

clean-swift:
	rm -rf .build tmp_check pase.so
