/**
 * The programs that an interop run starts: a client runs to its end, a server until it is stopped.
 *
 * Laws: whatever was started is stopped by its own process id, also when the run is interrupted; nothing runs for ever.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const CLIENT_MS = 60_000;
const START_MS = 30_000;
const STOP_MS = 5000;
const RETRY_MS = 50;
const MAX_OUTPUT = 1024 * 1024;

const root = fileURLToPath(new URL("../..", import.meta.url));
const running = new Set<ChildProcess>();

/** A command line, and what is written to the program's standard input. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly input?: string;
}

export interface Output {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program of this repository, run from its source. */
export function ownProgram(path: string, args: readonly string[]): Program {
  return { command: process.execPath, args: ["--import", "tsx", path, ...args] };
}

interface Started {
  readonly child: ChildProcess;
  readonly output: { stdout: string; stderr: string };
}

function start({ command, args, input }: Program): Started {
  // Python would leave its compiled modules in the checkout.
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: "1" };
  const child = spawn(command, args, { cwd: root, env, stdio: ["pipe", "pipe", "pipe"] });
  running.add(child);
  child.once("close", () => running.delete(child));
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      output[name] = (output[name] + text).slice(-MAX_OUTPUT);
    });
  }
  // A program that ends without reading its input is none of our failures.
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  return { child, output };
}

/** Runs a program to its end, which must come in time. */
export async function runProgram(program: Program): Promise<Output> {
  const { child, output } = start(program);
  const timer = setTimeout(() => child.kill("SIGKILL"), CLIENT_MS);
  try {
    const [code] = (await once(child, "close")) as [number | null];
    return { code, ...output };
  } finally {
    clearTimeout(timer);
  }
}

/** Runs a program that must succeed. @throws Error with the last lines it wrote. */
export async function mustRun(program: Program): Promise<Output> {
  const output = await runProgram(program);
  if (output.code !== 0) throw new Error(`exit code ${output.code ?? "none"}: ${lastLines(output)}`);
  return output;
}

function lastLines({ stdout, stderr }: { readonly stdout: string; readonly stderr: string }): string {
  // What is left of a stack is its message.
  const lines = `${stdout}\n${stderr}`.split("\n").filter((line) => !/^\s*(?:from .*|at .*|)$/.test(line));
  return lines.length === 0 ? "nothing was written" : lines.slice(-6).join(" | ").slice(-1000);
}

/** A server that listens on a free port, until it is stopped. */
export interface RunningServer {
  readonly port: number;
  stop(): Promise<void>;
}

/** Starts a server and waits until it takes connections. @throws Error with what it wrote, when it never does. */
export async function startServerProgram(programAt: (port: number) => Program): Promise<RunningServer> {
  const port = await freePort();
  const started = start(programAt(port));
  const { child, output } = started;
  const failure = once(child, "error").then(([error]: unknown[]) => String(error));
  let error: string | undefined;
  void failure.then((text) => (error = text));
  const until = Date.now() + START_MS;
  while (!(await accepts(port))) {
    if (error !== undefined || child.exitCode !== null || child.signalCode !== null || Date.now() > until) {
      await stop(child);
      throw new Error(`the server does not listen: ${error ?? lastLines(output)}`);
    }
    await delay(RETRY_MS);
  }
  return { port, stop: () => stop(child) };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, "close");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
  await closed;
  clearTimeout(timer);
}

/** Stops everything that still runs. */
export async function stopAll(): Promise<void> {
  await Promise.all([...running].map(stop));
}

async function freePort(): Promise<number> {
  const listener = createServer();
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const address = listener.address();
  listener.close();
  await once(listener, "close");
  if (address === null || typeof address === "string") throw new Error("no free port was found");
  return address.port;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
