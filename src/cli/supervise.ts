/**
 * Runs `barewire serve` in a child process: with what Node must be told for it, and again whenever a file has changed.
 *
 * Laws: the child's signals come from here; a child that was told to end and does not is killed; the next one listens where
 * the first one did; with nothing to watch, the child's end is ours.
 */
import { type ChildProcess, fork } from "node:child_process";
import { dirname, relative } from "node:path";
import { print } from "./print.js";
import { isReport, type Order, SUPERVISED, type Upbringing } from "./supervision.js";
import { type WatchedFolders, watchFolders } from "./watch-folders.js";

/** Longer than the drain before a restart takes. */
const KILL_MS = 5000;

/**
 * What to run. The one before is gone before the next one is loaded: two at once would fight for whatever handlers open when
 * they are loaded, such as a database or a port of their own.
 */
export interface SuperviseOptions {
  /** The arguments of the command, of which the child gets the same. */
  readonly args: readonly string[];
  /** What Node is told beyond what this process was told. */
  readonly execArgs: readonly string[];
  /** The files of which a change is a restart, asked for again after each; `undefined` when nothing is watched. */
  readonly files: (() => ReadonlySet<string>) | undefined;
}

/** Serves until a signal ends it, and without `files` until the child ends; resolves to the exit code. */
export async function supervise(options: SuperviseOptions): Promise<number> {
  const supervisor = new Supervisor(options);
  try {
    return await supervisor.run();
  } finally {
    supervisor.close();
  }
}

class Supervisor {
  readonly #options: SuperviseOptions;
  #files: ReadonlySet<string> = new Set();
  #watched: WatchedFolders | undefined;
  #child: ChildProcess | undefined;
  #killing: NodeJS.Timeout | undefined;
  #place: string | undefined;
  #isEnding = false;
  #hasChanged = false;
  /** Ends the wait for a change. */
  #wake: (() => void) | undefined;

  constructor(options: SuperviseOptions) {
    this.#options = options;
  }

  async run(): Promise<number> {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => this.#signalled(signal));
    this.#watch();
    for (;;) {
      this.#hasChanged = false;
      const code = await this.#runChild();
      if (this.#isEnding || this.#options.files === undefined) return code;
      // It was told to end by somebody else than us.
      if (code === 0 && !this.#hasChanged) return code;
      if (!this.#hasChanged) await this.#nextChange(code);
      if (this.#isEnding) return 0;
    }
  }

  close(): void {
    this.#watched?.close();
    clearTimeout(this.#killing);
  }

  #watch(): void {
    const { files } = this.#options;
    if (files === undefined) return;
    const look = (): string[] => {
      this.#files = files();
      return [...new Set([...this.#files].map((file) => dirname(file)))];
    };
    this.#watched = watchFolders(
      (path) => {
        const folders = look();
        this.#changed(path);
        return folders;
      },
      (path) => this.#files.has(path),
    );
    this.#watched.add(look());
  }

  #changed(path: string | undefined): void {
    if (this.#isEnding) return;
    print(`${path === undefined ? "a file" : relative(process.cwd(), path)} changed: starting again`);
    this.#hasChanged = true;
    this.#wake?.();
    this.#order("restart");
    clearTimeout(this.#killing);
    const child = this.#child;
    if (child !== undefined) this.#killing = setTimeout(() => child.kill("SIGKILL"), KILL_MS);
  }

  #signalled(signal: NodeJS.Signals): void {
    // What SIGHUP means is for the child to know: it may have files to read again.
    if (signal !== "SIGHUP" || this.#child === undefined) {
      this.#isEnding = true;
      this.#wake?.();
    }
    this.#order(signal);
  }

  #order(order: Order["order"]): void {
    const message: Order = { barewire: "order", order };
    // A child that is gone has nothing to obey.
    if (this.#child?.connected === true) this.#child.send(message, () => undefined);
  }

  /** Resolves to the exit code of a child that was started and has ended. */
  #runChild(): Promise<number> {
    const { args, execArgs } = this.#options;
    const upbringing: Upbringing = { place: this.#place };
    const child = fork(process.argv[1] ?? "", args, {
      execArgv: [...process.execArgv, ...execArgs],
      env: { ...process.env, [SUPERVISED]: JSON.stringify(upbringing) },
      stdio: "inherit",
    });
    this.#child = child;
    child.on("message", (message) => {
      if (isReport(message)) this.#place = message.address;
    });
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code) => {
        this.#child = undefined;
        clearTimeout(this.#killing);
        resolve(code ?? 1);
      });
    });
  }

  async #nextChange(code: number): Promise<void> {
    print(`the server ended with exit code ${code}: it starts again when a file has changed; Ctrl-C ends it`);
    await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#wake = undefined;
  }
}
