/**
 * Options: fills in defaults and refuses what is not an option or not in range, by name.
 */
import { nearestName } from "../codec/nearest-name.js";

/** The largest delay a timer takes, in milliseconds; a longer one would fire at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;
/** The largest flow-control window. RFC 9113 §6.9.1. */
export const MAX_WINDOW_BYTES = 2 ** 31 - 1;
/** The largest value of a SETTINGS parameter. RFC 9113 §6.5.1. */
export const MAX_SETTING = 2 ** 32 - 1;

/**
 * The numbers of `defaults`, each replaced by the option of its name where one is given. One that has a maximum must be a whole
 * number up to it; `Infinity`, which says "no limit", becomes the maximum.
 *
 * @throws TypeError when an option is not a number from its minimum, which is 0 where none is given, to its maximum.
 */
export function numbersFrom<T extends object>(
  defaults: T,
  options: object,
  maxima: { readonly [Name in keyof T]?: number } = {},
  minima: { readonly [Name in keyof T]?: number } = {},
): T {
  const filled: Record<string, unknown> = Object.assign(Object.create(null), defaults);
  for (const name of Object.keys(defaults) as (keyof T & string)[]) {
    const value = (options as Record<string, unknown>)[name];
    if (value === undefined) continue;
    const maximum = maxima[name];
    const minimum = minima[name] ?? 0;
    if (typeof value === "number" && value >= minimum && maximum === undefined) filled[name] = value;
    else if (value === Infinity) filled[name] = maximum;
    else if (
      maximum !== undefined &&
      Number.isInteger(value) &&
      (value as number) >= minimum &&
      (value as number) <= maximum
    ) {
      filled[name] = value;
    } else {
      const wanted =
        maximum === undefined ? `a number, ${minimum} or more` : `a whole number from ${minimum} to ${maximum}`;
      throw new TypeError(`Cannot use option ${name} as it must be ${wanted}: current value is ${shown(value)}`);
    }
  }
  return filled as T;
}

/** @throws TypeError when `options` has a property that is none of `known`, naming the nearest. */
export function checkOptions(of: string, options: object, known: readonly string[]): void {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`Cannot make a ${of} as its options must be an object: current value is ${shown(options)}`);
  }
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    const nearest = nearestName(name, known);
    const hint = nearest === undefined ? "" : `; did you mean "${nearest}"?`;
    throw new TypeError(`Cannot make a ${of} as it has no option "${name}"${hint}`);
  }
}

function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  return typeof value === "number" || value === null ? String(value) : typeof value;
}

/** @throws TypeError when the option `name` is given and is not a function. */
export function checkCallback(name: string, value: unknown): void {
  if (value === undefined || typeof value === "function") return;
  throw new TypeError(`Cannot use option ${name} as it must be a function: current value is ${shown(value)}`);
}

/** @throws TypeError when the option `name` is given and is neither `true` nor `false`. */
export function checkFlag(name: string, value: unknown): void {
  if (value === undefined || typeof value === "boolean") return;
  throw new TypeError(`Cannot use option ${name} as it must be true or false: current value is ${shown(value)}`);
}
