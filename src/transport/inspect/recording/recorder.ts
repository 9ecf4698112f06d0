/**
 * Calls as they pass, written down: one event a line, for `barewire replay`.
 *
 * Spec: docs/recordings.md, the format; RFC 8259.
 * Laws: a file is never longer than its limit, and says where it was cut; a secret is not in it; messages are written plain, so that
 * they can be compared; what the services are declared as is written before their calls, once.
 */
import type { MessageType } from "../../../codec/method.js";
import type { MessageCodec } from "../../../codec/proto/message.js";
import { schemaOf, type Schema } from "../../../codec/proto/schema.js";
import type { HeaderField } from "../../../codec/http2/hpack.js";
import type { SeenCall } from "../call-watch.js";
import type { Side } from "../conversation.js";
import type { Secrets } from "../header-words.js";
import { jsonLine } from "../json-event.js";
import type { SeenMessage } from "../message-collector.js";
import { plainBytes, type TypesOf } from "../message-content.js";
import type { OrderedOutput } from "../ordered-output.js";
import type { EventOf, WireEvent } from "../wire-event.js";
import { isMethodPath, MAX_FIELDS, HIDDEN, RECORDING_VERSION } from "./recording.js";

/** What a message may be, in bytes, to be written down. */
export const MAX_RECORDED_BYTES = 4 * 1024 * 1024;

/** What a {@link Recorder} can be told. */
export interface RecorderOptions {
  readonly secrets: Secrets;
  readonly typesOf: TypesOf;
  /** How long the file may become, in bytes. */
  readonly limitBytes: number;
  /** Is told, once, that it is full. */
  readonly full: () => void;
}

/** Writes down what it hears. */
export class Recorder {
  readonly #output: OrderedOutput;
  readonly #options: RecorderOptions;
  readonly #numbers = new Map<SeenCall, number>();
  readonly #files = new Set<string>();
  readonly #asked = new Set<string>();
  #count = 0;
  #bytes = 0;
  #startedAtMs: number | undefined;
  #isFull = false;

  constructor(output: OrderedOutput, options: RecorderOptions) {
    this.#output = output;
    this.#options = options;
  }

  /** Writes an event down, if it is one of a call. */
  hear(event: WireEvent): void {
    if (this.#isFull) return;
    switch (event.kind) {
      case "listening":
        this.#begin(event.atMs, event.remote);
        break;
      case "headers":
        this.#onHeaders(event);
        break;
      case "message":
        this.#onMessage(event.atMs, event.call, event.from, event.message);
        break;
      case "requests-ended":
        this.#add(event, event.call, { event: "requests-ended" });
        break;
      case "call-ended":
        this.#onEnded(event);
        break;
      default:
    }
  }

  #begin(atMs: number, remote: string): void {
    this.#startedAtMs = atMs;
    const time = new Date(atMs).toISOString();
    this.#write(jsonLine({ barewire: "recording", version: RECORDING_VERSION, time, remote }));
  }

  #onHeaders({ atMs, role, fields, call }: EventOf<"headers">): void {
    // What is no call of gRPC's, as a stranger's GET of /healthz, could not be served again.
    if (call === undefined || this.#isFull || !isMethodPath(call.path)) return;
    const headers = this.#shown(fields);
    if (role === "request") {
      this.#describe(call.path);
      this.#numbers.set(call, ++this.#count);
      this.#add({ atMs }, call, { event: "start", method: call.path, headers });
    } else if (role === "response") this.#add({ atMs }, call, { event: "headers", headers });
  }

  #onMessage(atMs: number, call: SeenCall, from: Side, { bytes, compressed, length }: SeenMessage): void {
    const event = from === "client" ? "request" : "response";
    const { coding } = from === "client" ? call.request : call.response;
    if (bytes === undefined) this.#add({ atMs }, call, { event, length });
    else if (!compressed) this.#add({ atMs }, call, { event, message: base64(bytes) });
    else {
      // The call may be over when its message has been decompressed.
      const number = this.#numbers.get(call);
      const line = plainBytes(bytes, coding, MAX_RECORDED_BYTES).then((plain) =>
        this.#line({ atMs }, number, typeof plain === "string" ? { event, length } : { event, message: base64(plain) }),
      );
      this.#output.add(
        line.then((text) => this.#fitting(text)),
        bytes.length,
      );
    }
  }

  #onEnded({ atMs, call }: EventOf<"call-ended">): void {
    const { ending } = call;
    if (ending?.how === "status") {
      const { code, message } = ending.status;
      const statusMessage = this.#options.secrets.hasName("grpc-message") && message !== "" ? HIDDEN : message;
      const trailers = this.#shown(ending.trailers);
      this.#add({ atMs }, call, { event: "end", status: code, statusMessage, trailers });
    } else if (ending?.how === "reset") {
      this.#add({ atMs }, call, { event: "end", how: "reset", from: ending.from, code: ending.code });
    } else this.#add({ atMs }, call, { event: "end", how: ending?.how ?? "lost" });
    this.#numbers.delete(call);
  }

  #shown(fields: readonly HeaderField[]): (readonly [name: string, value: string])[] {
    const { secrets } = this.#options;
    return fields
      .filter(({ name }) => !name.startsWith(":"))
      .slice(0, MAX_FIELDS)
      .map(({ name, value }) => [name, secrets.hasName(name) ? HIDDEN : value]);
  }

  /** Writes what the service of a path is declared as, when that is known, before its first call. */
  #describe(path: string): void {
    const service = path.slice(0, path.lastIndexOf("/"));
    if (this.#asked.has(service)) return;
    this.#asked.add(service);
    const types = this.#options.typesOf(path);
    const lines = Promise.resolve(types).then(
      (known) => this.#fitting(this.#fileLines(known === undefined ? undefined : schemaFrom(known.request))),
      () => "",
    );
    this.#output.add(lines);
  }

  #fileLines(schema: Schema | undefined): string {
    const files = (schema?.descriptors ?? []).filter(({ name }) => !this.#files.has(name));
    for (const { name } of files) this.#files.add(name);
    return files.map(({ name, bytes }) => jsonLine({ event: "file", name, descriptor: base64(bytes) })).join("");
  }

  #add(at: { readonly atMs: number }, call: SeenCall, body: Readonly<Record<string, unknown>>): void {
    this.#write(this.#line(at, this.#numbers.get(call), body));
  }

  #line(
    { atMs }: { readonly atMs: number },
    number: number | undefined,
    body: Readonly<Record<string, unknown>>,
  ): string {
    if (number === undefined) return "";
    const { event, ...rest } = body;
    const ms = Math.round((atMs - (this.#startedAtMs ?? atMs)) * 1000) / 1000;
    return jsonLine({ event, call: number, ms, ...rest });
  }

  #write(text: string): void {
    const fitting = this.#fitting(text);
    if (fitting !== "") this.#output.add(fitting);
  }

  /** The text, as long as there is room for it, and for the word that there is none. */
  #fitting(text: string): string {
    if (this.#isFull) return "";
    const bytes = Buffer.byteLength(text);
    if (this.#bytes + bytes + FULL_LINE.length <= this.#options.limitBytes) {
      this.#bytes += bytes;
      return text;
    }
    this.#isFull = true;
    this.#numbers.clear();
    this.#options.full();
    return FULL_LINE;
  }
}

const FULL_LINE = `${JSON.stringify({ event: "full" })}\n`;

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

/** What a type was declared in; a codec of somebody's own is declared nowhere. */
function schemaFrom(type: MessageType): Schema | undefined {
  return "declared" in type ? schemaOf(type as unknown as MessageCodec) : undefined;
}
