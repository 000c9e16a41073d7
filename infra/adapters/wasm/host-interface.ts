/**
 * All that a guest may import, with its type: parameters `>` results, `i` for i32 and `I` for i64. Everything else is refused.
 * The WASI functions are those of wasi_snapshot_preview1 (github.com/WebAssembly/WASI, phases/snapshot).
 */
export const CAPABILITY_MODULE = "symphainy";
/** The guest's memory, which admission makes an import of this module; guests cannot import it themselves. */
export const MEMORY_NAME = "memory";
export const WASI_MODULE = "wasi_snapshot_preview1";

const CAPABILITY_FUNCTIONS: Readonly<Record<string, string>> = {
  /** (pointer, length) of a JSON request → the length of the JSON result, or a code below 0. */
  call: "ii>i",
  /** (pointer): writes the last result there; 0, or a code below 0. */
  result: "i>i",
  /** (pointer, length) of a line of text → 0, or a code below 0. */
  log: "ii>i",
};

const WASI_FUNCTIONS: Readonly<Record<string, string>> = {
  args_get: "ii>i",
  args_sizes_get: "ii>i",
  clock_res_get: "ii>i",
  clock_time_get: "iIi>i",
  environ_get: "ii>i",
  environ_sizes_get: "ii>i",
  fd_advise: "iIIi>i",
  fd_allocate: "iII>i",
  fd_close: "i>i",
  fd_datasync: "i>i",
  fd_fdstat_get: "ii>i",
  fd_fdstat_set_flags: "ii>i",
  fd_fdstat_set_rights: "iII>i",
  fd_filestat_get: "ii>i",
  fd_filestat_set_size: "iI>i",
  fd_filestat_set_times: "iIIi>i",
  fd_pread: "iiiIi>i",
  fd_prestat_dir_name: "iii>i",
  fd_prestat_get: "ii>i",
  fd_pwrite: "iiiIi>i",
  fd_read: "iiii>i",
  fd_readdir: "iiiIi>i",
  fd_renumber: "ii>i",
  fd_seek: "iIii>i",
  fd_sync: "i>i",
  fd_tell: "ii>i",
  fd_write: "iiii>i",
  path_create_directory: "iii>i",
  path_filestat_get: "iiiii>i",
  path_filestat_set_times: "iiiiIIi>i",
  path_link: "iiiiiii>i",
  path_open: "iiiiiIIii>i",
  path_readlink: "iiiiii>i",
  path_remove_directory: "iii>i",
  path_rename: "iiiiii>i",
  path_symlink: "iiiii>i",
  path_unlink_file: "iii>i",
  poll_oneoff: "iiii>i",
  proc_exit: "i>",
  proc_raise: "i>i",
  random_get: "ii>i",
  sched_yield: ">i",
  sock_accept: "iii>i",
  sock_recv: "iiiiii>i",
  sock_send: "iiiii>i",
  sock_shutdown: "ii>i",
};

/** Where AssemblyScript tells of a failed assertion before it traps: (message, file, line, column). */
const ENV_FUNCTIONS: Readonly<Record<string, string>> = { abort: "iiii>" };

export const HOST_INTERFACE: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  [CAPABILITY_MODULE]: CAPABILITY_FUNCTIONS,
  [WASI_MODULE]: WASI_FUNCTIONS,
  env: ENV_FUNCTIONS,
};

/** The type of an import; undefined when guests may not import it. */
export function importType(module: string, name: string): string | undefined {
  const functions = Object.hasOwn(HOST_INTERFACE, module) ? HOST_INTERFACE[module] : undefined;
  return functions !== undefined && Object.hasOwn(functions, name) ? functions[name] : undefined;
}
