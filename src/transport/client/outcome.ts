/**
 * What becomes known of a call on the client: headers, status and trailers, each once and when its time has come.
 *
 * Spec: status_ordering.md ("the status is delivered after all messages").
 * Laws: the promises never reject and are made when they are first asked for; a status that has been decided but not yet
 * told may still be replaced, a told one never.
 */
import { Metadata } from "../../codec/metadata.js";
import { Code, type Status, type StatusError } from "../../codec/status.js";

const OK: Status = Object.freeze({ code: Code.OK, message: "" });

interface Promised<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
}

/** The outcome of one call. */
export class Outcome {
  #headers: Metadata | undefined;
  #trailers: Metadata | undefined;
  #status: Status | undefined;
  #told = false;
  #headersPromise: Promised<Metadata> | undefined;
  #trailersPromise: Promised<Metadata> | undefined;
  #statusPromise: Promised<Status> | undefined;

  /** Why the call failed, once it has. */
  error: StatusError | undefined;

  /** Whether the response's headers have come. */
  get hasHeaders(): boolean {
    return this.#headers !== undefined;
  }

  /** Whether the status is known here. */
  get decided(): boolean {
    return this.#status !== undefined;
  }

  /** Whether the application may know it, too. */
  get told(): boolean {
    return this.#told;
  }

  /** Whether somebody waits for it to be told. */
  get awaited(): boolean {
    return !this.#told && (this.#statusPromise !== undefined || this.#trailersPromise !== undefined);
  }

  /** What came with the status; `undefined` drops it, as a status of this side's own has none. */
  set peerTrailers(trailers: Metadata | undefined) {
    this.#trailers = trailers;
  }

  get peerTrailers(): Metadata | undefined {
    return this.#trailers;
  }

  /** The response's headers, once they have come. */
  get peerHeaders(): Metadata | undefined {
    return this.#headers;
  }

  headersArrived(headers: Metadata): void {
    this.#headers = headers;
    this.#headersPromise?.resolve(headers);
  }

  /** Decides the status: OK without an error. */
  decide(error: StatusError | undefined): void {
    if (this.#told) return;
    this.error = error;
    this.#status = error === undefined ? OK : { code: error.code, message: error.rawMessage };
    this.#headersPromise?.resolve(this.#headers ?? new Metadata());
  }

  /** Every message has been taken: now the status may be known. Says whether this was the moment. */
  tell(): boolean {
    if (this.#told || this.#status === undefined) return false;
    this.#told = true;
    this.#trailersPromise?.resolve(this.#trailers ?? new Metadata());
    this.#statusPromise?.resolve(this.#status);
    return true;
  }

  /** The response's headers; empty when the call ended without any. */
  get headers(): Promise<Metadata> {
    if (this.#headersPromise === undefined) {
      this.#headersPromise = promised();
      if (this.hasHeaders || this.decided) this.#headersPromise.resolve(this.#headers ?? new Metadata());
    }
    return this.#headersPromise.promise;
  }

  /** The metadata that came with the status. */
  get trailers(): Promise<Metadata> {
    if (this.#trailersPromise === undefined) {
      this.#trailersPromise = promised();
      if (this.#told) this.#trailersPromise.resolve(this.#trailers ?? new Metadata());
    }
    return this.#trailersPromise.promise;
  }

  /** How the call ended. */
  get status(): Promise<Status> {
    if (this.#statusPromise === undefined) {
      this.#statusPromise = promised();
      if (this.#told && this.#status !== undefined) this.#statusPromise.resolve(this.#status);
    }
    return this.#statusPromise.promise;
  }
}

function promised<T>(): Promised<T> {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((done) => (resolve = done));
  return { promise, resolve };
}
