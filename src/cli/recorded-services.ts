/**
 * The services of a recording, with handlers that answer as it was recorded.
 *
 * Spec: docs/recordings.md.
 * Laws: a call is answered with one that was recorded, or with a sentence that says why not; nothing is decoded, so that any method of
 * any kind can be answered; what its handler waits for ends with the call.
 */
import { setTimeout as sleep } from "node:timers/promises";
import {
  Code,
  type HandlerCall,
  loadDescriptorSet,
  type MessageType,
  type Metadata,
  type Schema,
  type Server,
  type Service,
  StatusError,
} from "../index.js";
import { quoted } from "../services/peer-text.js";
import {
  HIDDEN,
  type RecordedCall,
  type RecordedEnding,
  type RecordedField,
  type RecordedStep,
  type Recording,
} from "../transport/inspect/recording/recording.js";

/** How recorded calls are served. */
export interface ReplayOptions {
  /** As late as they were, message by message. */
  readonly timing: boolean;
  /** Where one call of a method was recorded, it answers only the same requests. */
  readonly strict: boolean;
}

/** Bytes stay bytes. */
const BYTES: MessageType<Uint8Array> = {
  typeName: "bytes",
  encode: (bytes) => bytes,
  decode: (bytes) => Uint8Array.from(bytes),
};
/** The longest that a recorded pause is kept, in milliseconds. */
const MAX_PAUSE_MS = 600_000;

/** A method, and its calls in the order in which they were recorded. */
interface RecordedMethod {
  readonly path: string;
  readonly calls: CallOfMethod[];
}

/** What the services of a recording are declared as; `undefined` where that was not recorded. @throws Error when it is no good. */
export function recordedSchema({ files }: Recording): Schema | undefined {
  if (files.size === 0) return undefined;
  // FileDescriptorSet: `repeated FileDescriptorProto file = 1`.
  return loadDescriptorSet(Buffer.concat([...files.values()].flatMap((bytes) => [fieldHead(bytes.length), bytes])));
}

function fieldHead(length: number): Uint8Array {
  const bytes = [0x0a];
  let left = length;
  for (; left > 0x7f; left = Math.floor(left / 128)) bytes.push((left % 128) | 0x80);
  return Uint8Array.from([...bytes, left]);
}

/** A recorded call, its requests, and how often it has answered. */
interface CallOfMethod {
  readonly recorded: RecordedCall;
  readonly requests: readonly (Uint8Array | undefined)[];
  served: number;
}

/** Adds every service of a recording, and of its schema those services of which a call was recorded. */
export function addRecorded(
  server: Server,
  recording: Recording,
  schema: Schema | undefined,
  options: ReplayOptions,
): void {
  const methods = new Map<string, RecordedMethod>();
  for (const recorded of recording.calls) {
    const { method: path } = recorded;
    const method = methods.get(path) ?? { path, calls: [] };
    methods.set(path, method);
    const requests = recorded.steps.flatMap((step) => (step.kind === "request" ? [step.bytes] : []));
    method.calls.push({ recorded, requests, served: 0 });
  }
  const known = new Set(server.services.map(({ typeName }) => typeName));
  const services = new Map<string, RecordedMethod[]>();
  for (const method of methods.values()) {
    const name = serviceOf(method.path);
    services.set(name, [...(services.get(name) ?? []), method]);
  }
  for (const [typeName, recorded] of services) {
    if (!known.has(typeName)) addService(server, typeName, recorded, schema, options);
  }
}

function addService(
  server: Server,
  typeName: string,
  recorded: readonly RecordedMethod[],
  schema: Schema | undefined,
  options: ReplayOptions,
): void {
  const declared = schema?.serviceNames.includes(typeName) === true ? schema.service(typeName) : undefined;
  const paths = new Set(recorded.map(({ path }) => path));
  for (const { path } of Object.values(declared?.methods ?? {})) paths.add(path);
  const methods: Record<string, Service["methods"][string]> = {};
  const handlers: Record<string, unknown> = {};
  for (const [index, path] of [...paths].entries()) {
    // Of a kind that can be any: on the wire there is no difference.
    const localName = `method${index}`;
    const name = path.slice(path.lastIndexOf("/") + 1);
    methods[localName] = { kind: "bidiStreaming", name, localName, path, request: BYTES, response: BYTES };
    const method = recorded.find((one) => one.path === path) ?? { path, calls: [] };
    handlers[localName] = (requests: AsyncIterable<Uint8Array>, call: HandlerCall) =>
      answer(method, requests, call, options);
  }
  server.add({ typeName, methods, schema: declared?.schema }, handlers as never);
}

function serviceOf(path: string): string {
  return path.slice(1, path.lastIndexOf("/"));
}

/** The requests of a call, as far as they have come. */
class Requests {
  readonly seen: Uint8Array[] = [];
  hasEnded = false;
  readonly #iterator: AsyncIterator<Uint8Array>;

  constructor(requests: AsyncIterable<Uint8Array>) {
    this.#iterator = requests[Symbol.asyncIterator]();
  }

