# make         builds for every Lua found, into build/<ABI>/locksmith/ (build/5.1 is LuaJIT's too)
# make help    lists the rest
# Written for GNU make, with nothing that 3.81 (the one of macOS) lacks.

SHELL = /bin/sh
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-print-directory

# Which Lua to build, install or print settings for; without it, all that are found.
LUA =
# The folder of lua.h, where it is in no usual place.
LUA_INCDIR =
BUILD = build
PREFIX = /usr/local
# Where the files go, if not below PREFIX.
LUADIR =
LIBDIR =
PORT = 8787
SECONDS = 60
# Set by the rockspecs: one build, for the Lua whose folders LuaRocks passes.
ROCK =
# Our own runs set -Werror; another compiler's new warning must not stop an install.
WERROR =

CFLAGS ?= -O2
PKG_CONFIG ?= pkg-config
OBJ_EXTENSION = o
LIB_EXTENSION = so
SYSTEM := $(shell uname -s)
ifeq ($(SYSTEM),Darwin)
LIBFLAG = -bundle -undefined dynamic_lookup
SYSTEM_FLAGS = -D_POSIX_C_SOURCE=200809L -D_DARWIN_C_SOURCE
else
# FreeBSD, and its kin, hide what POSIX does not have (MSG_DONTWAIT, SOCK_CLOEXEC) from those who ask for POSIX.
# On 32 bits, glibc's files end at 2 GiB and its time in 2038 for those who do not ask.
SYSTEM_FLAGS = $(if $(filter FreeBSD DragonFly,$(SYSTEM)),,-D_POSIX_C_SOURCE=200809L) \
  $(if $(filter Linux,$(SYSTEM)),-D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64) \
  $(if $(filter NetBSD,$(SYSTEM)),-D_NETBSD_SOURCE)$(if $(filter OpenBSD,$(SYSTEM)),-D_BSD_SOURCE)
LIBFLAG = -shared
# Lets the C tests make an allocation fail.
WRAP = -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free
endif

C_FLAGS = -std=c11 $(SYSTEM_FLAGS) -Icsrc \
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion
COMPILE = $(CC) $(C_FLAGS) $(WERROR) $(CPPFLAGS) $(CFLAGS) -MMD -MP
# Both modules hold a copy of the core. Only their luaopen_ functions are visible, so that the copies never meet.
COMPILE_MODULE = $(COMPILE) -fPIC -fvisibility=hidden
COMPILE_BINDING = $(COMPILE_MODULE) $(LUA_FLAGS_$(1)) -include csrc/lua/export.h
LINK = $(CC) $(CFLAGS) $(LDFLAGS)
LINK_MODULE = $(LINK) $(LIBFLAG) $(NODELETE)

# V=1 shows the commands, -s nothing.
silent := $(findstring s,$(firstword -$(MAKEFLAGS)))
show = $(if $(V),,@$(if $(silent),,echo '$(1)';) )

