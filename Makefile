# xuring: build, test, measure, install. `make help` lists the targets.
#
# Every source is found by wildcard: a new file in a room is built without an edit here, and a room
# that is not there is no error. All that is made goes below build/:
#
#   core/*.c                                -> libxuring.a         the io_uring library
#   core/*.c config/*.c shim/**/*.[cS]      -> libxuring-shim.so   what users preload
#   core/examples/NAME.c                    -> examples/NAME
#   core/examples/NAME/*.c                  -> examples/NAME       a program of many sources
#   tests/unit/NAME.c                       -> tests/NAME          exit 0 passes, 77 skips
#   tests/tools/NAME.c                      -> tools/NAME          helpers of the shell tests
#   tests/tools/NAME/*.c                    -> tools/NAME          a program of many sources
#   tests/bench/NAME.c                      -> bench/NAME          (NAME-liburing: by `make bench` alone)
#   tests/fuzz/NAME/*.c                     -> fuzz/NAME           a program of many sources
#   tests/fuzz/NAME.c                       -> fuzz/NAME           libFuzzer (by `make fuzz` alone)
#
# Settings, all on the command line of make:
#
#   CC=clang|musl-gcc|aarch64-linux-gnu-gcc|...    CFLAGS="-O2 -g"    CPPFLAGS=    LDFLAGS=
#   SAN=address,undefined | SAN=thread     sanitizers, in a build directory of their own
#   COV=1                                  coverage, likewise
#   BUILD=build                            where everything goes
#   WERROR=1                               warnings are errors (CI)
#   V=1                                    show whole commands
#
# Changing the compiler or its flags rebuilds what they touch (see $(O)/.flags), so that objects of
# two kinds never mix, even in one directory.

VERSION := 0.1.0

# ---------------------------------------------------------------------------------------------
# Settings

BUILD   ?= build
CFLAGS  ?= $(if $(COV),-Og -g,-O2 -g)
PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
LIBDIR  ?= $(PREFIX)/lib
INCDIR  ?= $(PREFIX)/include
DATADIR ?= $(PREFIX)/share
MANDIR  ?= $(DATADIR)/man
DOCDIR  ?= $(DATADIR)/doc/xuring
INSTALL ?= install
CLANG   ?= clang
COUNT   ?= 5
TEST    ?= .
FUZZ_TIME ?= 10

comma := ,
empty :=
space := $(empty) $(empty)
hash  := \#

# Where this kind of build goes: build, build/san-address-undefined, build/cov.
SANS := $(subst $(comma), ,$(SAN))
O    := $(BUILD)$(if $(SANS),/san-$(subst $(space),-,$(strip $(SANS))))$(if $(COV),/cov)

# Ask the compiler, once, what it stands on: __GLIBC__ is absent with musl; `musl-gcc` hides the
# kernel's headers (linux/, asm/); clang links sanitizers in another way than gcc; liburing is what
# some benchmarks compare with.
PROBE := $(shell printf '%s\n' '$(hash)include <features.h>' \
	'$(hash)ifdef __GLIBC__' glibc '$(hash)endif' '$(hash)ifdef __clang__' clang '$(hash)endif' \
	'$(hash)if !__has_include(<linux/types.h>)' headerless '$(hash)endif' \
	'$(hash)if __has_include(<liburing.h>)' liburing '$(hash)endif' \
	| $(CC) $(CPPFLAGS) -E -P -x c - 2>/dev/null)

# The archiver that belongs to the compiler, which matters when cross-compiling.
ifeq ($(origin AR),default)
AR := $(or $(shell $(CC) -print-prog-name=ar 2>/dev/null),ar)
endif

# ---------------------------------------------------------------------------------------------
# Flags. The user's CPPFLAGS, CFLAGS and LDFLAGS come last, and so have the last word.

XU_CPPFLAGS := -Iinclude -I. -D_GNU_SOURCE= -DXU_VERSION='"$(VERSION)"' $(if $(filter headerless,$(PROBE)),-idirafter $(O)/kernel-headers)
XU_CFLAGS   := -std=gnu11 -Wall -Wextra -Wstrict-prototypes -Wvla $(if $(WERROR),-Werror) -pthread

