/**
 * A server under fire, a process of its own: `server.ts NAME PORT JOURNAL`. It writes down every call before it runs it, so that nothing
 * is lost when it is killed; SIGTERM has it drain.
 */
import { openSync, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Server } from "../../src/index.js";
import { Fire } from "./contract.js";

const [name = "", port = "", path = ""] = process.argv.slice(2);
const journal = openSync(path, "a");
/** Long enough that some calls run whenever something happens. */
const WORK_MS = 3;
const DRAIN_MS = 5000;

async function work(id: string): Promise<void> {
  writeSync(journal, `${Date.now()} ${name} ${id}\n`);
  await sleep(WORK_MS);
}

const server = new Server();
server.add(Fire, {
  async again({ id }) {
    await work(id);
    return { server: name, number: 1 };
  },
  async once({ id }) {
    await work(id);
    return { server: name, number: 1 };
  },
  async *count({ id, count }) {
    for (let number = 1; number <= count; number++) {
      if (number === 1) await work(id);
      else await sleep(WORK_MS);
      yield { server: name, number };
    }
  },
});
await server.listen(`127.0.0.1:${port}`);
process.on("SIGTERM", () => void server.close({ graceMs: DRAIN_MS }));
process.stdout.write("ready\n");
