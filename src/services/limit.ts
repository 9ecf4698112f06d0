/**
 * The limits a service can be given.
 */

/** The value of a limit. @throws RangeError naming it when it is not a whole number from 1 to `max`. */
export function checkLimit(name: string, value: number, max = Number.MAX_SAFE_INTEGER): number {
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  const range = max === Number.MAX_SAFE_INTEGER ? "of 1 or more" : `from 1 to ${max}`;
  throw new RangeError(`Cannot use ${name} as it must be a whole number ${range}: current value is ${value}`);
}
