/**
 * The `grpc-timeout` header: a duration as 1 to 8 digits and a unit.
 *
 * Spec: PROTOCOL-HTTP2.md, "Requests" (Timeout).
 * Laws: the text written never means less time than was asked for, and never more than a hundred-thousandth more.
 */

/** The units of `grpc-timeout`, finest first, each with its length in nanoseconds. */
const UNITS = [
  ["n", 1n],
  ["u", 1_000n],
  ["m", 1_000_000n],
  ["S", 1_000_000_000n],
  ["M", 60_000_000_000n],
  ["H", 3_600_000_000_000n],
] as const;

/** "TimeoutValue → {positive integer as ASCII string of at most 8 digits}" */
const MAX_DIGITS_VALUE = 99_999_999n;

const MS_PER_UNIT: ReadonlyMap<string, number> = new Map(
  UNITS.map(([unit, nanoseconds]) => [unit, Number(nanoseconds) / 1e6]),
);
const TIMEOUT_PATTERN = /^([0-9]{1,8})([HMSmun])$/;

/**
 * Writes a duration in milliseconds (fractions allowed) in the finest unit that fits 8 digits, rounded up.
 * Nothing shorter than one nanosecond and nothing longer than 99,999,999 hours is ever written.
 *
 * @throws RangeError when `timeoutMs` is not a number of milliseconds above zero.
 */
export function formatTimeout(timeoutMs: number): string {
  if (!(timeoutMs > 0)) {
    throw new RangeError(
      `Cannot format grpc-timeout as it must be more than 0 milliseconds: current value is ${timeoutMs}`,
    );
  }
  // Most timeouts are below 100 s and whole milliseconds: they need no BigInt.
  if (timeoutMs < 1e8 && timeoutMs >= 100 && Number.isInteger(timeoutMs)) {
    return timeoutMs < 1e5 ? `${timeoutMs * 1000}u` : `${timeoutMs}m`;
  }
  if (timeoutMs >= 99_999_999 * 3_600_000) return "99999999H";
  return formatNanoseconds(BigInt(Math.ceil(timeoutMs * 1e6)));
}

function formatNanoseconds(nanoseconds: bigint): string {
  for (const [unit, length] of UNITS) {
    const value = (nanoseconds + length - 1n) / length;
    if (value <= MAX_DIGITS_VALUE) return `${value}${unit}`;
  }
  return `${MAX_DIGITS_VALUE}H`;
}

/** Reads a `grpc-timeout` value as milliseconds (fractions possible), or `undefined` when it is malformed. */
export function parseTimeout(value: string): number | undefined {
  const match = TIMEOUT_PATTERN.exec(value);
  if (match === null) return undefined;
  return Number(match[1]) * (MS_PER_UNIT.get(match[2] as string) as number);
}
