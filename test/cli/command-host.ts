/**
 * A process that runs one command line after another, as it is told by `HostedCommands`: starting one for each would take most of the
 * time of a test that wants to know no more than what is printed.
 */
import { runCommandLine } from "../../src/cli/run.js";
import type { Ended } from "./command.js";

/** A command line that is to be run. */
export interface HostedRequest {
  readonly id: number;
  readonly args: readonly string[];
}

/** What came of it. */
export interface HostedReply {
  readonly id: number;
  readonly ended: Ended;
}

/** Runs `work`; gives what it writes to `stream` meanwhile, none of which gets there. */
function captured(stream: NodeJS.WriteStream): () => string {
  const { write } = stream;
  let text = "";
  stream.write = (chunk: string | Uint8Array, ...rest: readonly unknown[]): boolean => {
    text += typeof chunk === "string" ? chunk : Buffer.from(chunk).toString();
    const callback = rest.at(-1);
    if (typeof callback === "function") process.nextTick(callback);
    return true;
  };
  return () => {
    stream.write = write;
    stream.removeAllListeners("error");
    return text;
  };
}

async function run({ id, args }: HostedRequest): Promise<void> {
  const [stdout, stderr] = [captured(process.stdout), captured(process.stderr)];
  const code = await runCommandLine(args);
  const ended: Ended = { code, signal: null, stdout: stdout(), stderr: stderr() };
  process.send?.({ id, ended } satisfies HostedReply);
}

// What a command writes is told from what the next one does: they run one behind another.
let turn = Promise.resolve();
process.on("message", (request: HostedRequest) => {
  turn = turn.then(() => run(request));
});
