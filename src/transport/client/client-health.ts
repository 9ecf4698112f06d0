/**
 * Health checks by the client: asks a server, over the connection that its calls go to, whether it wants calls.
 *
 * Spec: gRFC A17; health.proto; health-checking.md.
 * Laws: a server that has no such service is taken as well; the question keeps neither the channel nor the process busy, and ends
 * with its connection.
 */
import type { MessageType, Method, Service } from "../../codec/method.js";
import { Code, StatusError } from "../../codec/status.js";
import { Backoff } from "./connecting/backoff.js";
import type { HealthWatch } from "./balancing/balancer.js";
import type { ServerStreamingCall } from "./calls.js";
import { createClient } from "./client.js";
import type { ClientCallOwner } from "./client-call.js";
import type { Clock } from "./clock.js";
import type { ConnectFailure } from "./connecting/connect-failure.js";
import type { Lease, Placement, Wish } from "./balancing/placement.js";
import type { SubchannelHandle } from "./balancing/subchannel-pool.js";

/** The first of the delays before a question is asked again, and the longest, in milliseconds. connection-backoff.md. */
const BACKOFF = Object.freeze({ initialMs: 1000, maxMs: 120_000 });

/** `grpc.health.v1.HealthCheckResponse.ServingStatus`. */
const SERVING = 1;

/** `HealthCheckRequest { string service = 1 }`. */
const REQUEST: MessageType<string> = {
  typeName: "grpc.health.v1.HealthCheckRequest",
  encode: encodeService,
  decode: () => "",
};

/** `HealthCheckResponse { ServingStatus status = 1 }`. */
const RESPONSE: MessageType<number> = {
  typeName: "grpc.health.v1.HealthCheckResponse",
  encode: () => new Uint8Array(),
  decode: decodeStatus,
};

/** Made by hand, as this floor knows no services: of health it needs this much. */
const WATCH = Object.freeze({
  kind: "serverStreaming",
  name: "Watch",
  localName: "watch",
  path: "/grpc.health.v1.Health/Watch",
  request: REQUEST,
  response: RESPONSE,
}) satisfies Method<"serverStreaming", string, string, number, number>;
const HEALTH: Service<{ readonly watch: typeof WATCH }> = {
  typeName: "grpc.health.v1.Health",
  methods: { watch: WATCH },
};

function encodeService(service: string): Uint8Array {
  const text = Buffer.from(service);
  if (text.length === 0) return text;
  const length: number[] = [];
  for (let left = text.length; ; left >>>= 7) {
    length.push(left > 0x7f ? (left & 0x7f) | 0x80 : left);
    if (left <= 0x7f) break;
  }
  return Buffer.concat([Buffer.of(0x0a, ...length), text]);
}

/** The last field 1 counts; other fields are passed over, but for those whose end only their wire type tells. */
function decodeStatus(bytes: Uint8Array): number {
  let status = 0;
  for (let at = 0; at < bytes.length;) {
    const [tag, afterTag] = varint(bytes, at);
    const [value, afterValue] = varint(bytes, afterTag);
    if (tag === 0x08) status = value;
    else if ((tag & 7) !== 0 && (tag & 7) !== 2) throw new Error("a health status has a field that nobody knows");
    at = (tag & 7) === 2 ? afterValue + value : afterValue;
  }
  return status;
}

function varint(bytes: Uint8Array, start: number): [value: number, end: number] {
  let value = 0;
  for (let at = start, scale = 1; at < start + 10; at++, scale *= 128) {
    const byte = bytes[at];
    if (byte === undefined) break;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return [value, at + 1];
  }
  throw new Error("a health status is cut off");
}

/** Streams on one subchannel, which are no calls of the application. */
class BackgroundPlacement implements Placement {
  readonly #handle: SubchannelHandle;
  readonly #leased: (lease: Lease) => void;

