/**
 * What passes a connection on, in a process of its own: a plain pipe, or the proxy of `barewire trace` in one of its ways.
 */
import { createWriteStream } from "node:fs";
import { createConnection, createServer, type AddressInfo } from "node:net";
import { Secrets } from "../src/transport/inspect/header-words.js";
import { LiveView } from "../src/transport/inspect/live-view.js";
import { OrderedOutput } from "../src/transport/inspect/ordered-output.js";
import { Proxy } from "../src/transport/inspect/proxy.js";
import { Tally } from "../src/transport/inspect/tally.js";
import { Trace } from "../src/transport/inspect/trace.js";
import { isAboutConnections, type WireEvent } from "../src/transport/inspect/wire-event.js";

const [way = "", remote = ""] = process.argv.slice(2);

/** The least a forwarder can do in Node. */
async function pipe(port: number): Promise<number> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const far = createConnection({ host: "127.0.0.1", port, allowHalfOpen: true, noDelay: true });
    client.pipe(far).pipe(client);
    for (const socket of [client, far]) socket.on("error", () => process.exit(1));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

async function proxy({ quiet, statistics }: { quiet: boolean; statistics: boolean }): Promise<number> {
  const output = new OrderedOutput(createWriteStream("/dev/null"));
  const view = new LiveView(output, {
    secrets: new Secrets(),
    hexBytes: 256,
    colour: false,
    typesOf: () => undefined,
  });
  const tally = statistics ? new Tally((event) => view.hear(event)) : undefined;
  const hear = (event: WireEvent): void => {
    if (!quiet || isAboutConnections(event)) view.hear(event);
    tally?.hear(event);
  };
  const trace = new Trace(hear, {
    reading: quiet && !statistics ? "nothing" : "calls",
    room: () => (quiet ? undefined : output.room()),
    ...(quiet ? { maxMessageBytes: 0 } : {}),
  });
  const address = await new Proxy({ remote: `127.0.0.1:${remote}` }, trace).listen("127.0.0.1", 0);
  return Number(address.split(":")[1]);
}

const WAYS: Readonly<Record<string, () => Promise<number>>> = {
  pipe: () => pipe(Number(remote)),
  quiet: () => proxy({ quiet: true, statistics: false }),
  counting: () => proxy({ quiet: true, statistics: true }),
  printing: () => proxy({ quiet: false, statistics: false }),
};

const port = await (WAYS[way] ?? WAYS["pipe"])?.();
process.send?.({ port });
process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send?.({ cpuUs: user + system, maxRssKiB: process.resourceUsage().maxRSS });
});
