/**
 * A lease: room for one more stream on a session, and what its call finds out about that session.
 *
 * Laws: the room is given back once; calls know neither addresses nor subchannels.
 */
import type { Code } from "../../../codec/status.js";
import { formatAddress, type Address } from "../../address.js";
import type { Connection } from "./connection.js";

/** Room for one more stream on a session. */
export interface Lease {
  readonly connection: Connection;
  /** Where that is, as an address is written. */
  readonly address: string;
  /**
   * Gives the room back, once. `code` is how the attempt ended, for policies that keep count of a server's failures:
   * `undefined` where its caller gave it up, which says nothing of the server.
   */
  release(code?: Code): void;
  /** Says that the session is gone or closing: nobody else should get it. */
  retire(): void;
  /** Says that nothing came of the connection for as long as a call ran: it is asked for a sign of life. */
  suspect(): void;
}

/** Whoever counts streams, such as a policy. */
export interface StreamCount {
  /** The call has a stream there. */
  started?(): void;
  /** That stream is over; with the code the server said, or the channel for it. `undefined` when the caller gave it up. */
  ended?(code: Code | undefined): void;
}

/** Whoever gives out leases. */
export interface Lessor {
  readonly address: Address;
  /** A stream is over. */
  released(connection: Connection, background: boolean): void;
  retire(connection: Connection): void;
  suspect(connection: Connection): void;
}

/** One stream's place on a session. */
export class StreamLease implements Lease {
  readonly connection: Connection;
  readonly #lessor: Lessor;
  readonly #count: StreamCount | undefined;
  readonly #background: boolean;
  #released = false;

  constructor(lessor: Lessor, connection: Connection, count: StreamCount | undefined, background: boolean) {
    this.#lessor = lessor;
    this.connection = connection;
    this.#count = count;
    this.#background = background;
  }

  get address(): string {
    return formatAddress(this.#lessor.address);
  }

  release(code?: Code): void {
    if (this.#released) return;
    this.#released = true;
    this.#count?.ended?.(code);
    this.#lessor.released(this.connection, this.#background);
  }

  retire(): void {
    this.#lessor.retire(this.connection);
  }

  suspect(): void {
    this.#lessor.suspect(this.connection);
  }
}
