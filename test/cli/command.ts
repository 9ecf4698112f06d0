/**
 * A command run as a process: its output line by line, and how it ended.
 */
import { type ChildProcess, fork, type ForkOptions, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { HostedReply, HostedRequest } from "./command-host.js";

export const root = fileURLToPath(new URL("../../", import.meta.url));

const LINE_TIMEOUT_MS = 30_000;

/** Tests may themselves run under npm, whose variables change what the command does. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const {
    npm_lifecycle_event: _event,
    NODE_OPTIONS: _options,
    NODE_V8_COVERAGE: _coverage,
    ...inherited
  } = process.env;
  return inherited;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running command. Call `stop` when the test is over. */
export class Command {
  stdout = "";
  stderr = "";
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess & { readonly stdout: Readable; readonly stderr: Readable };
  readonly #watchers = new Set<() => void>();

  /** `input` says where standard input comes from: from `write`, or from nowhere. */
  constructor(
    program: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv = {},
    input: "written" | "none" = "none",
  ) {
    const child = spawn(program, args, {
      cwd: root,
      stdio: [input === "written" ? "pipe" : "ignore", "pipe", "pipe"],
      env: { ...plainEnvironment(), ...env },
      // A process group of its own, so that `stop` reaches what the command started.
      detached: true,
    });
    const { stdout, stderr } = child;
    if (stdout === null || stderr === null) throw new Error("the command has no output");
    this.#child = Object.assign(child, { stdout, stderr });
    // Who ends before its input does is no failure of the test's.
    child.stdin?.on("error", () => undefined);
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => this.#grow("stdout", text));
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => this.#grow("stderr", text));
    this.ended = new Promise((resolve, reject) => {
      this.#child.on("error", reject);
      this.#child.on("close", (code, signal) => resolve({ code, signal, stdout: this.stdout, stderr: this.stderr }));
    });
  }

  /** Writes to its standard input. */
  write(text: string | Uint8Array): void {
    this.#child.stdin?.write(text);
  }

  /** Ends its standard input. */
  endInput(): void {
    this.#child.stdin?.end();
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Stops reading stdout and closes our end of it, as `| head` does. */
  closeStdout(): void {
    this.#child.stdout.destroy();
  }

  /** Resolves to the match when stdout has it; rejects when the command ends without it. */
  printed(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#wrote("stdout", pattern);
  }

  /** The same of stderr. */
  complained(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#wrote("stderr", pattern);
  }

  #wrote(stream: "stdout" | "stderr", pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const fail = (why: string): void => {
        settle();
        reject(new Error(`${pattern} was not printed: ${why}\nstdout: ${this.stdout}\nstderr: ${this.stderr}`));
      };
      const timer = setTimeout(() => fail("it took too long"), LINE_TIMEOUT_MS);
      const look = (): void => {
        const match = pattern.exec(this[stream]);
        if (match === null) return;
        settle();
        resolve(match);
      };
      const settle = (): void => {
        clearTimeout(timer);
        this.#watchers.delete(look);
      };
      this.#watchers.add(look);
      void this.ended.then(({ code }) => this.#watchers.has(look) && fail(`the command ended with ${code}`));
      look();
    });
  }

  /** Ends what still runs, the command's own children included. */
  async stop(): Promise<void> {
    try {
      if (this.#child.pid !== undefined) process.kill(-this.#child.pid, "SIGKILL");
    } catch {
      // Nobody of the group is left.
    }
    await this.ended;
  }

  #grow(stream: "stdout" | "stderr", text: string): void {
    this[stream] += text;
    for (const watcher of this.#watchers) watcher();
  }
}

/** The `barewire` command of this checkout. */
export function barewire(...args: string[]): Command {
  return new Command(process.execPath, ["--import", "tsx", "src/cli/main.ts", ...args]);
}

/** The same, with a standard input that the test writes to. */
export function barewireReading(...args: string[]): Command {
  return new Command(process.execPath, ["--import", "tsx", "src/cli/main.ts", ...args], {}, "written");
}

/** Command lines that are run by one process, one behind another; it is started with the first, and ends with the test file. */
class HostedCommands {
  #host: ChildProcess | undefined;
  #lastId = 0;
  readonly #waiting = new Map<number, PromiseWithResolvers>();

  run(args: readonly string[]): Promise<Ended> {
    const host = (this.#host ??= this.#start());
    const id = ++this.#lastId;
    host.ref();
    host.channel?.ref();
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      host.send({ id, args } satisfies HostedRequest);
    });
  }

  #start(): ChildProcess {
    const file = fileURLToPath(new URL("command-host.ts", import.meta.url));
    const options = {
      cwd: root,
      execArgv: ["--import", "tsx"],
      env: plainEnvironment(),
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    } satisfies ForkOptions;
    const host = fork(file, options);
    host.on("message", ({ id, ended }: HostedReply) => {
      this.#waiting.get(id)?.resolve(ended);
      this.#waiting.delete(id);
      if (this.#waiting.size > 0) return;
      // Nothing more is expected of it: it keeps no test file from its end.
      host.unref();
      host.channel?.unref();
    });
    host.on("exit", (code, signal) => {
      for (const { reject } of this.#waiting.values())
        reject(new Error(`the host of commands ended: ${signal ?? code}`));
    });
    process.on("exit", () => host.kill("SIGKILL"));
    return host;
  }
}

interface PromiseWithResolvers {
  readonly resolve: (ended: Ended) => void;
  readonly reject: (error: Error) => void;
}

const hostedCommands = new HostedCommands();

/**
 * What the `barewire` command prints and ends with, where it is not the process that counts, nor its standard input. Not for `serve`,
 * which ends the process it is in.
 */
export function told(...args: string[]): Promise<Ended> {
  return hostedCommands.run(args);
}

/** Runs `use` beside a server on a free port; the server is stopped afterwards. */
export async function serving(
  args: readonly string[],
  use: (server: Command, port: number) => Promise<void>,
): Promise<void> {
  const server = barewire("serve", "--port", "0", ...args);
  try {
    const [, port] = await server.printed(/^listening on 127\.0\.0\.1:(\d+)\n/);
    await use(server, Number(port));
  } finally {
    await server.stop();
  }
}
