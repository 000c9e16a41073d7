import type { TenantId } from "../../../shared/ids.ts";
import type { AdmissionOutcome, GuestFailure, ModuleSource } from "../../../shared/ports/wasm-runtime.ts";
import { CompiledModules, moduleKey } from "./compiled-modules.ts";
import { type CompiledModule, createModuleCompiler } from "./module-compiler.ts";

/** The modules that a pool runs: those used lately are held compiled, others are fetched and compiled again. */
export class LoadedModules {
  readonly #source: ModuleSource;
  readonly #compiler: ReturnType<typeof createModuleCompiler>;
  readonly #compiled: CompiledModules;
  readonly #loading = new Map<string, Promise<CompiledModule | GuestFailure>>();

  /** `forgotten` is told the key of a module that is held no more. */
  constructor(source: ModuleSource, compilerCode: URL, forgotten: (key: string) => void) {
    this.#source = source;
    this.#compiler = createModuleCompiler(compilerCode);
    this.#compiled = new CompiledModules(forgotten);
  }

  async admit(tenantId: TenantId, module: Uint8Array): Promise<AdmissionOutcome> {
    const compilation = await this.#compiler.compile(tenantId, module);
    if (compilation.outcome === "refused") return compilation;
    const { info } = compilation.compiled;
    this.#compiled.add(moduleKey(tenantId, info.digest), compilation.compiled);
    return { outcome: "admitted", module: info };
  }

  /** The module if it is held; undefined for one that `load` must fetch. */
  get(tenantId: TenantId, digest: string): CompiledModule | undefined {
    return this.#compiled.get(moduleKey(tenantId, digest));
  }

  /** Fetches and compiles a module, once for all who wait for it. */
  load(tenantId: TenantId, digest: string): Promise<CompiledModule | GuestFailure> {
    const key = moduleKey(tenantId, digest);
    const loading = this.#loading.get(key) ?? this.#fetch(tenantId, digest, key);
    this.#loading.set(key, loading);
    return loading;
  }

  close(): Promise<void> {
    return this.#compiler.close();
  }

  async #fetch(tenantId: TenantId, digest: string, key: string): Promise<CompiledModule | GuestFailure> {
    try {
      const bytes = await this.#source.read(tenantId, digest);
      if (bytes === undefined) return { reason: "module_missing", message: `There is no module ${digest}.` };
      const compilation = await this.#compiler.compile(tenantId, bytes);
      if (compilation.outcome === "refused") {
        const { reason, message } = compilation.refusal;
        return { reason: reason === "queue_full" ? "queue_full" : "module_refused", message };
      }
      this.#compiled.add(key, compilation.compiled);
      return compilation.compiled;
    } finally {
      this.#loading.delete(key);
    }
  }
}
