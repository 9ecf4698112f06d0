/**
 * h2load, the load generator of nghttp2 (Debian: `nghttp2-client`), as the client of a server that is measured alone.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadProto } from "../src/index.js";
import { CONTRACT, payloadOf } from "./contract.js";
import type { Done, Turn } from "./work.js";

const CONNECTIONS = 8;
const CALLS = 32;
const WARM_UP_CALLS = 3000;
const MIN_MS = 250;
const MAX_MS = 4000;

/** Why it cannot be had; `undefined` when it can. */
export function missingH2load(): string | undefined {
  const { error } = spawnSync("h2load", ["--version"]);
  return error === undefined ? undefined : "h2load is not installed: it comes with Debian's nghttp2-client";
}

/** Calls Echo for that long, or so many times when it is a warm-up. @throws Error when no call is answered. */
export async function h2load(port: number, bytes: number, { ms, isWarmUp }: Turn): Promise<Done> {
  const message = loadProto({ "bench.proto": CONTRACT }).codec("bench.Payload").encode(payloadOf(bytes));
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  const folder = mkdtempSync(join(tmpdir(), "barewire-bench-"));
  const body = join(folder, "body");
  writeFileSync(body, Buffer.concat([prefix, message]));
  try {
    if (isWarmUp === true) return read(await run(port, body, ["-n", String(WARM_UP_CALLS)]));
    // A machine that is busy with other things has not answered a single call after a short time.
    for (let longer = Math.max(MIN_MS, ms); ; longer *= 2) {
      const output = await run(port, body, ["-D", `${longer}ms`]);
      if (longer > MAX_MS || !output.includes("status codes: 0 2xx")) return read(output);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function run(port: number, body: string, howLong: readonly string[]): Promise<string> {
  const load = [...howLong, "-c", String(CONNECTIONS), "-m", String(CALLS), "-d", body];
  const headers = ["-H", "content-type: application/grpc+proto", "-H", "te: trailers"];
  const child = spawn("h2load", [...load, ...headers, `http://127.0.0.1:${port}/bench.Bench/Echo`]);
  let output = "";
  child.stdout.on("data", (text: Buffer) => (output += text.toString()));
  await once(child, "close");
  return output;
}

function read(output: string): Done {
  const done = Number(/status codes: (\d+) 2xx, 0 3xx, 0 4xx, 0 5xx/.exec(output)?.[1]);
  const isFinished = /^finished in \d/m.test(output);
  const rate = Number(/^finished in .*?([\d.]+) req\/s/m.exec(output)?.[1]);
  if (!(done > 0) || !(rate > 0) || !isFinished) throw new Error(`h2load did not get answers: ${output.slice(-400)}`);
  return { done, elapsedMs: (done / rate) * 1000 };
}
