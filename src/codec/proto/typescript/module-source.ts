/**
 * The source of one module under construction: its lines, and what it imports because of them.
 *
 * Laws: what is not used is not imported; an import whose name is taken here comes under another one.
 */
import type { BytesForm, Int64Form } from "../fields.js";
import { moduleSpecifier, Names } from "./names.js";
import type { Declared, ModulePlan, Plan } from "./plan.js";

/** What the types of all modules are made of. */
export interface ModuleOptions {
  /** Where the runtime is imported from; relative to the output folder if it is relative. */
  readonly importFrom: string;
  readonly int64: Int64Form;
  readonly bytes: BytesForm;
}

/** The globals that generated types are made of. */
export type GlobalType = "Buffer" | "Iterable" | "Object" | "ReadonlyMap" | "Uint8Array";

const GLOBALS: ReadonlySet<string> = new Set<GlobalType>(["Buffer", "Iterable", "Object", "ReadonlyMap", "Uint8Array"]);

/** What a declaration is needed for: its type, the type of what may be given for it, or its constant. */
export type Use = "type" | "init" | "value";

interface Imported {
  readonly local: string;
  /** Whether it is needed at run time. */
  value: boolean;
}

export class ModuleSource {
  readonly module: ModulePlan;
  readonly options: ModuleOptions;
  readonly #plan: Plan;
  readonly #names = new Names();
  readonly #lines: string[] = [];
  /** By specifier, then by name there. */
  readonly #imports = new Map<string, Map<string, Imported>>();

  constructor(module: ModulePlan, plan: Plan, options: ModuleOptions) {
    this.module = module;
    this.options = options;
    this.#plan = plan;
    for (const name of module.names) this.#names.claim(name);
  }

  /** Adds lines. */
  add(...lines: readonly string[]): void {
    this.#lines.push(...lines);
  }

  /** A name of this module's own that is not exported. */
  claim(wanted: string): string {
    return this.#names.claim(wanted);
  }

  /** What a global type is called here, where a declaration may have its name. */
  global(name: GlobalType): string {
    return this.module.names.includes(name) ? `globalThis.${name}` : name;
  }

  /** What a type or function of the runtime is called here. */
  runtime(name: string, use: "type" | "value"): string {
    return this.#import(runtimeSpecifier(this.module.path, this.options.importFrom), name, use === "value");
  }

  /** What a message, an enum or a service is called here. */
  refer(object: Declared, use: Use): string {
    const { module, declaration } = this.#plan.find(object);
    const name = use === "init" ? declaration.initName : declaration.name;
    if (module === this.module) return name;
    if (module === undefined) return this.runtime(name, use === "value" ? "value" : "type");
    return this.#import(moduleSpecifier(this.module.path, module.path), name, use === "value");
  }

  /** What the constants of the imported files are called here. Well-known files need none. */
  importedFiles(): string[] {
    return this.module.file.imports.flatMap((file) => {
      const module = this.#plan.moduleOf(file);
      if (module === undefined) return [];
      return [this.#import(moduleSpecifier(this.module.path, module.path), module.fileName, true)];
    });
  }

  #import(specifier: string, name: string, value: boolean): string {
    let names = this.#imports.get(specifier);
    if (names === undefined) this.#imports.set(specifier, (names = new Map<string, Imported>()));
    let imported = names.get(name);
    if (imported === undefined) {
      imported = { local: this.#names.claim(GLOBALS.has(name) ? `${name}$` : name), value };
      names.set(name, imported);
    }
    imported.value ||= value;
    return imported.local;
  }

  /** Exports names of another module, or of the runtime. */
  reexport(module: ModulePlan | undefined, names: readonly string[]): void {
    if (names.length === 0) return;
    const specifier =
      module === undefined
        ? runtimeSpecifier(this.module.path, this.options.importFrom)
        : moduleSpecifier(this.module.path, module.path);
    this.add("", ...statement("export", names, specifier));
  }

  /** The whole module behind `head`. */
  format(head: readonly string[]): string {
    return `${[...head, ...this.#importLines(), "", ...this.#lines].join("\n")}\n`;
  }

  #importLines(): string[] {
    const runtime = runtimeSpecifier(this.module.path, this.options.importFrom);
    const specifiers = [...this.#imports.keys()].toSorted((a, b) =>
      a === runtime ? -1 : b === runtime ? 1 : a < b ? -1 : 1,
    );
    return specifiers.flatMap((specifier) => importStatement(specifier, this.#imports.get(specifier) ?? new Map()));
  }
}

function importStatement(specifier: string, names: ReadonlyMap<string, Imported>): string[] {
  const sorted = [...names].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const onlyTypes = sorted.every(([, { value }]) => !value);
  const items = sorted.map(([name, { local, value }]) => {
    const as = local === name ? name : `${name} as ${local}`;
    return value || onlyTypes ? as : `type ${as}`;
  });
  const keyword = onlyTypes ? "import type" : "import";
  return statement(keyword, items, specifier);
}

function statement(keyword: string, items: readonly string[], specifier: string): string[] {
  const line = `${keyword} { ${items.join(", ")} } from ${JSON.stringify(specifier)};`;
  if (line.length <= 120) return [line];
  return [`${keyword} {`, ...items.map((item) => `  ${item},`), `} from ${JSON.stringify(specifier)};`];
}

function runtimeSpecifier(modulePath: string, importFrom: string): string {
  if (!/^\.\.?\//.test(importFrom)) return importFrom;
  const up = "../".repeat(modulePath.split("/").length - 1);
  return up === "" ? importFrom : `${up}${importFrom.replace(/^\.\//, "")}`;
}
