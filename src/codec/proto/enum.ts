/**
 * An enum of the schema: its names and numbers, in both directions.
 *
 * Spec: protobuf.dev, "Enum Behavior".
 * Laws: an alias is accepted as a name, but a number always has the name that was declared first.
 */
import type { DeclaredEnum } from "./declared.js";

const codecs = new WeakMap<DeclaredEnum, EnumType>();

/** The name table of one enum. */
export class EnumType {
  /** The full name, such as `"order.Order.AddressType"`. */
  readonly typeName: string;
  /** Whether numbers without a name are unknown fields rather than values: so in proto2, not in proto3. */
  readonly closed: boolean;
  /** Every name, aliases included, in the order of the schema. */
  readonly values: readonly { readonly name: string; readonly number: number }[];
  readonly #numbers = new Map<string, number>();
  readonly #names = new Map<number, string>();

  constructor(typeName: string, closed: boolean, values: Iterable<readonly [name: string, number: number]>) {
    this.typeName = typeName;
    this.closed = closed;
    for (const [name, number] of values) {
      this.#numbers.set(name, number);
      if (!this.#names.has(number)) this.#names.set(number, name);
    }
    this.values = Object.freeze([...this.#numbers].map(([name, number]) => Object.freeze({ name, number })));
  }

  /** The number of `name`, or `undefined`. */
  numberOf(name: string): number | undefined {
    return this.#numbers.get(name);
  }

  /** The name of `number`, or `undefined`: an open enum may hold numbers without a name. */
  nameOf(number: number): string | undefined {
    return this.#names.get(number);
  }

  /** Name → number; encoding looks names up here. */
  get numbers(): ReadonlyMap<string, number> {
    return this.#numbers;
  }

  /** Number → name. */
  get names(): ReadonlyMap<number, string> {
    return this.#names;
  }
}

/** The table of a declared enum; the same object every time. */
export function enumType(declared: DeclaredEnum): EnumType {
  let known = codecs.get(declared);
  if (known === undefined) {
    const { fullName, closed, values } = declared;
    known = new EnumType(
      fullName,
      closed,
      values.map(({ name, number }) => [name, number] as const),
    );
    codecs.set(declared, known);
  }
  return known;
}
