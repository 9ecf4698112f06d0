/**
 * Two streams joined through the faults of a script: what one sends the other gets, unless something is to go wrong.
 *
 * Laws: each side is read as fast as the other takes it; the end of one is the end of the other; nothing is left behind.
 */
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { FaultyConnection, type Wire } from "./faulty-connection.js";
import type { Side } from "../conversation.js";
import type { FaultScript } from "./fault-script.js";

const NOTHING = Buffer.alloc(0);

/** Joins the near end of a client's connection to that of its server's. They are sockets or anything like them. `came` hears of faults. */
export function joinWithFaults(client: Duplex, server: Duplex, script: FaultScript, came?: Wire["came"]): void {
  const connection = new FaultyConnection(script, {
    toClient: (bytes) => write(client, bytes, server),
    toServer: (bytes) => write(server, bytes, client),
    lose: () => {
      resetAfterWrites(client);
      resetAfterWrites(server);
    },
    endWith: (bytes) => {
      client.end(bytes);
      reset(server);
    },
    ...(came === undefined ? {} : { came }),
  });
  pass("client", client, server, connection);
  pass("server", server, client, connection);
}

function pass(side: Side, from: Duplex, to: Duplex, connection: FaultyConnection): void {
  from.on("data", (chunk: Buffer) => connection.read(side, chunk));
  from.on("end", () => {
    connection.ended(side);
    if (!to.writableEnded) to.end();
  });
  from.on("drain", () => to.resume());
  // What becomes of it is in 'close'.
  from.on("error", () => undefined);
  from.on("close", () => {
    connection.close();
    if (from.errored !== null) reset(to);
    else if (!to.writableEnded) to.end();
  });
}

/** Writes, and has the other side wait where there is no room. */
function write(to: Duplex, bytes: Buffer, from: Duplex): void {
  if (to.writableEnded || to.destroyed) return;
  if (!to.write(bytes)) from.pause();
}

/** What was passed on before the fault gets there. */
function resetAfterWrites(stream: Duplex): void {
  if (stream.writableLength === 0 || stream.writableEnded) reset(stream);
  else stream.write(NOTHING, () => reset(stream));
}

/** Ends a connection as one that is lost. */
function reset(stream: Duplex): void {
  const { resetAndDestroy } = stream as Partial<Pick<Socket, "resetAndDestroy">>;
  if (stream.destroyed) return;
  if (resetAndDestroy === undefined) stream.destroy();
  else resetAndDestroy.call(stream);
}
