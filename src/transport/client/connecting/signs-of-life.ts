/**
 * Signs of life: connections that seem dead, which are asked by a PING before a call gets a stream there.
 *
 * Laws: a connection in doubt takes no call until its peer has answered, and is dropped when it does not; each is asked once at a
 * time, and never so often that its server would complain.
 */
import type { Connection } from "./connection.js";

/** How long a peer that seems dead has to answer a PING, while calls wait for it. */
const ANSWER_MS = 2000;

/** Whoever has the connections. */
export interface LifeOwner {
  /** It is alive, and takes calls again. */
  alive(): void;
  retire(connection: Connection): void;
}

/** What one subchannel asks of its connections. */
export class SignsOfLife {
  readonly #owner: LifeOwner;
  /** Those that have been sent a PING and have not answered yet. */
  readonly #asked = new Set<Connection>();

  constructor(owner: LifeOwner) {
    this.#owner = owner;
  }

  /** A call says that nothing came of the connection for as long as it ran: it is asked now, if it may be. */
  suspect(connection: Connection): void {
    if (connection.suspected || connection.isDestroyed || !connection.mayProbe) return;
    connection.suspected = true;
    this.#ask(connection);
  }

  /** A call wants a place on a connection in doubt. */
  want(connection: Connection): void {
    if (this.#asked.has(connection)) return;
    if (connection.mayProbe) {
      this.#ask(connection);
      return;
    }
    // One more PING, and it would complain.
    this.#owner.retire(connection);
    if (connection.openStreams === 0) connection.closeSoon();
  }

  #ask(connection: Connection): void {
    this.#asked.add(connection);
    connection.probe(ANSWER_MS, (isAlive) => {
      this.#asked.delete(connection);
      connection.suspected = false;
      if (isAlive) this.#owner.alive();
      else connection.drop(`no answer to a PING within ${ANSWER_MS} ms`);
    });
  }
}
