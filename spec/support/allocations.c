/* For spec/curl_memory_spec.lua: makes one allocation fail. Preloaded, so that it stands before the C library, and
 * loaded by Lua as well.
 *
 *   allocations.fail("lua", n)   the nth allocation of this Lua state from now on fails
 *   allocations.fail("c", n)     the nth allocation from now on by locksmith's modules, in whose name libcurl's are
 * made allocations.stop()           none fails any more -> whether one did */
#define _GNU_SOURCE

#include <lauxlib.h>
#include <link.h>
#include <lua.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* glibc's own. NOLINTBEGIN(*-reserved-identifier,cert-dcl*) */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
/* NOLINTEND(*-reserved-identifier,cert-dcl*) */

int luaopen_allocations(lua_State *L);

enum { MODULES = 4 };

static struct { uintptr_t first, last; } modules[MODULES];
static int module_count;
static long in_lua, in_c; /* allocations until the one that fails; 0: none will */
static int again;         /* Lua collects and tries once more */
static bool failed;
static lua_Alloc original;
static void *original_data;

static bool is_ours(void *caller) {
  for (int i = 0; i < module_count; i++)
    if ((uintptr_t)caller >= modules[i].first && (uintptr_t)caller < modules[i].last) return true;
  return false;
}

static bool refuses(void *caller) {
  if (in_c == 0 || !is_ours(caller) || --in_c > 0) return false;
  failed = true;
  return true;
}

void *malloc(size_t size) {
  return refuses(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  return refuses(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *block, size_t size) {
  return refuses(__builtin_return_address(0)) ? NULL : __libc_realloc(block, size);
}

static void *failing(void *data, void *block, size_t before, size_t after) {
  (void)data;
  bool grows = after > 0 && (block == NULL || after > before);
  if (grows && again > 0) {
    again--;
    return NULL;
  }
  if (grows && in_lua > 0 && --in_lua == 0) {
    failed = true;
#if LUA_VERSION_NUM >= 502
    again = 1;
#endif
    return NULL;
  }
  return original(original_data, block, before, after);
}

static int find_module(struct dl_phdr_info *info, size_t size, void *context) {
  (void)size, (void)context;
  if (strstr(info->dlpi_name, "/locksmith/") == NULL || module_count == MODULES) return 0;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    if (info->dlpi_phdr[i].p_type != PT_LOAD || (info->dlpi_phdr[i].p_flags & PF_X) == 0) continue;
    uintptr_t first = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
    modules[module_count].first = first;
    modules[module_count++].last = first + info->dlpi_phdr[i].p_memsz;
  }
  return 0;
}

static int allocations_fail(lua_State *L) {
  bool lua = strcmp(luaL_checkstring(L, 1), "lua") == 0;
  long n = (long)luaL_checkinteger(L, 2);
  failed = false;
  module_count = 0;
  (void)dl_iterate_phdr(find_module, NULL);
  if (original == NULL) {
    original = lua_getallocf(L, &original_data);
    lua_setallocf(L, failing, NULL);
  }
  *(lua ? &in_lua : &in_c) = n;
  return 0;
}

static int allocations_stop(lua_State *L) {
  in_lua = in_c = 0;
  again = 0;
  lua_pushboolean(L, failed);
  return 1;
}

int luaopen_allocations(lua_State *L) {
  lua_createtable(L, 0, 2);
  lua_pushcfunction(L, allocations_fail);
  lua_setfield(L, -2, "fail");
  lua_pushcfunction(L, allocations_stop);
  lua_setfield(L, -2, "stop");
  return 1;
}
