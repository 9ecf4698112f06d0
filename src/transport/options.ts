/**
 * Options: fills in defaults and refuses what is not an option or not in range, by name.
 */
import { nearestName } from "../codec/nearest-name.js";

/**
 * The numbers of `defaults`, each replaced by the option of its name where one is given.
 *
 * @throws TypeError when an option is not a number above or equal to zero.
 */
export function numbersFrom<T extends object>(defaults: T, options: object): T {
  const filled: Record<string, unknown> = Object.assign(Object.create(null), defaults);
  for (const name of Object.keys(defaults)) {
    const value = (options as Record<string, unknown>)[name];
    if (value === undefined) continue;
    if (typeof value !== "number" || !(value >= 0)) {
      throw new TypeError(
        `Cannot use option ${name} as it must be a number, 0 or more: current value is ${shown(value)}`,
      );
    }
    filled[name] = value;
  }
  return filled as T;
}

/** @throws TypeError when `options` has a property that is none of `known`, naming the nearest. */
export function checkOptions(of: string, options: object, known: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    const nearest = nearestName(name, known);
    const hint = nearest === undefined ? "" : `; did you mean "${nearest}"?`;
    throw new TypeError(`Cannot make a ${of} as it has no option "${name}"${hint}`);
  }
}

function shown(value: unknown): string {
  return typeof value === "number" || typeof value === "string" ? JSON.stringify(value) : typeof value;
}
