/**
 * `barewire demo`: plays a client of one of the example services.
 *
 * Laws: a server that is not there or not believed, and any other status, is one sentence on stderr and exit code 1.
 */
import { type Channel, StatusError } from "../index.js";
import { ordererDemo } from "../services/demos/orderer.js";
import { ordersDemo } from "../services/demos/orders.js";
import { routeGuideDemo } from "../services/demos/route-guide.js";
import { quoted } from "../services/peer-text.js";
import { failureSentence } from "./call-failure.js";
import { readSecurity, type Security, SECURITY_OPTIONS, securityHelp } from "./client-security.js";
import { openChannel } from "./open-channel.js";
import { parseCommand, suggestion, UsageError } from "./usage-error.js";

const DEFAULT_ADDRESS = "localhost:50051";

export const demoHelp = `usage: barewire demo <name> [options]

  route-guide   features, a listing, a recorded route, a chat (RouteGuide)
  orders        adds, finds, updates, searches and ships orders (OrderManagement)
  orderer       one request, answered with a stream (StreamService)

  --client go|python   route-guide only: streams by hand (go, the default) or as iterables (python)
  --addr A             where the server listens, host:port or unix:path; default ${DEFAULT_ADDRESS}
${securityHelp}
  --help               this text`;

type Demo = (channel: Channel, print: (line: string) => void, options: { client?: "go" | "python" }) => Promise<void>;

const DEMOS: ReadonlyMap<string, Demo> = new Map<string, Demo>([
  ["route-guide", routeGuideDemo],
  ["orders", ordersDemo],
  ["orderer", ordererDemo],
]);

/** Runs the command; resolves to the exit code. @throws UsageError */
export async function demo(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseCommand(args, {
    client: { type: "string" },
    addr: { type: "string" },
    ...SECURITY_OPTIONS,
  });
  const [name, ...more] = positionals;
  const play = findDemo(name);
  if (more.length > 0) throw new UsageError(`demo takes one name: ${quoted(more.join(" "))} is too much`);
  const client = parseClient(values.client, name);
  const address = values.addr ?? DEFAULT_ADDRESS;
  const channel = openAt(address, readSecurity(values));
  try {
    await play(channel, (line) => void process.stdout.write(`${line}\n`), client === undefined ? {} : { client });
    return 0;
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    const call = { address, isTls: values.tls === true, purpose: "demo" } as const;
    throw new UsageError(failureSentence(error, call), { cause: error });
  } finally {
    await channel.close();
  }
}

function findDemo(name: string | undefined): Demo {
  const names = [...DEMOS.keys()];
  if (name === undefined) throw new UsageError(`demo wants a name: ${names.join(", ")}`);
  const found = DEMOS.get(name);
  if (found !== undefined) return found;
  throw new UsageError(
    `there is no demo ${quoted(name)}${suggestion(name, names) || `; there are ${names.join(", ")}`}`,
  );
}

function parseClient(client: string | undefined, name: string | undefined): "go" | "python" | undefined {
  if (client === undefined) return undefined;
  if (name !== "route-guide") throw new UsageError(`--client belongs to the demo route-guide alone, not to ${name}`);
  if (client === "go" || client === "python") return client;
  const hint = suggestion(client, ["go", "python"]);
  throw new UsageError(`--client must be go or python: current value is ${quoted(client)}${hint}`);
}

function openAt(address: string, security: Security): Channel {
  try {
    return openChannel(address, security);
  } catch (error) {
    throw error instanceof UsageError ? new UsageError(`--addr: ${error.message}`, { cause: error }) : error;
  }
}
