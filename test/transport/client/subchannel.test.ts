/**
 * A subchannel: which session a call gets, and when there is a new one.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import type { StatusError } from "../../../src/codec/status.js";
import { DEFAULT_CHANNEL_LIMITS } from "../../../src/transport/client/limits.js";
import { MAX_STREAMS_OF_A_SESSION, Subchannel, type Lease } from "../../../src/transport/client/subchannel.js";
import { RawServer } from "../../support/peer.js";

/** A session with room, connecting if there is none. */
function leased(subchannel: Subchannel): Promise<Lease> {
  const lease = subchannel.take();
  if (lease !== undefined) return Promise.resolve(lease);
  return new Promise((resolve, reject) => {
    subchannel.wait({ ready: resolve, failed: (error: StatusError) => reject(error) });
  });
}

test("R164 a session is replaced before its stream ids run out; its calls may finish", async () => {
  // A client's ids are the odd numbers below 2^31.
  assert.ok(MAX_STREAMS_OF_A_SESSION < 2 ** 30);
  const server = await RawServer.listen();
  const subchannel = new Subchannel({ kind: "tcp", host: "127.0.0.1", port: server.port }, DEFAULT_CHANNEL_LIMITS);
  try {
    const first = await leased(subchannel);
    const { connection } = first;
    assert.equal(connection.streams, 1);
    connection.streams = MAX_STREAMS_OF_A_SESSION - 2;
    const lastButOne = await leased(subchannel);
    assert.equal(lastButOne.connection, connection);
    assert.equal(subchannel.state, "READY");
    const last = await leased(subchannel);
    assert.equal(last.connection, connection);
    assert.equal(subchannel.take(), undefined, "no stream beyond the last one");

    const next = await leased(subchannel);
    assert.notEqual(next.connection, connection);
    assert.equal((await leased(subchannel)).connection, next.connection);
    assert.equal(server.connections.length, 2);

    assert.equal(connection.session.closed, false, "the old one waits for its calls");
    first.release();
    lastButOne.release();
    assert.equal(connection.session.closed, false);
    const closed = once(connection.session, "close");
    last.release();
    await closed;
    assert.equal(next.connection.session.closed, false);
    assert.equal(subchannel.state, "READY");
  } finally {
    const closed = subchannel.close();
    subchannel.destroy();
    await server.close();
    await closed;
  }
});
