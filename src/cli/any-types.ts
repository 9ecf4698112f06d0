/**
 * The types of the `google.protobuf.Any` values in requests and responses: asked for by name when one is met.
 *
 * Laws: a name is asked for once, and so many at most; a type that is not found is no error, its value is shown as bytes.
 */
import type { Schema } from "../index.js";
import { FULL_NAME, type SchemaSource } from "./schema-source.js";

const MAX_LOOKUPS = 100;
const MAX_DEPTH = 100;

/** What has been found so far. */
export class AnyTypes {
  readonly #source: SchemaSource;
  readonly #asked = new Set<string>();
  /** The schemas in which types are looked up. Grows. */
  readonly schemas: Schema[];

  constructor(source: SchemaSource, schema: Schema) {
    this.#source = source;
    this.schemas = [schema];
  }

  /** Looks for the types that a request in JSON names. */
  async findIn(json: string): Promise<void> {
    if (!json.includes("@type")) return;
    for (const [, typeUrl = ""] of json.matchAll(/"@type"\s*:\s*"([^"\\]*)"/g)) await this.#find(typeUrl);
  }

  /** Looks for the types of the values in a message. */
  async findOf(message: unknown, depth = 0): Promise<void> {
    if (typeof message !== "object" || message === null || message instanceof Uint8Array || depth > MAX_DEPTH) return;
    const { typeUrl, value } = message as { readonly typeUrl?: unknown; readonly value?: unknown };
    if (typeof typeUrl === "string" && value instanceof Uint8Array) {
      const inside = await this.#open(typeUrl, value);
      if (inside !== undefined) await this.findOf(inside, depth + 1);
      return;
    }
    const parts: Iterable<unknown> = message instanceof Map ? message.values() : Object.values(message);
    for (const part of parts) if (typeof part === "object" && part !== null) await this.findOf(part, depth + 1);
  }

  async #open(typeUrl: string, value: Uint8Array): Promise<unknown> {
    const schema = await this.#find(typeUrl);
    try {
      return schema?.message(typeUrl.slice(typeUrl.lastIndexOf("/") + 1)).decode(value);
    } catch {
      return undefined;
    }
  }

  async #find(typeUrl: string): Promise<Schema | undefined> {
    const name = typeUrl.slice(typeUrl.lastIndexOf("/") + 1);
    const known = this.schemas.find((schema) => schema.messageNames.includes(name));
    if (known !== undefined) return known;
    if (!FULL_NAME.test(name) || this.#asked.has(name) || this.#asked.size >= MAX_LOOKUPS) return undefined;
    this.#asked.add(name);
    try {
      const schema = await this.#source.schemaOf(name);
      if (schema !== undefined && !this.schemas.includes(schema)) this.schemas.push(schema);
      return schema;
    } catch {
      // What was asked for is the call: it goes on.
      return undefined;
    }
  }
}
