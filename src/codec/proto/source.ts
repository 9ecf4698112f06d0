/**
 * JavaScript source under construction, for the two compilers of this folder.
 *
 * Laws: a schema is data: of its texts only quoted strings get into source; everything else in it is a number, or a name
 * made here. Source is put together once per message type.
 */
import type { ScalarName } from "./fields.js";

/** Lines of source, and the values it refers to: compiled together into one function. */
export class Source {
  readonly #lines: string[] = [];
  /** Values by their names. */
  readonly #names = new Map<unknown, string>();

  /** Adds a line. */
  line(text: string): void {
    this.#lines.push(text);
  }

  /** Makes `value` available to the source; the same value has one name. */
  constant(value: unknown): string {
    const name = this.#names.get(value) ?? `k${this.#names.size}`;
    this.#names.set(value, name);
    return name;
  }

  /** The function that the source returns; `values` of the names come through one array. */
  compile(): unknown {
    const head = [...this.#names.values()].map((name, i) => `const ${name} = K[${i}];`);
    const text = `"use strict";\n${[...head, ...this.#lines].join("\n")}`;
    // oxlint-disable-next-line typescript/no-implied-eval -- the one place where code is made; see the laws above.
    const make = new Function("K", text) as (values: readonly unknown[]) => unknown;
    return make([...this.#names.keys()]);
  }
}

/** A text as a string literal. */
export function quote(text: string): string {
  return JSON.stringify(text);
}

/** A property key in an object literal: `__proto__` would set the prototype unless it is computed. */
export function keyOf(property: string): string {
  return property === "__proto__" ? '["__proto__"]' : quote(property);
}

/** The wire types of the scalars. */
export function scalarWireType(scalar: ScalarName): 0 | 1 | 2 | 5 {
  switch (scalar) {
    case "string":
    case "bytes":
      return 2;
    case "double":
    case "fixed64":
    case "sfixed64":
      return 1;
    case "float":
    case "fixed32":
    case "sfixed32":
      return 5;
    default:
      return 0;
  }
}

/** Whether values of `scalar` are bigints. */
export function is64Bit(scalar: ScalarName): boolean {
  return scalar.endsWith("64");
}