  constructor(handle: SubchannelHandle, leased: (lease: Lease) => void) {
    this.#handle = handle;
    this.#leased = leased;
  }

  take(): Lease | undefined {
    const lease = this.#handle.take(undefined, true);
    if (lease !== undefined) this.#leased(lease);
    return lease;
  }

  wait(wish: Wish): void {
    wish.failed(new StatusError(Code.UNAVAILABLE, "there is no room for a health check"), true);
  }

  forget(): void {}
}

/** What a health check needs of its channel. */
export interface HealthOptions {
  readonly handle: SubchannelHandle;
  /** The service to ask about; `""` for the server as a whole. */
  readonly service: string;
  readonly callOwner: ClientCallOwner;
  readonly clock: Clock;
  readonly changed: () => void;
  readonly warn: (warning: Error) => void;
}

/** One server's health, asked for until it is stopped. */
export class ClientHealth implements HealthWatch {
  readonly service: string;
  readonly #options: HealthOptions;
  readonly #backoff: Backoff;
  #state: HealthWatch["state"] = "CONNECTING";
  #failure: ConnectFailure | undefined;
  #call: ServerStreamingCall<number> | undefined;
  #isStopped = false;
  #stopTimer: (() => void) | undefined;
  #unwatch: (() => void) | undefined;

  constructor(options: HealthOptions) {
    this.service = options.service;
    this.#options = options;
    this.#backoff = new Backoff(BACKOFF, options.clock);
    this.#ask();
  }

  get state(): HealthWatch["state"] {
    return this.#state;
  }

  get failure(): ConnectFailure | undefined {
    return this.#failure;
  }

  stop(): void {
    this.#isStopped = true;
    this.#stopTimer?.();
    this.#unwatch?.();
    this.#call?.cancel();
  }

  #ask(): void {
    if (this.#isStopped) return;
    const { callOwner, handle, service } = this.#options;
    this.#backoff.attempt();
    this.#unwatch?.();
    const leased = ({ connection }: Lease): void => {
      this.#unwatch = connection.whenRetired(() => call.cancel());
    };
    // What calls are told, above all how long they may take, is not for this one: a connection's health is nobody's call, and no
    // interceptor's business.
    const ofItsOwn = { settings: undefined, throttle: undefined, propagate: false, callUnobserved: () => undefined };
    const owner = { ...callOwner, ...ofItsOwn, placement: new BackgroundPlacement(handle, leased) };
    const call = createClient(HEALTH, owner, []).watch(service);
    this.#call = call;
    void this.#listen(call);
  }

  async #listen(call: ServerStreamingCall<number>): Promise<void> {
    try {
      for await (const status of call) {
        this.#backoff.reset();
        if (status === SERVING) this.#set("READY");
        else this.#set("TRANSIENT_FAILURE", "it says that it is not serving");
      }
      this.#askAgain("it ended the health check");
    } catch (error) {
      if (error instanceof StatusError && error.code === Code.UNIMPLEMENTED) this.#cannotSay(error);
      else this.#askAgain(`its health check failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  #askAgain(reason: string): void {
    if (this.#isStopped) return;
    this.#set("TRANSIENT_FAILURE", reason);
    this.#stopTimer = this.#options.clock.after(this.#backoff.remainingMs, () => this.#ask());
  }

  /** "If the server does not implement it, the client must assume that it is healthy, and log that." */
  #cannotSay(cause: StatusError): void {
    if (this.#isStopped) return;
    const text = "the server has no health service, which the service config asks for: it is taken as well";
    this.#options.warn(new Error(text, { cause }));
    this.#set("READY");
  }

  #set(state: HealthWatch["state"], hint = ""): void {
    if (this.#isStopped) return;
    const { address } = this.#options.handle;
    this.#failure =
      state === "READY" ? undefined : { address, phase: "health", text: "the server does not want calls", hint };
    this.#state = state;
    this.#options.changed();
  }
}
