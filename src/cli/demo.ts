/**
 * `barewire demo`: plays a client of one of the example services.
 *
 * Laws: a server that is not there, and any other status, is one sentence on stderr and exit code 1.
 */
import { Channel, Code, codeName, StatusError } from "../index.js";
import { ordererDemo } from "../services/demos/orderer.js";
import { ordersDemo } from "../services/demos/orders.js";
import { routeGuideDemo } from "../services/demos/route-guide.js";
import { quoted } from "../services/peer-text.js";
import { parseCommand, suggestion, UsageError } from "./usage-error.js";

const DEFAULT_ADDRESS = "localhost:50051";

export const demoHelp = `usage: barewire demo <name> [options]

  route-guide   features, a listing, a recorded route, a chat (RouteGuide)
  orders        adds, finds, updates, searches and ships orders (OrderManagement)
  orderer       one request, answered with a stream (StreamService)

  --client go|python   route-guide only: streams by hand (go, the default) or as iterables (python)
  --addr host:port     where the server listens; default ${DEFAULT_ADDRESS}
  --plaintext          talk to another machine without TLS
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
    plaintext: { type: "boolean" },
  });
  const [name, ...more] = positionals;
  const play = findDemo(name);
  if (more.length > 0) throw new UsageError(`demo takes one name: ${quoted(more.join(" "))} is too much`);
  const client = parseClient(values.client, name);
  const address = values.addr ?? DEFAULT_ADDRESS;
  const channel = openChannel(address, values.plaintext === true);
  try {
    await play(channel, (line) => void process.stdout.write(`${line}\n`), client === undefined ? {} : { client });
    return 0;
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    throw new UsageError(explain(error, address), { cause: error });
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

function openChannel(address: string, plaintext: boolean): Channel {
  try {
    return new Channel(address, plaintext ? { tls: false } : {});
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`--addr: ${plaintext || !needsTls(address) ? reason : anotherMachine(address)}`, {
      cause: error,
    });
  }
}

/** Whether an address is fine but for being on another machine. */
function needsTls(address: string): boolean {
  try {
    void new Channel(address, { tls: false }).close();
    return true;
  } catch {
    return false;
  }
}

function anotherMachine(address: string): string {
  return `${quoted(address)} is another machine, and what is sent there can be read on the way: say --plaintext if that is meant`;
}

function explain(error: StatusError, address: string): string {
  if (error.origin === "local" && error.code === Code.UNAVAILABLE) {
    return `nobody answers at ${address}: start a server (barewire serve, or npm start), or say where it listens with --addr`;
  }
  const who = error.origin === "local" ? `the call to ${address} ended` : `the server at ${address} ended the call`;
  return `${who} with ${codeName(error.code)}${error.rawMessage === "" ? "" : `: ${quoted(error.rawMessage)}`}`;
}
