/**
 * The processes under fire: started, killed, drained, frozen, started again.
 *
 * Laws: each is ended by its own id, also when the run breaks off; nobody waits for ever.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const GUARD_MS = 60_000;
const running = new Set<ChildProcess>();

process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** Starts a process; resolves when it has said a line that begins with `ready`. */
export async function start(command: string, args: readonly string[], ready: RegExp): Promise<ChildProcess> {
  const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  child.once("exit", () => running.delete(child));
  let said = "";
  await new Promise<void>((resolve, reject) => {
    const fail = (why: string): void => reject(new Error(`${command} ${args.join(" ")}: ${why}: ${said}`));
    const timer = setTimeout(() => fail(`not ready within ${GUARD_MS} ms`), GUARD_MS);
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        if (said.length < 10_000) said += `${line}\n`;
        if (!ready.test(line)) return;
        clearTimeout(timer);
        resolve();
      });
    }
    child.once("error", (error) => fail(error.message));
    child.once("exit", (code, signal) => {
      clearTimeout(timer);
      fail(`it ended (${code ?? signal})`);
    });
  });
  return child;
}

/** Ends a process with a signal; resolves when it is gone. */
export async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill(signal);
  const timer = setTimeout(() => child.kill("SIGKILL"), GUARD_MS);
  await gone;
  clearTimeout(timer);
}

export async function freePort(): Promise<number> {
  const listener = createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  await new Promise((resolve) => listener.close(resolve));
  return port;
}

/** One server, through all its lives. */
export class ServerProcess {
  readonly name: string;
  readonly port: number;
  readonly #journal: string;
  #child: ChildProcess | undefined;

  constructor(name: string, port: number, journal: string) {
    this.name = name;
    this.port = port;
    this.#journal = journal;
  }

  async start(): Promise<void> {
    const args = ["--import", "tsx", "test/fire/server.ts", this.name, String(this.port), this.#journal];
    this.#child = await start(process.execPath, args, /^ready/);
  }

  /** SIGKILL: no word to anybody. */
  async kill(): Promise<void> {
    if (this.#child !== undefined) await end(this.#child, "SIGKILL");
  }

  /** SIGTERM: it says GOAWAY, finishes what runs, and ends. */
  async drain(): Promise<void> {
    if (this.#child !== undefined) await end(this.#child, "SIGTERM");
  }

  /** It does nothing any more, and says nothing either. */
  freeze(): void {
    this.#child?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child?.kill("SIGCONT");
  }
}
