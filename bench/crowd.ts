/**
 * The client process of the rows about memory: `crowd.js PORT`. Opens as many connections and idle streams as it is told, with the
 * floor's client, whichever server it is.
 */
import type { Driver } from "./contender.js";
import { connect } from "./contenders/floor.js";
import { payloadOf } from "./contract.js";

/** What to open: each connection has one call answered, and then so many streams left open. */
export interface Crowd {
  readonly connections: number;
  readonly streams: number;
}

const port = Number(process.argv[2]);
const message = payloadOf(100);
const drivers: Driver[] = [];

async function open({ connections, streams }: Crowd): Promise<void> {
  for (let i = 0; i < connections; i++) {
    const driver = connect({ port });
    drivers.push(driver);
    await driver.echo(message);
    await Promise.all(Array.from({ length: streams }, () => driver.idle(message)));
  }
  process.send?.({ open: drivers.length });
}

process.on("message", (crowd: Crowd) => void open(crowd));
process.on("disconnect", () => process.exit());
process.send?.({ ready: true });
