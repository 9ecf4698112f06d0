/**
 * A recording, as it is read: the calls of a file that `barewire trace --record` has written, or a person.
 *
 * Spec: docs/recordings.md, the format; RFC 8259, RFC 4648 §4.
 * Laws: whatever the text is, it is read whole or refused with the number of a line and what was wanted there; only its last line may be
 * cut, as when its writer was killed.
 */

/** The version of the format. One that is not known is refused. */
export const RECORDING_VERSION = 1;

/** Stands for a value that was not written down. */
export const HIDDEN = "***";

/** A header or a trailer. */
export type RecordedField = readonly [name: string, value: string];

/** How a recorded call ended. */
export type RecordedEnding =
  | {
      readonly how: "status";
      readonly status: number;
      readonly statusMessage: string;
      readonly trailers: readonly RecordedField[];
    }
  | { readonly how: "reset"; readonly from: "client" | "server"; readonly code: string }
  | { readonly how: "lost" | "no status" };

/** What happened in a call, and when: in milliseconds since the recording began. `bytes` is missing of what was too long. */
export type RecordedStep =
  | { readonly kind: "request"; readonly atMs: number; readonly bytes: Uint8Array | undefined }
  | { readonly kind: "response"; readonly atMs: number; readonly bytes: Uint8Array | undefined }
  | { readonly kind: "requests-ended"; readonly atMs: number }
  | { readonly kind: "headers"; readonly atMs: number; readonly headers: readonly RecordedField[] }
  | { readonly kind: "end"; readonly atMs: number; readonly ending: RecordedEnding };

/** One call. */
export interface RecordedCall {
  /** As the file numbers it. */
  readonly number: number;
  /** The path of its method. */
  readonly method: string;
  readonly startedAtMs: number;
  readonly headers: readonly RecordedField[];
  /** In the order in which it happened. The end is missing where the recording has none. */
  readonly steps: readonly RecordedStep[];
}

/** All of a file. */
export interface Recording {
  /** Which server it was. */
  readonly remote: string;
  /** What its services are declared as: serialized `FileDescriptorProto`s by their names. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly calls: readonly RecordedCall[];
  /** Whether something is missing at its end: the limit was reached, or its writer was killed. */
  readonly isCut: boolean;
}

/** A line that cannot be read. */
export class RecordingError extends Error {
  override readonly name = "RecordingError";
  /** From 1. */
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

const EVENTS = ["file", "start", "request", "requests-ended", "headers", "response", "end", "full"] as const;
const MAX_CALLS = 1_000_000;
/** The most fields of a header list. */
export const MAX_FIELDS = 2000;
const MAX_PATH = 1024;
/** `/package.Service/Method`. */
const PATH = /^\/[^/\p{Cc}\p{Z}]+\/[^/\p{Cc}\p{Z}]+$/u;

/** Whether a path is one that a recording can have: a service's and a method's. */
export function isMethodPath(path: string): boolean {
  return path.length <= MAX_PATH && PATH.test(path);
}

interface OpenCall extends RecordedCall {
  readonly steps: RecordedStep[];
  hasEnded: boolean;
}

type Json = Readonly<Record<string, unknown>>;

/** Reads a recording. @throws RecordingError */
export function parseRecording(text: string): Recording {
  const reader = new RecordingReader();
  const lines = text.split("\n");
  for (const [index, line] of lines.entries()) {
    // A file ends with the end of a line; what is behind it was being written when its writer was killed.
    const isLast = index === lines.length - 1;
    if (line.trim() === "" && (isLast || index > 0)) continue;
    reader.take(line, index + 1, isLast);
  }
  return reader.done();
}

class RecordingReader {
  readonly #files = new Map<string, Uint8Array>();
  readonly #calls = new Map<number, OpenCall>();
  #remote: string | undefined;
  #isCut = false;
  #line = 0;

  take(text: string, line: number, mayBeCut: boolean): void {
    this.#line = line;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      if (!mayBeCut || this.#remote === undefined) throw this.#wrong("it must be JSON");
      this.#isCut = true;
      return;
    }
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw this.#wrong("it must be an object");
    if (this.#remote === undefined) this.#head(value as Json);
    else this.#event(value as Json);
  }

  done(): Recording {
    if (this.#remote === undefined) {
      this.#line = 1;
      throw this.#wrong("a recording must begin with its head, and it is empty");
    }
    return { remote: this.#remote, files: this.#files, calls: [...this.#calls.values()], isCut: this.#isCut };
  }

  #head({ barewire, version, remote }: Json): void {
    if (barewire !== "recording") throw this.#wrong(`a recording must begin with {"barewire":"recording"}`);
    if (version !== RECORDING_VERSION) {
      throw this.#wrong(
        `its version must be ${RECORDING_VERSION}, and is ${shown(version)}: another barewire has written it`,
      );
    }
    this.#remote = typeof remote === "string" ? remote : "";
  }