  /** Waits for one more, or for the end. */
  async more(): Promise<void> {
    if (this.hasEnded) return;
    const { done, value } = await this.#iterator.next();
    if (done === true) this.hasEnded = true;
    else this.seen.push(value);
  }
}

async function* answer(
  method: RecordedMethod,
  incoming: AsyncIterable<Uint8Array>,
  call: HandlerCall,
  options: ReplayOptions,
): AsyncGenerator<Uint8Array> {
  const requests = new Requests(incoming);
  const { steps, startedAtMs, number } = await choose(method, requests, options);
  let requestsDue = 0;
  let beforeMs = startedAtMs;
  for (const step of steps) {
    if (step.kind === "request") requestsDue++;
    while (requests.seen.length < requestsDue && !requests.hasEnded) await requests.more();
    while (step.kind === "requests-ended" && !requests.hasEnded) await requests.more();
    if (options.timing && isOfServer(step)) await pause(step.atMs - beforeMs, call.signal);
    beforeMs = step.atMs;
    if (step.kind === "response") yield messageOf(step.bytes, number);
    else if (step.kind === "headers") sendHeaders(call, step.headers);
    else if (step.kind === "end") {
      finish(call, step.ending, number);
      return;
    }
  }
  throw new StatusError(Code.UNAVAILABLE, `the recording of this call, number ${number}, ends here`);
}

/** The recorded call that answers. @throws StatusError when there is none. */
async function choose(
  { path, calls }: RecordedMethod,
  requests: Requests,
  { strict }: ReplayOptions,
): Promise<RecordedCall> {
  if (calls.length === 0) throw new StatusError(Code.UNIMPLEMENTED, `no call of ${quoted(path)} was recorded`);
  let candidates = calls;
  if (calls.length > 1 || strict) {
    for (;;) {
      candidates = candidates.filter((one) => isSoFar(one, requests));
      if (candidates.length === 0) {
        const many = calls.length === 1 ? "1 call" : `${calls.length} calls`;
        throw new StatusError(Code.NOT_FOUND, `${many} of ${quoted(path)} were recorded, and none with these requests`);
      }
      if (requests.hasEnded || !candidates.some(({ recorded }) => asksFor(recorded, requests))) break;
      await requests.more();
    }
  }
  // In the order in which they were recorded, and then from the beginning again.
  const least = Math.min(...candidates.map(({ served }) => served));
  const chosen = candidates.find(({ served }) => served === least) as CallOfMethod;
  chosen.served++;
  return chosen.recorded;
}

/** Whether what has come of the requests is what was recorded. */
function isSoFar({ requests: recorded }: CallOfMethod, { seen, hasEnded }: Requests): boolean {
  if (seen.length > recorded.length || (hasEnded && seen.length < recorded.length)) return false;
  return seen.every((bytes, at) => {
    const one = recorded[at];
    return one === undefined || Buffer.compare(one, bytes) === 0;
  });
}

/** Whether the next thing in a recorded call is one of the client's, so that more can be known before it is answered. */
function asksFor({ steps }: RecordedCall, { seen }: Requests): boolean {
  let left = seen.length;
  for (const { kind } of steps) {
    if (kind === "request" && left-- > 0) continue;
    if (kind === "request" || kind === "requests-ended") return true;
    if (left <= 0) return false;
  }
  return false;
}

function isOfServer({ kind }: RecordedStep): boolean {
  return kind === "headers" || kind === "response" || kind === "end";
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0) return;
  try {
    await sleep(Math.min(ms, MAX_PAUSE_MS), undefined, { signal });
  } catch {
    signal.throwIfAborted();
  }
}

function messageOf(bytes: Uint8Array | undefined, number: number): Uint8Array {
  if (bytes !== undefined) return bytes;
  throw new StatusError(Code.DATA_LOSS, `a message of the recorded call ${number} was too long to be recorded`);
}

function sendHeaders(call: HandlerCall, fields: readonly RecordedField[]): void {
  copyFields(fields, call.headers);
  call.sendHeaders();
}

function finish(call: HandlerCall, ending: RecordedEnding, number: number): void {
  if (ending.how === "status") {
    copyFields(ending.trailers, call.trailers);
    const { status, statusMessage } = ending;
    if (status !== Code.OK) throw new StatusError(status as Code, statusMessage === HIDDEN ? "" : statusMessage);
    return;
  }
  const why =
    ending.how === "reset"
      ? `was reset by its ${ending.from} (${quoted(ending.code)})`
      : ending.how === "lost"
        ? "was lost with its connection"
        : "ended without a status";
  throw new StatusError(Code.UNAVAILABLE, `the recorded call ${number} ${why}`);
}

/** What belongs to the protocol is for this server to say, and what was hidden is not known. */
function copyFields(fields: readonly RecordedField[], to: Metadata): void {
  for (const [name, value] of fields) {
    if (value === HIDDEN) continue;
    try {
      if (!name.endsWith("-bin")) to.append(name, value);
      else for (const one of value.split(",")) to.append(name, Buffer.from(one.trim(), "base64"));
    } catch {
      // It is no metadata: `content-type`, `grpc-encoding`, or nothing that can be sent.
    }
  }
}