# One set of objects serves the shim, the archive and the programs. Nothing is visible that the
# version script does not name; thread-local data are a fixed offset from the thread pointer; calls
# go through the table that the loader has filled (there is no lazy binding to wait for). The shim
# defines the very functions that fortify wraps, so fortify is off whatever the compiler's default.
XU_CFLAGS   += -fPIC -fvisibility=hidden -ftls-model=initial-exec -fno-plt -U_FORTIFY_SOURCE

ifneq ($(SANS),)
SAN_FLAGS   := $(addprefix -fsanitize=,$(SANS)) -fno-omit-frame-pointer
SAN_FLAGS   += $(if $(filter undefined,$(SANS)),-fno-sanitize-recover=undefined)
# The thread sanitizer does not know fences, and gcc warns of each.
SAN_FLAGS   += $(if $(filter thread,$(SANS)),$(if $(filter clang,$(PROBE)),,-Wno-tsan))
XU_CFLAGS   += $(SAN_FLAGS)
endif
ifneq ($(COV),)
XU_CFLAGS   += --coverage -fprofile-update=atomic
endif

# clang leaves a sanitizer's runtime out of shared objects, hence no -z defs there.
SHIM_LDFLAGS := -shared -Wl,-soname,libxuring-shim.so -Wl,--as-needed \
	$(if $(SANS),,-Wl$(comma)-z$(comma)defs) -Wl,-z,now -Wl,-z,relro -Wl,-z,nodelete -Wl,-z,noseparate-code -Wl,-e,xu_start

COMPILE = $(CC) $(XU_CPPFLAGS) $(CPPFLAGS) $(XU_CFLAGS) $(CFLAGS) -MMD -MP
LINK    = $(CC) $(XU_CFLAGS) $(CFLAGS) $(LDFLAGS)

# Quiet by default: "  CC  core/ring.c"; quieter with make -s; whole commands with V=1.
say = $(if $(V),,@$(if $(findstring s,$(firstword -$(MAKEFLAGS))),,printf '  %-4s %s\n' '$(1)' '$(2)' &&))

# ---------------------------------------------------------------------------------------------
# Sources and what becomes of them

CORE_SRC   := $(wildcard core/*.c)
CONFIG_SRC := $(wildcard config/*.c)
SHIM_SRC   := $(wildcard shim/*.c shim/*.S shim/engine/*.c)

objects    = $(patsubst %,$(O)/obj/%.o,$(basename $(1)))
programs   = $(patsubst $(1)/%.c,$(O)/$(2)/%,$(wildcard $(1)/*.c))
# Programs of many sources, each in a directory of its name.
folders    = $(sort $(patsubst $(1)/%/,$(O)/$(2)/%,$(dir $(wildcard $(1)/*/*.c))))

EXAMPLES  := $(call programs,core/examples,examples)
EXAMPLE_DIRS := $(call folders,core/examples,examples)
TESTS     := $(call programs,tests/unit,tests)
TOOLS     := $(call programs,tests/tools,tools)
TOOL_DIRS := $(call folders,tests/tools,tools)
BENCH     := $(call programs,tests/bench,bench)
FUZZ      := $(call programs,tests/fuzz,fuzz)
FUZZ_DIRS := $(call folders,tests/fuzz,fuzz)
BENCH_URING := $(filter %-liburing,$(BENCH))
BENCH_WITH  := $(if $(filter liburing,$(PROBE)),$(BENCH_URING))

CORE_LIB  := $(O)/libxuring.a
CONFIG_LIB := $(O)/obj/libconfig.a
SHIM      := $(if $(SHIM_SRC),$(O)/libxuring-shim.so)
EXPORTS   := $(if $(wildcard shim/exports.map.in),$(O)/obj/shim/exports.map)
LIBS      := $(CORE_LIB) $(CONFIG_LIB)

