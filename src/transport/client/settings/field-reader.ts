/**
 * Reading what somebody wrote by hand, an option or JSON, value by value: every refusal names the value by its path.
 *
 * Spec: ProtoJSON (numbers may be strings, durations are seconds with an "s", null is as good as absent).
 * Laws: own properties alone are read; what is repeated in a text is cut and escaped.
 */
import { nearestName } from "../../../codec/nearest-name.js";

/** A value, and where it stands. */
export interface Field {
  readonly value: unknown;
  /** From the root of what it is part of: `methodConfig[1].timeout`. Empty for the root itself. */
  readonly path: string;
  /** What it is part of: `"the service config"`, `"option methods"`. */
  readonly of: string;
}

/** A range of numbers, and how it is called. */
export interface Range {
  readonly above?: number;
  readonly from?: number;
  readonly to?: number;
}

const MAX_ECHO = 128;
const MAX_UINT32 = 2 ** 32 - 1;
/** "Approximately +-10,000 years", in seconds. google/protobuf/duration.proto. */
const MAX_DURATION_SECONDS = 315_576_000_000;

/** A field of a message in JSON; null is as good as absent. */
export function fieldOf(parent: Field, name: string): Field {
  const object = objectIn(parent);
  const path = parent.path === "" ? name : `${parent.path}.${name}`;
  const value = Object.hasOwn(object, name) ? object[name] : undefined;
  return { value: value === null ? undefined : value, path, of: parent.of };
}

/** Reads a field that may be absent. */
export function maybe<T>(field: Field, read: (field: Field) => T): T | undefined {
  return field.value === undefined ? undefined : read(field);
}

/** @throws TypeError for what is no object, or a list. */
export function objectIn(field: Field): Readonly<Record<string, unknown>> {
  const { value } = field;
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw refused(field, "an object");
  return value as Record<string, unknown>;
}

/** The items of a list, each with its path. */
export function listIn(field: Field): readonly Field[] {
  const { value, path, of } = field;
  if (!Array.isArray(value)) throw refused(field, "a list");
  return Array.from(value, (item: unknown, index) => ({ value: item, path: `${path}[${index}]`, of }));
}

export function textIn(field: Field): string {
  if (typeof field.value !== "string") throw refused(field, "a string");
  return field.value;
}

export function flagIn(field: Field): boolean {
  if (typeof field.value !== "boolean") throw refused(field, "true or false");
  return field.value;
}

/** A number in a range. */
export function numberIn(field: Field, range: Range): number {
  return inRange(field, field.value, range, false);
}

/** A whole number in a range. */
export function wholeIn(field: Field, range: Range): number {
  return inRange(field, field.value, range, true);
}

/** A `float` or `double` of JSON, which may be a string. */
export function jsonNumberIn(field: Field, range: Range): number {
  return inRange(field, numeric(field.value), range, false);
}

/** A `uint32` of JSON, which may be a string. */
export function jsonWholeIn(field: Field, range: Range = {}): number {
  return inRange(field, numeric(field.value), { from: 0, to: MAX_UINT32, ...range }, true);
}

/** A `google.protobuf.Duration` of JSON, in milliseconds. */
export function jsonDurationMsIn(field: Field, above = -1): number {
  const { value } = field;
  const match = typeof value === "string" ? /^(\d{1,12})(?:\.(\d{1,9}))?s$/.exec(value) : null;
  const seconds = Number(match?.[1]);
  const ms = seconds * 1000 + Number((match?.[2] ?? "").padEnd(9, "0")) / 1e6;
  if (match !== null && seconds <= MAX_DURATION_SECONDS && ms > above) return ms;
  throw refused(field, `a duration${above === 0 ? " longer than nothing" : ""} in seconds, such as "1.5s"`);
}

/** @throws TypeError when an object has a property that is none of `known`, naming the nearest. */
export function checkNames(field: Field, known: readonly string[]): void {
  for (const name of Object.keys(objectIn(field))) {
    if (known.includes(name)) continue;
    const nearest = nearestName(name, known);
    const hint = nearest === undefined ? `there are ${known.join(", ")}` : `did you mean "${nearest}"?`;
    throw new TypeError(`${cannotUse(field)} has no setting ${shown(name)}; ${hint}`);
  }
}

/** The error for a value that is something else than was wanted. */
export function refused(field: Field, wanted: string): TypeError {
  return new TypeError(`${cannotUse(field)} must be ${wanted}: current value is ${shown(field.value)}`);
}

/** How every refusal begins. */
export function cannotUse(field: Field): string {
  return `Cannot use ${field.of} as ${field.path === "" ? "it" : field.path}`;
}

/** A value in a text: cut, and without control characters. */
export function shown(value: unknown): string {
  if (typeof value === "string") return echo(JSON.stringify(value));
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" && value !== null ? "an object" : echo(String(value));
}

function echo(text: string): string {
  const cut = text.length > MAX_ECHO ? `${text.slice(0, MAX_ECHO)}…` : text;
  return cut.replace(
    /[^\x20-\x7e\u00a0-\ud7ff\ue000-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function numeric(value: unknown): unknown {
  return typeof value === "string" && /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(value) ? Number(value) : value;
}

function inRange(field: Field, value: unknown, range: Range, whole: boolean): number {
  const { above = -Infinity, from = -Infinity, to = Infinity } = range;
  const fits = typeof value === "number" && value > above && value >= from && value <= to;
  if (fits && (whole ? Number.isInteger(value) : value !== Infinity)) return value;
  throw refused(field, `${whole ? "a whole number" : "a number"}${rangeText(range)}`);
}

function rangeText({ above, from, to }: Range): string {
  const low = above === undefined ? (from === undefined ? "" : ` from ${from}`) : ` above ${above}`;
  if (to !== undefined && to !== MAX_UINT32) return low === "" ? ` up to ${to}` : `${low} to ${to}`;
  return from === undefined ? low : `, ${from} or more`;
}
