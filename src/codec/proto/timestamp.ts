/**
 * Points in time and lengths of time as JavaScript has them, to and from `google.protobuf.Timestamp` and `Duration`.
 *
 * Spec: google/protobuf/timestamp.proto, google/protobuf/duration.proto.
 * Laws: a value outside the ranges of these files is refused in both directions; what is finer than the other side can
 * hold is rounded towards the past for points in time, towards the nearest for durations.
 */

/** The value of a `google.protobuf.Timestamp`: seconds since 1970 (UTC), and nanoseconds that count forward from there. */
export interface Timestamp {
  seconds: bigint;
  /** 0 to 999,999,999, also before 1970. */
  nanos: number;
}

/** The value of a `google.protobuf.Duration`: both parts have the same sign. */
export interface Duration {
  seconds: bigint;
  /** -999,999,999 to 999,999,999. */
  nanos: number;
}

/** "Must be between -62135596800 and 253402300799 inclusive (which corresponds to 0001-01-01 to 9999-12-31)". */
const MIN_TIMESTAMP_SECONDS = -62_135_596_800n;
const MAX_TIMESTAMP_SECONDS = 253_402_300_799n;

/** "Must be from -315,576,000,000 to +315,576,000,000 inclusive", about 10,000 years. */
const MAX_DURATION_SECONDS = 315_576_000_000n;

const NANOS_PER_MS = 1_000_000;
const MAX_NANOS = 999_999_999;

/** The timestamp of a `Date`. @throws RangeError when the date is invalid or not in the years 1 to 9999. */
export function timestampFromDate(date: Date): Timestamp {
  const ms = date.getTime();
  if (Number.isNaN(ms))
    throw new RangeError("Cannot make a Timestamp as the date must be valid: current value is Invalid Date");
  const seconds = Math.floor(ms / 1000);
  return checkTimestamp({ seconds: BigInt(seconds), nanos: (ms - seconds * 1000) * NANOS_PER_MS });
}

/** The `Date` of a timestamp, to the millisecond before it. @throws RangeError when its parts are out of range. */
export function timestampToDate(timestamp: Readonly<Timestamp>): Date {
  const { seconds, nanos } = checkTimestamp(timestamp);
  return new Date(Number(seconds) * 1000 + Math.floor(nanos / NANOS_PER_MS));
}

/** The duration of a number of milliseconds, which may have a fraction. @throws RangeError beyond 10,000 years. */
export function durationFromMs(ms: number): Duration {
  if (!Number.isFinite(ms)) {
    throw new RangeError(`Cannot make a Duration as it must be a number of milliseconds: current value is ${ms}`);
  }
  const seconds = Math.trunc(ms / 1000);
  const nanos = Math.round((ms - seconds * 1000) * NANOS_PER_MS);
  // Rounding may complete a second; `+ 0` keeps -0 out of a message.
  const carry = Math.abs(nanos) > MAX_NANOS ? Math.sign(nanos) : 0;
  return checkDuration({ seconds: BigInt(seconds + carry), nanos: nanos - carry * 1_000_000_000 + 0 });
}

/** The milliseconds of a duration, with a fraction where it has one. @throws RangeError when its parts are out of range. */
export function durationToMs(duration: Readonly<Duration>): number {
  const { seconds, nanos } = checkDuration(duration);
  return Number(seconds) * 1000 + nanos / NANOS_PER_MS;
}

/** The timestamp itself. @throws RangeError when its parts are out of range. */
export function checkTimestamp<T extends Readonly<Timestamp>>(timestamp: T): T {
  const { seconds, nanos } = timestamp;
  if (seconds < MIN_TIMESTAMP_SECONDS || seconds > MAX_TIMESTAMP_SECONDS) {
    throw new RangeError(
      `Cannot use a Timestamp as it must be in the years 1 to 9999: current value is ${seconds} seconds`,
    );
  }
  if (!Number.isInteger(nanos) || nanos < 0 || nanos > MAX_NANOS) {
    throw new RangeError(`Cannot use a Timestamp as its nanos must be from 0 to 999999999: current value is ${nanos}`);
  }
  return timestamp;
}

/** The duration itself. @throws RangeError when its parts are out of range. */
export function checkDuration<T extends Readonly<Duration>>(duration: T): T {
  const { seconds, nanos } = duration;
  if (seconds < -MAX_DURATION_SECONDS || seconds > MAX_DURATION_SECONDS) {
    throw new RangeError(
      `Cannot use a Duration as it must be within 10,000 years: current value is ${seconds} seconds`,
    );
  }
  if (!Number.isInteger(nanos) || Math.abs(nanos) > MAX_NANOS) {
    throw new RangeError(
      `Cannot use a Duration as its nanos must be from -999999999 to 999999999: current value is ${nanos}`,
    );
  }
  if ((seconds > 0n && nanos < 0) || (seconds < 0n && nanos > 0)) {
    throw new RangeError(
      `Cannot use a Duration as both parts must have the same sign: current value is ${seconds} s ${nanos} ns`,
    );
  }
  return duration;
}