# Everything that is C or shell and written by hand, for fmt, vet and lint.
C_FILES    = $(shell find core config include shim tests -name '*.[ch]' ! -path include/xuring/uapi.h 2>/dev/null | sort)
C_SOURCES  = $(filter %.c,$(C_FILES))
SH_FILES   = $(shell grep -rlE '^$(hash)!.*[/ ](sh|bash|bats)$$' scripts tests .ci 2>/dev/null | sort) \
	     $(shell find tests scripts -name '*.bash' 2>/dev/null | sort)

# ---------------------------------------------------------------------------------------------
# Building

.DEFAULT_GOAL := build
.SECONDARY:
.DELETE_ON_ERROR:
.PHONY: build demo test test-v test-run test-race test-kernels bench bench-count bench-pictures cover cover-html fmt vet lint \
	generate check-iouring fuzz install uninstall deb dist tools clean help san-preload unit FORCE

build: $(CORE_LIB) $(SHIM) $(EXAMPLES) $(EXAMPLE_DIRS) $(TESTS) $(TOOLS) $(TOOL_DIRS) $(FUZZ_DIRS) $(filter-out $(BENCH_URING),$(BENCH)) ## build everything below build/ (the default); needs a C compiler and make

# Holds the compiler and the flags of the last build; newer than the objects only when they changed.
STAMP := $(CC) $(shell $(CC) -dumpmachine 2>/dev/null) $(shell $(CC) -dumpversion 2>/dev/null) \
	$(XU_CPPFLAGS) $(CPPFLAGS) $(XU_CFLAGS) $(CFLAGS) $(LDFLAGS) $(SHIM_LDFLAGS)
$(O)/.flags: FORCE
	@mkdir -p $(@D); new='$(subst ','\'',$(STAMP))'; \
		[ "$$(cat $@ 2>/dev/null)" = "$$new" ] || printf '%s\n' "$$new" >$@

# The kernel's headers, and no others of the host's, for a compiler that hides them.
KERNEL_HEADERS := $(if $(filter headerless,$(PROBE)),$(O)/kernel-headers)
$(O)/kernel-headers:
	@mkdir -p $@; for part in linux asm asm-generic; do \
		for dir in /usr/include/$$($(CC) -print-multiarch) /usr/include; do \
			[ ! -d $$dir/$$part ] || { ln -sfn $$dir/$$part $@/$$part; break; }; done; done

$(O)/obj/%.o: %.c $(O)/.flags | $(KERNEL_HEADERS)
	@mkdir -p $(@D)
	$(call say,CC,$<) $(COMPILE) -c $< -o $@

$(O)/obj/%.o: %.S $(O)/.flags | $(KERNEL_HEADERS)
	@mkdir -p $(@D)
	$(call say,AS,$<) $(COMPILE) -c $< -o $@

# An archive is made anew, so that a source that is gone leaves no member behind.
$(CORE_LIB): $(call objects,$(CORE_SRC))
$(CONFIG_LIB): $(call objects,$(CONFIG_SRC))
$(LIBS): $(O)/.flags
	@mkdir -p $(@D); rm -f $@
	$(call say,AR,$@) $(AR) rcs $@ $(filter %.o,$^)

# The version script is made from the table of interposed symbols by the preprocessor.
$(O)/obj/shim/exports.map: shim/exports.map.in $(O)/.flags
	@mkdir -p $(@D)
	$(call say,CPP,$<) $(CC) $(XU_CPPFLAGS) $(CPPFLAGS) -E -P -x c -MMD -MP -MF $(@:.map=.map.d) -MT $@ $< -o $@

$(O)/libxuring-shim.so: $(call objects,$(CORE_SRC) $(CONFIG_SRC) $(SHIM_SRC)) $(EXPORTS) $(O)/.flags
	$(call say,LD,$@) $(LINK) $(SHIM_LDFLAGS) $(if $(EXPORTS),-Wl$(comma)--version-script=$(EXPORTS)) \
		$(filter %.o,$^) -o $@

