/**
 * The name of an enum's number, for the constants of generated modules.
 *
 * Laws: of two names for one number, the one that was declared first.
 */

const tables = new WeakMap<object, ReadonlyMap<number, string>>();

/**
 * The name that `number` has in a generated enum, or `undefined`: an open enum may hold numbers without a name.
 *
 * ```ts
 * enumName(Order_AddressType, address.type) // "HOME"
 * ```
 */
export function enumName<E extends Readonly<Record<string, number>>>(table: E, number: number): keyof E | undefined {
  let names = tables.get(table);
  if (names === undefined) {
    // Of two entries for one number the last stays.
    names = new Map(
      Object.entries(table)
        .toReversed()
        .map(([name, value]) => [value, name]),
    );
    tables.set(table, names);
  }
  return names.get(number);
}
