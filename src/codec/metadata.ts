/**
 * Metadata: the application's own key/values, sent as headers before the messages and as trailers after them.
 *
 * Spec: PROTOCOL-HTTP2.md, "Custom-Metadata", "Header-Name", "ASCII-Value", "Binary-Header".
 * Laws: what an application sets is checked when it is set, before it can reach HTTP/2; what a peer sent is never refused
 * for being odd, and can always be sent on; several values of one name keep their order and are never joined.
 */

/** The value type of a metadata name: bytes for names that end in `-bin`, else text. */
export type MetadataValue<Name extends string> = string extends Name
  ? string | Uint8Array
  : Name extends `${string}-bin`
    ? Uint8Array
    : string;

/** What a `Metadata` can be made from: another one, pairs, or an object of values or lists of values. */
export type MetadataInit =
  | Metadata
  | Iterable<readonly [name: string, value: string | Uint8Array]>
  | Readonly<Record<string, string | Uint8Array | readonly (string | Uint8Array)[]>>;

/** "Header-Name → 1*( %x30-39 / %x61-7A / "_" / "-" / ".")" */
const NAME_PATTERN = /^[0-9a-z_.-]+$/;
/** "ASCII-Value → 1*( %x20-%x7E )"; an empty value is accepted as well. */
const VALUE_PATTERN = /^[\x20-\x7e]*$/;
/** Standard base64, padded or not, never with a stray character. Source: PROTOCOL-HTTP2.md, Binary-Header. */
const BASE64_PATTERN = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;

/** `grpc-` names that applications may carry in metadata; all others belong to the protocol. */
const OPEN_GRPC_NAMES: ReadonlySet<string> = new Set([
  "grpc-retry-pushback-ms",
  "grpc-previous-rpc-attempts",
  "grpc-status-details-bin",
  "grpc-tags-bin",
  "grpc-trace-bin",
]);

/** Header names of the transport, which are not metadata in either direction. */
const TRANSPORT_NAMES: ReadonlySet<string> = new Set([
  "te",
  "content-type",
  "content-length",
  "host",
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
]);

/** Whether `name` (lower case) belongs to the protocol, so that it is neither set by nor shown to applications. */
export function isReservedName(name: string): boolean {
  if (name.startsWith("grpc-")) return !OPEN_GRPC_NAMES.has(name);
  return name.startsWith(":") || TRANSPORT_NAMES.has(name);
}

/** Names whose values say who somebody is, and are not printed. */
const CREDENTIALS = ["authorization", "proxy-authorization", "cookie", "set-cookie"] as const;

/** An ordered multimap of metadata. Names are lower case; a name that ends in `-bin` holds bytes, any other text. */
export class Metadata implements Iterable<[name: string, value: string | Uint8Array]> {
  readonly #values = new Map<string, (string | Uint8Array)[]>();
  /** Holds values a peer sent: they were not checked, and what is illegal on the wire is left out when sent on. */
  #unchecked = false;

  /** @throws TypeError as {@link append} does. */
  constructor(init?: MetadataInit) {
    if (init === undefined || init === null) return;
    if (init instanceof Metadata) this.merge(init);
    else if (typeof init === "object" && Symbol.iterator in init) {
      for (const [name, value] of init) this.append(name, value);
    } else if (typeof init === "object") {
      for (const [name, value] of Object.entries(init)) {
        if (Array.isArray(value)) for (const one of value) this.append(name, one as string | Uint8Array);
        else this.append(name, value as string | Uint8Array);
      }
    } else {
      throw new TypeError(`Cannot make Metadata as it must be an object or pairs: current value is ${typeof init}`);
    }
  }

  /** How many names there are. */
  get size(): number {
    return this.#values.size;
  }

  /** The first value of `name`, or `undefined`. */
  get<const Name extends string>(name: Name): MetadataValue<Name> | undefined {
    return this.#values.get(name.toLowerCase())?.[0] as MetadataValue<Name> | undefined;
  }