# Programs: one source each, with the core and, where they ask for it, config.
define program
	@mkdir -p $(@D)
	$(call say,LD,$@) $(LINK) -pie $(filter %.o,$^) $(LIBS) $(1) -o $@
endef
$(O)/examples/%: $(O)/obj/core/examples/%.o $(LIBS)
	$(call program)
$(O)/tests/%: $(O)/obj/tests/unit/%.o $(LIBS)
	$(call program)
$(O)/tools/%: $(O)/obj/tests/tools/%.o $(LIBS)
	$(call program)
$(O)/bench/%-liburing: $(O)/obj/tests/bench/%-liburing.o $(LIBS)
	$(call program,-luring)
$(O)/bench/%: $(O)/obj/tests/bench/%.o $(LIBS)
	$(call program)
$(O)/fuzz/%: $(O)/obj/tests/fuzz/%.o $(LIBS)
	$(call program,-fsanitize=fuzzer)
# folder,DIR,PROGRAMS: each is made of what is in its directory below DIR.
folder = $(foreach p,$(2),$(eval $p: $(call objects,$(wildcard $(1)/$(notdir $p)/*.c))))
$(call folder,core/examples,$(EXAMPLE_DIRS))
$(call folder,tests/tools,$(TOOL_DIRS))
$(call folder,tests/fuzz,$(FUZZ_DIRS))
$(EXAMPLE_DIRS) $(TOOL_DIRS) $(FUZZ_DIRS): $(LIBS)
	$(call program)

-include $(shell [ ! -d $(O)/obj ] || find $(O)/obj -name '*.d')

# ---------------------------------------------------------------------------------------------
# Showing and testing. scripts/setup installs what these need and is not there, and nothing else.

SETUP = $(if $(wildcard scripts/setup),scripts/setup)
RUN   = BUILD=$(abspath $(O)) SAN_PRELOAD='$(SAN_PRELOAD)' tests/run

demo: ## set up, build, and show real programs bare and under the shim
	$(SETUP)
	+@$(MAKE) --no-print-directory build
	BUILD=$(abspath $(O)) scripts/demo

test: ## set up, build, and run every test
	$(SETUP)
	+@$(MAKE) --no-print-directory build
	@$(RUN)

test-v: ## the same, naming every test and its time
	$(SETUP)
	+@$(MAKE) --no-print-directory build
	@$(RUN) -v

test-run: build ## run the tests whose names match: make test-run TEST='unit: ring'
	@$(RUN) -v -f '$(TEST)'

unit: build ## run the unit tests alone
	@$(RUN) -u

test-kernels: ## run unit tests, programs and shell tests under Debian's kernels, in qemu (KERNELS="5.10 6.1", PROGRAMS=all, SHELL_TESTS="errors aio")
	$(if $(SETUP),$(SETUP) lab)
	+@$(MAKE) --no-print-directory build
	@TEST_TIMEOUT=2700 TOTAL_TIMEOUT=7200 $(RUN) -v tests/lab/kernels.bats; status=$$?; cat $(O)/kernels/table 2>/dev/null; exit $$status

test-race: ## build with the thread sanitizer and run the unit tests under it
	+@$(MAKE) --no-print-directory SAN=thread unit

# What must stand before the shim in LD_PRELOAD: the runtime of the sanitizer, or nothing.
SAN_RUNTIME := $(if $(filter address,$(SANS)),asan)$(if $(filter thread,$(SANS)),tsan)
ifneq ($(SAN_RUNTIME),)
SAN_PRELOAD := $(shell $(CC) -print-file-name=$(if $(filter clang,$(PROBE)),libclang_rt.$(SAN_RUNTIME)-$(firstword \
	$(subst -, ,$(shell $(CC) -dumpmachine))),lib$(SAN_RUNTIME)).so)
endif
san-preload:
	@echo '$(SAN_PRELOAD)'

fuzz: ## fuzz tests/fuzz/*.c for FUZZ_TIME seconds each (clang)
	+@$(MAKE) --no-print-directory CC=$(CLANG) SAN=address,undefined,fuzzer-no-link fuzz-run
fuzz-calls: build ## random calls, bare and in each mode, compared one by one (FUZZ_SEEDS=A-B; more: tests/fuzz/differential --help)
	@BUILD=$(O) tests/fuzz/differential --seeds $(or $(FUZZ_SEEDS),1-20) --verbose
.PHONY: fuzz-calls fuzz-run
fuzz-run: $(FUZZ)
	@for f in $(FUZZ); do echo "fuzz: $${f##*/}"; mkdir -p $$f.corpus; \
		seed=tests/fuzz/$${f##*/}.corpus; [ -d $$seed ] || seed=; \
		$$f -max_total_time=$(FUZZ_TIME) -timeout=5 -rss_limit_mb=1024 -verbosity=0 \
			-artifact_prefix=$$f- $$f.corpus $$seed || exit 1; done

# ---------------------------------------------------------------------------------------------
# Measuring

bench: build bench-liburing ## measure, side by side, every figure of the README
	BUILD=$(abspath $(O)) scripts/bench

bench-count: build bench-liburing ## the same, COUNT=n runs of each
	BUILD=$(abspath $(O)) COUNT=$(COUNT) scripts/bench

bench-pictures: ## draw the README's pictures from the records of the last make bench
	tests/bench/pictures.py $(O)/bench.jsonl

# Without liburing there is less to compare with; the rest is measured all the same.
.PHONY: bench-liburing
bench-liburing: build
	$(SETUP)
	+-@$(MAKE) --no-print-directory -k $(or $(BENCH_URING),--version >/dev/null)

check-iouring: build ## print what this machine allows of io_uring
	BUILD=$(abspath $(O)) scripts/xuring check

# ---------------------------------------------------------------------------------------------
# Looking after the sources

cover: ## run all tests with coverage and print a summary
	+@$(MAKE) --no-print-directory COV=1 cover-info
	@lcov --quiet --list $(BUILD)/cov/info || lcov --summary $(BUILD)/cov/info

cover-html: ## the same as pages: build/cov/html/index.html
	+@$(MAKE) --no-print-directory COV=1 cover-info
	@genhtml --quiet --output-directory $(BUILD)/cov/html $(BUILD)/cov/info 2>$(BUILD)/cov/lcov.log
	@echo $(BUILD)/cov/html/index.html

# Servers that change their user cannot write their counters, and say so on stderr: their tests may
# fail here, which costs no more than the lines that they alone run.
.PHONY: cover-info
cover-info: build
	@find $(O) -name '*.gcda' -delete
	@GCOV_ERROR_FILE=/dev/null $(RUN) || echo 'cover: tests failed, counting what ran'
	@{ lcov --quiet --capture --directory $(O)/obj --base-directory . --no-external --output-file $(O)/info && \
		lcov --quiet --remove $(O)/info '*/tests/*' --output-file $(O)/info; } 2>$(O)/lcov.log || \
		{ cat $(O)/lcov.log; exit 1; }

fmt: ## format the C sources
	clang-format -i $(C_FILES)

# vet and lint run each of their checks, even if one before it failed. vet looks at what users get:
# tests do odd things on purpose.
vet: ## compiler analysis and cppcheck
	+@$(MAKE) --no-print-directory -k analyze cppcheck

lint: ## clang-tidy, shellcheck, the format check, and are made tables up to date
	+@$(MAKE) --no-print-directory -k tidy shellcheck format tables

.PHONY: analyze cppcheck tidy shellcheck format tables
VET_SOURCES = $(filter-out tests/%,$(C_SOURCES))
analyze: | $(KERNEL_HEADERS)
	@printf '%s\n' $(VET_SOURCES) | xargs -P 2 -I{} \
		gcc $(XU_CPPFLAGS) $(CPPFLAGS) $(XU_CFLAGS) -O1 -fanalyzer -Werror -c {} -o /dev/null

cppcheck:
	@cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 --language=c --platform=unix64 -j 2 \
		--enable=warning --suppress=missingInclude --suppress=missingIncludeSystem \
		--suppress=nullPointerRedundantCheck $(XU_CPPFLAGS) -D__linux__ -D__x86_64__ -D__GNUC__=12 \
		'-DElfW(type)=Elf64_$(hash)$(hash)type' $(VET_SOURCES)

# The fuzzer passes wrong arguments on purpose.
tidy:
	@printf '%s\n' $(filter-out tests/fuzz/calls/%,$(C_SOURCES)) | xargs -P 2 -I{} clang-tidy --quiet {} -- -std=gnu11 $(XU_CPPFLAGS)

shellcheck:
	@shellcheck -x -P SCRIPTDIR $(SH_FILES)

format:
	@clang-format --dry-run -Werror $(C_FILES)

# Are the tables in the README and the manual those of config/?
tables:
	@scripts/gen-readme --check

generate: ## make the tables of the README and the manual, and include/xuring/uapi.h from the kernel's header
	scripts/gen-readme
	scripts/gen-uapi

tools: ## install what developing needs
	scripts/setup dev

# ---------------------------------------------------------------------------------------------
# Installing (PREFIX, DESTDIR)

HEADERS := $(wildcard include/*.h include/xuring/*.h)
D = $(DESTDIR)

$(O)/xuring.pc: $(O)/.flags Makefile FORCE
	@printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$(LIBDIR)' 'includedir=$(INCDIR)' '' 'Name: xuring' \
		'Description: io_uring library, the core of libxuring-shim.so' 'Version: $(VERSION)' \
		'Libs: -L$${libdir} -lxuring' 'Cflags: -I$${includedir}' >$@

# Everything that is installed: MODE:SOURCE:DESTINATION.
INSTALLED := 755:$(SHIM):$(LIBDIR)/libxuring-shim.so 644:$(CORE_LIB):$(LIBDIR)/libxuring.a \
	644:$(O)/xuring.pc:$(LIBDIR)/pkgconfig/xuring.pc $(foreach h,$(HEADERS),644:$(h):$(INCDIR)/$(h:include/%=%)) \
	755:scripts/xuring:$(BINDIR)/xuring $(foreach p,$(wildcard scripts/report/*.py),644:$(p):$(PREFIX)/lib/xuring/$(notdir $(p))) \
	$(foreach m,$(wildcard scripts/man/*.[0-9]),644:$(m):$(MANDIR)/man$(subst .,,$(suffix $(m)))/$(notdir $(m))) \
	644:scripts/completion/xuring.bash:$(DATADIR)/bash-completion/completions/xuring \
	644:scripts/completion/_xuring:$(DATADIR)/zsh/site-functions/_xuring \
	$(foreach e,$(wildcard scripts/examples/*),644:$(e):$(DOCDIR)/examples/$(notdir $(e)))
part = $(word $(2),$(subst :, ,$(1)))

install: build $(O)/xuring.pc ## install the shim, the library, its headers, manual and xuring (PREFIX, DESTDIR)
	@$(foreach f,$(INSTALLED),$(INSTALL) -D -m $(call part,$(f),1) $(call part,$(f),2) $(D)$(call part,$(f),3) && ):

uninstall: ## remove what install put there
	rm -f $(foreach f,$(INSTALLED),$(D)$(call part,$(f),3))
	-@rmdir $(D)$(INCDIR)/xuring $(D)$(PREFIX)/lib/xuring $(D)$(DOCDIR)/examples $(D)$(DOCDIR) 2>/dev/null || :

deb: build ## Debian packages for users and for developers: build/deb/*.deb
	scripts/make-deb '$(VERSION)' '$(abspath $(O))'

dist: ## the sources of the last commit as a tarball, the same bytes each time: build/xuring-VERSION.tar.gz
	@mkdir -p $(BUILD)
	git archive --format=tar --prefix=xuring-$(VERSION)/ HEAD | gzip -n9 >$(BUILD)/xuring-$(VERSION).tar.gz
	@echo $(BUILD)/xuring-$(VERSION).tar.gz

# ---------------------------------------------------------------------------------------------

clean: ## remove build/
	rm -rf --one-file-system $(BUILD)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
