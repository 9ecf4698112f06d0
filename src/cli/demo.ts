/**
 * `barewire demo`: plays a client of one of the example services.
 *
 * Laws: a server that is not there or not believed, and any other status, is one sentence on stderr and exit code 1.
 */
import { Channel, Code, codeName, StatusError } from "../index.js";
import { ordererDemo } from "../services/demos/orderer.js";
import { ordersDemo } from "../services/demos/orders.js";
import { routeGuideDemo } from "../services/demos/route-guide.js";
import { quoted } from "../services/peer-text.js";
import { readSecurity, type Security, SECURITY_OPTIONS, securityHelp } from "./client-security.js";
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
  const channel = openChannel(address, readSecurity(values));
  try {
    await play(channel, (line) => void process.stdout.write(`${line}\n`), client === undefined ? {} : { client });
    return 0;
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    throw new UsageError(explain(error, address, values.tls === true), { cause: error });
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

function openChannel(address: string, security: Security): Channel {
  try {
    return new Channel(address, security);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const isUndecided = security.tls === undefined && needsTls(address);
    throw new UsageError(`--addr: ${isUndecided ? anotherMachine(address) : reason}`, { cause: error });
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
  return `${quoted(address)} is another machine, and what is sent there can be read on the way: say --tls, or --plaintext if that is meant`;
}

function explain(error: StatusError, address: string, isTls: boolean): string {
  if (error.origin === "local" && error.code === Code.UNAVAILABLE) return explainNoConnection(error, address, isTls);
  const who = error.origin === "local" ? `the call to ${address} ended` : `the server at ${address} ended the call`;
  return `${who} with ${codeName(error.code)}${error.rawMessage === "" ? "" : `: ${quoted(error.rawMessage)}`}`;
}

/** What the system says where nobody listens, or where the way there ends; it says nothing when several addresses are tried. */
const NOBODY = /\b(?:ECONNREFUSED|ENOENT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT)\b|^$/;

/** What a channel says when there is no more to say than what the system said. */
const NO_CONNECTION = "cannot connect to the server";

/** What may help against a failure, by its text. */
const ADVICE: Readonly<Record<"tls" | "plaintext", readonly (readonly [RegExp, string])[]>> = {
  tls: [
    [/not signed by a trusted/, "say with --ca-file whose signature is to be trusted"],
    [/another name/, "if it is the right server all the same, say with --server-host-override which name it has"],
    [/wants a client certificate|closed the connection/, "show it a certificate with --cert-file and --key-file"],
    [/does not speak TLS/, "without --tls it may understand"],
  ],
  plaintext: [[/closed the connection|does not speak HTTP\/2/, "if it talks TLS, say --tls"]],
};

function explainNoConnection(error: StatusError, address: string, isTls: boolean): string {
  const text = error.rawMessage;
  // Behind the text stand, in brackets, the address, what was noticed there, and which option of a channel may help.
  const noticed = error.message
    .slice(`UNAVAILABLE: ${text} (`.length, -1)
    .replace(/^.*?: /s, "")
    .replace(/; option.*/s, "");
  if (text === NO_CONNECTION && NOBODY.test(noticed)) {
    return `nobody answers at ${address}: start a server (barewire serve, or npm start), or say where it listens with --addr`;
  }
  const advice = ADVICE[isTls ? "tls" : "plaintext"].find(([failure]) => failure.test(text))?.[1];
  const why = text === NO_CONNECTION || /another name/.test(text) ? `${text}: ${quoted(noticed)}` : text;
  return `cannot talk to ${address}: ${why}${advice === undefined ? "" : `; ${advice}`}`;
}