  /** Every value of `name`, in the order they were set or received. */
  getAll<const Name extends string>(name: Name): MetadataValue<Name>[] {
    return [...(this.#values.get(name.toLowerCase()) ?? [])] as MetadataValue<Name>[];
  }

  /** Whether there is a value of `name`. */
  has(name: string): boolean {
    return this.#values.has(name.toLowerCase());
  }

  /**
   * Adds a value behind those the name already has. Upper-case letters in the name become lower case.
   *
   * @throws TypeError when the name has other characters than `0-9 a-z _ - .`, belongs to the protocol, or the value is
   * not printable ASCII (or, for a `-bin` name, not bytes).
   */
  append<const Name extends string>(name: Name, value: NoInfer<MetadataValue<Name>>): this {
    const key = checkName(name);
    const checked = checkValue(key, value);
    const values = this.#values.get(key);
    if (values === undefined) this.#values.set(key, [checked]);
    else values.push(checked);
    return this;
  }

  /** Sets the one value of a name, in place of those it had. @throws TypeError as {@link append} does. */
  set<const Name extends string>(name: Name, value: NoInfer<MetadataValue<Name>>): this {
    const key = checkName(name);
    this.#values.set(key, [checkValue(key, value)]);
    return this;
  }

  /** Removes every value of a name; says whether there was one. */
  delete(name: string): boolean {
    return this.#values.delete(name.toLowerCase());
  }

  /** Adds every value of `other` behind those already here. */
  merge(other: Metadata): this {
    for (const [name, values] of other.#values) {
      const own = this.#values.get(name);
      if (own === undefined) this.#values.set(name, [...values]);
      else own.push(...values);
    }
    this.#unchecked ||= other.#unchecked;
    return this;
  }

  /** The names, each once, in the order of their first value. */
  keys(): IterableIterator<string> {
    return this.#values.keys();
  }

  /** Each value with its name, in their order. */
  *[Symbol.iterator](): Generator<[name: string, value: string | Uint8Array]> {
    for (const [name, values] of this.#values) for (const value of values) yield [name, value];
  }

  /** A plain object of value lists, for printing. */
  toJSON(): Record<string, (string | Uint8Array)[]> {
    return Object.assign(Object.create(null), Object.fromEntries(this.#values)) as Record<
      string,
      (string | Uint8Array)[]
    >;
  }

  [Symbol.for("nodejs.util.inspect.custom")](
    _depth: number,
    options: object,
    inspect?: (v: unknown, o: object) => string,
  ): string {
    const shown: Record<string, unknown> = this.toJSON();
    // What is printed is kept in logs, where no credentials belong.
    for (const name of CREDENTIALS) if (name in shown) shown[name] = ["***"];
    return `Metadata ${inspect === undefined ? JSON.stringify(shown) : inspect(shown, options)}`;
  }

  /**
   * Writes the values as header fields into `headers`: text as it is, bytes as base64 without padding, several values of a
   * name as a list. Received values that are not legal on the wire are left out.
   */
  writeTo(headers: Record<string, string | string[] | number>): void {
    for (const [name, values] of this.#values) {
      const wire: string[] = [];
      for (const value of values) {
        if (typeof value !== "string") wire.push(formatBinary(value));
        else if (!this.#unchecked || VALUE_PATTERN.test(value)) wire.push(value);
      }
      if (this.#unchecked && !NAME_PATTERN.test(name)) continue;
      if (wire.length > 0) setField(headers, name, wire.length === 1 ? (wire[0] as string) : wire);
    }
  }

  /**
   * The metadata in a raw header list (`[name, value, name, value, …]`), without pseudo-headers and the protocol's own.
   * A `-bin` value is split at commas and decoded; one that is not base64 must have been refused before
   * (see `malformedBinaryHeader`) and is left out here.
   */
  static fromRawHeaders(rawHeaders: readonly string[]): Metadata {
    const metadata = new Metadata();
    metadata.#unchecked = true;
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
      const name = rawHeaders[i] as string;
      if (isReservedName(name)) continue;
      metadata.#received(name, rawHeaders[i + 1] as string);
    }
    return metadata;
  }

  #received(name: string, text: string): void {
    let values = this.#values.get(name);
    if (values === undefined) this.#values.set(name, (values = []));
    if (!name.endsWith("-bin")) {
      values.push(trimSpaces(text));
      return;
    }
    for (const piece of text.split(",")) {
      const bytes = parseBinary(piece.trim());
      if (bytes !== undefined) values.push(bytes);
    }
  }
}

/**
 * The first `-bin` header in a raw header list whose value is not base64, or `undefined`. The details of a status do not count:
 * the status is known without them.
 */
export function malformedBinaryHeader(rawHeaders: readonly string[]): string | undefined {
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (!name.endsWith("-bin") || isReservedName(name) || name === "grpc-status-details-bin") continue;
    for (const piece of (rawHeaders[i + 1] as string).split(",")) {
      if (!BASE64_PATTERN.test(piece.trim())) return name;
    }
  }
  return undefined;
}

/** `headers[name] = value`, also for the name `__proto__`, which would change the object's prototype instead. */
function setField(headers: Record<string, string | string[] | number>, name: string, value: string | string[]): void {
  if (name !== "__proto__") headers[name] = value;
  else Object.defineProperty(headers, name, { value, enumerable: true, configurable: true, writable: true });
}

function checkName(name: string): string {
  const key = typeof name === "string" ? name.toLowerCase() : "";
  if (!NAME_PATTERN.test(key)) {
    const shown = typeof name === "string" ? JSON.stringify(name.slice(0, 64)) : typeof name;
    throw new TypeError(
      `Cannot use metadata name as it must be 1 or more of 0-9 a-z _ - . : current value is ${shown}`,
    );
  }
  if (isReservedName(key)) throw new TypeError(`Cannot use metadata name "${key}" as it belongs to the protocol`);
  return key;
}

function checkValue(name: string, value: unknown): string | Uint8Array {
  if (name.endsWith("-bin")) {
    if (value instanceof Uint8Array) return new Uint8Array(value);
    throw new TypeError(
      `Cannot set metadata "${name}" as a -bin value must be a Uint8Array: current value is ${typeof value}`,
    );
  }
  if (typeof value !== "string") {
    const kind = value instanceof Uint8Array ? "a Uint8Array (bytes need a name that ends in -bin)" : typeof value;
    throw new TypeError(`Cannot set metadata "${name}" as its value must be a string: current value is ${kind}`);
  }
  if (!VALUE_PATTERN.test(value)) {
    throw new TypeError(
      `Cannot set metadata "${name}" as its value must be printable ASCII: current value is ${JSON.stringify(value.slice(0, 64))}`,
    );
  }
  return trimSpaces(value);
}

/** HTTP/2 fields carry no spaces at their ends: Node 20 drops such a field, later versions deliver it untrimmed. */
function trimSpaces(value: string): string {
  const first = value.charCodeAt(0);
  const last = value.charCodeAt(value.length - 1);
  return first === 0x20 || last === 0x20 || first === 0x09 || last === 0x09
    ? value.replace(/^[ \t]+|[ \t]+$/g, "")
    : value;
}

/** Standard base64 without padding: "implementations SHOULD emit un-padded values" (PROTOCOL-HTTP2.md, Binary-Header). */
function formatBinary(bytes: Uint8Array): string {
  const base64 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
  return base64.endsWith("==") ? base64.slice(0, -2) : base64.endsWith("=") ? base64.slice(0, -1) : base64;
}

function parseBinary(text: string): Uint8Array | undefined {
  return BASE64_PATTERN.test(text) ? new Uint8Array(Buffer.from(text, "base64")) : undefined;
}