objects = $(patsubst %.c,$(1)/%.$(OBJ_EXTENSION),$(2))
CORE_OBJECTS := $(call objects,$(BUILD),$(wildcard csrc/core/*.c))
FILE_OBJECTS := $(call objects,$(BUILD),$(wildcard csrc/file/*.c))
CURL_OBJECTS := $(call objects,$(BUILD),$(wildcard csrc/curl/*.c))
BINDING_SOURCES := $(filter-out csrc/lua/curl.c,$(wildcard csrc/lua/*.c))

TESTS := $(patsubst %.c,$(BUILD)/%,$(wildcard spec/c/*_test.c))
CURL_TESTS := $(patsubst %.c,$(BUILD)/%,$(shell grep -l '^#include "curl/' spec/c/*_test.c 2>/dev/null))
CORE_TESTS := $(filter-out $(CURL_TESTS),$(TESTS))
CURL_TEST_HELPERS := $(call objects,$(BUILD),$(wildcard spec/c/scripted_server.c))
TEST_HELPERS := $(filter-out $(CURL_TEST_HELPERS),\
  $(call objects,$(BUILD),$(filter-out spec/c/%_test.c,$(wildcard spec/c/*.c))))

GOALS := $(or $(MAKECMDGOALS),all)
ifneq ($(filter all install% %-tests,$(GOALS)),)

# What a build needs is said at once, in words.
needs = $(shell HEADERS='$(1)' csrc/make/needs.sh '$(CC)' $(CPPFLAGS) $(CFLAGS) $(2))
expect = $(if $(1),$(error $(1)))
$(call expect,$(needs))

endif
ifneq ($(filter all install% c-tests,$(GOALS)),)

CURL_CFLAGS ?= $(shell $(PKG_CONFIG) --cflags libcurl 2>/dev/null || curl-config --cflags 2>/dev/null)
CURL_LIBS ?= $(shell $(PKG_CONFIG) --libs libcurl 2>/dev/null || curl-config --libs 2>/dev/null || echo -lcurl)
CURL_CFLAGS := $(CURL_CFLAGS)
CURL_LIBS := $(CURL_LIBS)
$(call expect,$(call needs,curl/curl.h,$(CURL_CFLAGS)))

# libcurl's resolver threads may outlive the Lua state that began them: the code must stay mapped.
ifneq ($(SYSTEM),Darwin)
NODELETE := $(shell file=$$(mktemp) && echo 'extern int locksmith;' | \
  $(CC) -shared -fPIC -Wl,-z,nodelete -x c -o "$$file" - 2>/dev/null && echo -Wl,-z,nodelete; rm -f "$$file")
endif

endif
ifneq ($(filter all install%,$(GOALS)),)

ifneq ($(ROCK),)
ABIS := rock
LUA_FLAGS_rock = $(if $(LUA_INCDIR),-I"$(LUA_INCDIR)")
$(call expect,$(call needs,lua.h,$(LUA_FLAGS_rock)))
else
FOUND := $(shell CC='$(CC)' PKG_CONFIG='$(PKG_CONFIG)' LUA_INCDIR='$(LUA_INCDIR)' csrc/make/luas.sh $(LUA) | \
  sed 's/ \([^ ]*\) /=\1=/')
ABIS := $(foreach lua,$(FOUND),$(firstword $(subst =, ,$(lua))))
ifeq ($(ABIS),)
$(error No Lua with its headers (lua.h) was found. On Debian and Ubuntu "make deps" installs both; where they are \
  in no usual place, name them: make LUA=/path/lua LUA_INCDIR=/path/include)
endif
comma := ,
part = $(word $(1),$(subst =, ,$(2)))
$(foreach lua,$(FOUND),$(eval LUA_FLAGS_$(call part,1,$(lua)) = $(subst $(comma), ,$(call part,3,$(lua))))\
  $(eval INTERPRETER_$(call part,1,$(lua)) = $(call part,2,$(lua))))
endif

endif

# Where one command will do it is that of the Lua that was asked for, or of the newest that has the modules it takes.
loads = $(shell LUA_INIT= $(1) -e 'require "cjson"; require "argparse"' >/dev/null 2>&1 && echo yes)
COMMAND_ABI := $(if $(ROCK),,$(firstword $(foreach abi,$(if $(word 2,$(ABIS)),$(ABIS)),\
  $(if $(call loads,$(INTERPRETER_$(abi))),$(abi))) $(ABIS)))

modules_of = $(patsubst %,$(BUILD)/$(1)/locksmith/%.$(LIB_EXTENSION),core curl)
commands := $(if $(ROCK),,$(foreach abi,$(ABIS),$(BUILD)/$(abi)/bin/locksmith))
.PHONY: all
all: $(foreach abi,$(ABIS),$(call modules_of,$(abi))) $(commands)
	@$(if $(silent)$(ROCK),:,echo 'the command, without installing it: $(BUILD)/$(COMMAND_ABI)/bin/locksmith --help')

# A file that is new when the text in STAMP is: what was made in another way is made again.
quoted = '$(subst ','\'',$(strip $(1)))'
define stamp
@mkdir -p $(@D)
@printf '%s\n' $(call quoted,$(STAMP)) | cmp -s - $@ || printf '%s\n' $(call quoted,$(STAMP)) >$@
endef
.PHONY: FORCE
FORCE:

$(BUILD)/compile.flags: STAMP = $(CC) $(C_FLAGS) $(CPPFLAGS) $(CFLAGS)
$(BUILD)/compile.flags: FORCE
	$(stamp)

$(BUILD)/link.flags: STAMP = $(LINK_MODULE) $(CURL_CFLAGS) $(CURL_LIBS) $(CORE_OBJECTS) $(FILE_OBJECTS) \
  $(CURL_OBJECTS) $(BINDING_SOURCES)
$(BUILD)/link.flags: FORCE
	$(stamp)

$(CORE_OBJECTS) $(FILE_OBJECTS): $(BUILD)/%.$(OBJ_EXTENSION): %.c $(BUILD)/compile.flags
	@mkdir -p $(@D)
	$(call show,cc $@)$(COMPILE_MODULE) -c -o $@ $<

$(CURL_OBJECTS): $(BUILD)/%.$(OBJ_EXTENSION): %.c $(BUILD)/compile.flags
	@mkdir -p $(@D)
	$(call show,cc $@)$(COMPILE_MODULE) $(CURL_CFLAGS) -c -o $@ $<

define modules
$(BUILD)/$(1)/lua.flags: STAMP = $$(LUA_FLAGS_$(1))
$(BUILD)/$(1)/lua.flags: FORCE
	$$(stamp)

$(call objects,$(BUILD)/$(1),$(BINDING_SOURCES)): \
  $(BUILD)/$(1)/%.$(OBJ_EXTENSION): %.c $(BUILD)/compile.flags $(BUILD)/$(1)/lua.flags
	@mkdir -p $$(@D)
	$$(call show,cc $$@)$$(call COMPILE_BINDING,$(1)) -c -o $$@ $$<

$(BUILD)/$(1)/csrc/lua/curl.$(OBJ_EXTENSION): csrc/lua/curl.c $(BUILD)/compile.flags $(BUILD)/$(1)/lua.flags
	@mkdir -p $$(@D)
	$$(call show,cc $$@)$$(call COMPILE_BINDING,$(1)) $$(CURL_CFLAGS) -c -o $$@ $$<

$(BUILD)/$(1)/locksmith/core.$(LIB_EXTENSION): \
  $(call objects,$(BUILD)/$(1),$(BINDING_SOURCES)) $(CORE_OBJECTS) $(FILE_OBJECTS) $(BUILD)/link.flags
	@mkdir -p $$(@D)
	$$(call show,link $$@)$$(LINK_MODULE) -o $$@ $$(filter-out %.flags,$$^)

$(BUILD)/$(1)/locksmith/curl.$(LIB_EXTENSION): \
  $(call objects,$(BUILD)/$(1),csrc/lua/curl.c csrc/lua/binding.c) $(CURL_OBJECTS) $(CORE_OBJECTS) $(BUILD)/link.flags
	@mkdir -p $$(@D)
	$$(call show,link $$@)$$(LINK_MODULE) -o $$@ $$(filter-out %.flags,$$^) $$(CURL_LIBS)

$(BUILD)/$(1)/bin/locksmith: lua/locksmith/cli/locksmith csrc/make/command.sh $(BUILD)/$(1)/lua.flags
	@csrc/make/command.sh "$(INTERPRETER_$(1))" "$(CURDIR)/lua" "$(abspath $(BUILD)/$(1))" $(LIB_EXTENSION) $$@

# LuaRocks passes LUADIR and LIBDIR; otherwise the files go where the interpreter looks.
.PHONY: install-$(1)
install-$(1): LUADIR = $(DESTDIR)$(PREFIX)/share/lua/$(1)
install-$(1): LIBDIR = $(DESTDIR)$(PREFIX)/lib/lua/$(1)
install-$(1): $(call modules_of,$(1))
	csrc/make/install.sh put "$$(LUADIR)" "$$(LIBDIR)" $(LIB_EXTENSION) $(BUILD)/$(1)/locksmith
endef
$(foreach abi,$(ABIS),$(eval $(call modules,$(abi))))

# LuaRocks installs the command itself.
BINDIR = $(DESTDIR)$(PREFIX)/bin
MANDIR = $(DESTDIR)$(PREFIX)/share/man/man1
.PHONY: install install-command
install: $(foreach abi,$(ABIS),install-$(abi)) $(if $(ROCK),,install-command)
install-command: $(if $(ROCK),,$(BUILD)/$(COMMAND_ABI)/bin/locksmith install-$(COMMAND_ABI))
	csrc/make/command.sh "$(INTERPRETER_$(COMMAND_ABI))" "$(or $(LUADIR),$(PREFIX)/share/lua/$(COMMAND_ABI))" \
	  "$(or $(LIBDIR),$(PREFIX)/lib/lua/$(COMMAND_ABI))" $(LIB_EXTENSION) "$(BINDIR)/locksmith"
	csrc/make/manual.sh "$(INTERPRETER_$(COMMAND_ABI))" "$(abspath $(BUILD)/$(COMMAND_ABI))" $(LIB_EXTENSION) \
	  "$(MANDIR)/locksmith.1"

# Without LUA for every version there is: what was installed need not be what would be built today.
UNINSTALL = $(if $(LUA),$(shell LUA_INIT= $(LUA) -e 'io.write((_VERSION:match("%d+%.%d+")))'),5.1 5.2 5.3 5.4 5.5)
.PHONY: uninstall
uninstall: BINDIR = $(DESTDIR)$(PREFIX)/bin
uninstall: MANDIR = $(DESTDIR)$(PREFIX)/share/man/man1
uninstall:
	@versions='$(UNINSTALL)'; [ -n "$$versions" ] || exit 1; for version in $$versions; do \
	  csrc/make/install.sh remove-command "$(or $(LUADIR),$(PREFIX)/share/lua/$$version)" "$(BINDIR)/locksmith" \
	    "$(MANDIR)/locksmith.1" "$(or $(DESTDIR),$(PREFIX))" || exit 1; \
	  csrc/make/install.sh remove "$(or $(LUADIR),$(DESTDIR)$(PREFIX)/share/lua/$$version)" \
	    "$(or $(LIBDIR),$(DESTDIR)$(PREFIX)/lib/lua/$$version)" $(LIB_EXTENSION) "$(or $(DESTDIR),$(PREFIX))" || exit 1; \
	done

.PHONY: c-tests core-tests
c-tests: $(TESTS)
# These need neither Lua nor libcurl.
core-tests: $(CORE_TESTS)

# The tests themselves need not be fast: not optimizing them takes half the time.
$(TEST_HELPERS) $(TESTS:=.$(OBJ_EXTENSION)) $(CURL_TEST_HELPERS): \
  $(BUILD)/%.$(OBJ_EXTENSION): %.c $(BUILD)/compile.flags
	@mkdir -p $(@D)
	$(call show,cc $@)$(COMPILE) $(if $(WRAP),,-DLKS_NO_WRAP) $(CURL_CFLAGS) -O0 -c -o $@ $<

# Of an archive each test takes the objects it needs.
CORE_ARCHIVE := $(BUILD)/spec/c/core.a
CURL_ARCHIVE := $(BUILD)/spec/c/curl.a
$(CORE_ARCHIVE): $(CORE_OBJECTS) $(FILE_OBJECTS)
$(CURL_ARCHIVE): $(CURL_OBJECTS) $(CORE_OBJECTS)
$(CORE_ARCHIVE) $(CURL_ARCHIVE):
	@mkdir -p $(@D)
	@rm -f $@
	$(call show,ar $@)$(AR) rcs $@ $^

$(CORE_TESTS): %: %.$(OBJ_EXTENSION) $(TEST_HELPERS) $(CORE_ARCHIVE)
	$(call show,link $@)$(LINK) $(WRAP) -o $@ $^

$(CURL_TESTS): %: %.$(OBJ_EXTENSION) $(TEST_HELPERS) $(CURL_TEST_HELPERS) $(CURL_ARCHIVE)
	$(call show,link $@)$(LINK) $(WRAP) -pthread -o $@ $^ $(CURL_LIBS)

# The Lua that runs the specs with the modules of a sanitized build.
$(BUILD)/lua: spec/support/lua.c $(BUILD)/compile.flags
	$(call show,cc $@)$(COMPILE) $(LUA_FLAGS_5.4) -o $@ $< $(LDFLAGS) $$($(PKG_CONFIG) --libs lua5.4)

-include $(wildcard $(BUILD)/csrc/*/*.d $(BUILD)/*/csrc/lua/*.d $(BUILD)/spec/c/*.d)

.PHONY: deps env demo test sanitize lint cross fuzz sandbox chaos bench clean help
deps:
	@csrc/make/deps.sh test lint fuzz

env:
	@MAKE='$(MAKE)' csrc/make/env.sh $(LUA)

demo:
	@csrc/make/deps.sh demo
	@MAKE='$(MAKE)' spec/support/demo.sh

test:
	@csrc/make/deps.sh test
	@MAKE='$(MAKE)' spec/run

# All of it once more where the sanitizers look.
sanitize:
	@csrc/make/deps.sh test
	@MAKE='$(MAKE)' LUAS=sanitized spec/run

lint:
	@spec/support/lint.sh

cross:
	@MAKE='$(MAKE)' spec/cross/run

fuzz:
	@csrc/make/deps.sh fuzz
	@spec/fuzz/run $(SECONDS)

sandbox:
	@LUA='$(LUA)' csrc/make/sandbox.sh $(PORT)

chaos:
	@csrc/make/deps.sh test
	@$(MAKE) all
	@spec/chaos/run

bench:
	@csrc/make/deps.sh test
	@$(MAKE) all
	@spec/bench/run
	@spec/bench/many
	@spec/bench/nginx_calls
	@spec/bench/nginx_soak

clean:
	rm -rf build

help:
	@echo 'make                      build for every Lua found'
	@echo 'make env LUA=lua5.4       print the settings that make a Lua use this checkout: eval "$$(make -s env LUA=lua5.4)"'
	@echo 'make demo [LIVE=1]        both services against the sandbox; LIVE=1: the harmless part against the real ones'
	@echo 'make test                 everything; SPEC="files" or LUAS="lua5.4 luajit" for a part of it'
	@echo 'make sanitize             the specs and C tests under the address and undefined behaviour sanitizers'
	@echo 'make cross                the core and its C tests on other processors and another C library, under qemu'
	@echo 'make fuzz [SECONDS=60]    each parser and the call machine against libFuzzer, for so long each'
	@echo 'make lint                 luacheck, shellcheck, clang-format, clang-tidy, those that are here'
	@echo 'make sandbox PORT=8787    serve the sandbox on loopback'
	@echo 'make chaos, make bench    the long fault runs; the measurements'
	@echo 'make install PREFIX=/usr/local [LUA=lua5.4] [DESTDIR=]: modules, command, manual; uninstall with the same words'
	@echo 'make deps                 install what is missing (Debian, Ubuntu), or say what is needed'
	@echo 'make clean                remove build/'