  #event(value: Json): void {
    const { event } = value;
    if (event === "full") this.#isCut = true;
    else if (event === "file") this.#file(value);
    else if (event === "start") this.#start(value);
    else if (!EVENTS.some((one) => one === event)) {
      throw this.#wrong(`its event must be one of ${EVENTS.join(", ")}, and is ${shown(event)}`);
    } else this.#step(this.#callOf(value), event as string, value);
  }

  #file({ name, descriptor }: Json): void {
    if (typeof name !== "string" || name === "") throw this.#wrong("name must be the file's, as imports have it");
    const bytes = this.#base64("descriptor", descriptor);
    if (this.#files.has(name)) throw this.#wrong(`the file ${shown(name)} is there already`);
    this.#files.set(name, bytes);
  }

  #start(value: Json): void {
    const { method } = value;
    const number = this.#number(value);
    if (this.#calls.has(number)) throw this.#wrong(`call ${number} has started already`);
    if (this.#calls.size >= MAX_CALLS) throw this.#wrong(`there must be no more than ${MAX_CALLS} calls`);
    if (typeof method !== "string" || !isMethodPath(method)) {
      throw this.#wrong(`method must be a path such as "/pkg.Service/Method", and is ${shown(method)}`);
    }
    const [startedAtMs, headers] = [this.#ms(value), this.#fields("headers", value["headers"])];
    this.#calls.set(number, { number, method, startedAtMs, headers, steps: [], hasEnded: false });
  }

  #step(call: OpenCall, event: string, value: Json): void {
    const atMs = this.#ms(value);
    if (event === "request" || event === "response") {
      const { message } = value;
      const bytes = message === undefined && "length" in value ? undefined : this.#base64("message", message);
      call.steps.push({ kind: event, atMs, bytes });
    } else if (event === "headers") {
      call.steps.push({ kind: "headers", atMs, headers: this.#fields("headers", value["headers"]) });
    } else if (event === "requests-ended") call.steps.push({ kind: "requests-ended", atMs });
    else {
      call.steps.push({ kind: "end", atMs, ending: this.#ending(value) });
      call.hasEnded = true;
    }
  }

  #ending(value: Json): RecordedEnding {
    const { how, status, statusMessage = "", from, code } = value;
    if (how === "lost" || how === "no status") return { how };
    if (how === "reset") {
      if (from !== "client" && from !== "server") throw this.#wrong(`from must be "client" or "server"`);
      return { how, from, code: typeof code === "string" ? code : "" };
    }
    if (how !== undefined) throw this.#wrong(`how must be reset, lost or no status, and is ${shown(how)}`);
    if (typeof status !== "number" || !Number.isInteger(status) || status < 0 || status > 16) {
      throw this.#wrong(`status must be a whole number from 0 to 16, and is ${shown(status)}`);
    }
    if (typeof statusMessage !== "string") throw this.#wrong("statusMessage must be a text");
    return { how: "status", status, statusMessage, trailers: this.#fields("trailers", value["trailers"]) };
  }

  #callOf(value: Json): OpenCall {
    const number = this.#number(value);
    const call = this.#calls.get(number);
    if (call === undefined) throw this.#wrong(`call ${number} has not started`);
    if (call.hasEnded) throw this.#wrong(`call ${number} has ended already`);
    return call;
  }

  #number({ call }: Json): number {
    if (typeof call === "number" && Number.isSafeInteger(call) && call > 0) return call;
    throw this.#wrong(`call must be a whole number above 0, and is ${shown(call)}`);
  }

  #ms({ ms = 0 }: Json): number {
    if (typeof ms === "number" && ms >= 0 && ms <= Number.MAX_SAFE_INTEGER) return ms;
    throw this.#wrong(`ms must be a number, 0 or more, and is ${shown(ms)}`);
  }

  #fields(name: string, value: unknown = []): RecordedField[] {
    const isField = (one: unknown): boolean =>
      Array.isArray(one) && one.length === 2 && one.every((text) => typeof text === "string");
    if (Array.isArray(value) && value.length <= MAX_FIELDS && value.every(isField)) return value as RecordedField[];
    throw this.#wrong(`${name} must be a list of pairs of texts, ${MAX_FIELDS} at most`);
  }

  #base64(name: string, value: unknown): Uint8Array {
    if (typeof value === "string") {
      const bytes = Buffer.from(value, "base64");
      // What is none is skipped there.
      if (bytes.toString("base64") === value) return bytes;
    }
    throw this.#wrong(`${name} must be base64, and is ${shown(value)}`);
  }

  #wrong(why: string): RecordingError {
    return new RecordingError(this.#line, why);
  }
}

/** A value of a stranger's, cut; whoever prints it escapes it. */
function shown(value: unknown): string {
  const text = value === undefined ? "missing" : JSON.stringify(value);
  return text.length > 64 ? `${text.slice(0, 64)}…` : text;
}
