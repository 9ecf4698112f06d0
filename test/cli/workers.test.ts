import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { parseWorkers } from "../../src/cli/workers.js";
import { Channel, type ClientMethod, loadProto, type Method } from "../../src/core.js";
import { barewire, type Command } from "./command.js";

const folder = mkdtempSync(join(tmpdir(), "barewire-workers-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const PROTO = `syntax = "proto3"; package who;
message Question { string do = 1; } message Answer { int32 pid = 1; }
service Who { rpc Ask(Question) returns (Answer); }`;

const HANDLERS = `export const Who = {
  async ask(question) {
    if (question.do === "die") process.exit(7);
    if (question.do !== "") console.log("asked to " + question.do);
    if (question.do === "wait") await new Promise(() => setTimeout(() => {}, 1e6));
    if (question.do === "hang") for (;;);
    return { pid: process.pid };
  },
};`;

const proto = join(folder, "who.proto");
const handlers = join(folder, "who.js");
writeFileSync(join(folder, "package.json"), `{"type":"module"}`);
writeFileSync(proto, PROTO);
writeFileSync(handlers, HANDLERS);
const service = loadProto({ "who.proto": PROTO }).service("who.Who");

async function working(
  args: readonly string[],
  use: (server: Command, port: number) => Promise<void>,
  wanted: readonly string[] = ["--port", "0", "--proto", proto, "--handlers", handlers, "--quiet"],
): Promise<void> {
  const server = barewire("serve", ...wanted, ...args);
  try {
    const [, port] = await server.printed(/^listening on 127\.0\.0\.1:(\d+)\n/);
    await use(server, Number(port));
  } finally {
    await server.stop();
  }
}

/** Asks over a connection of its own. */
async function ask(port: number, what = "", options: { waitForReady?: boolean } = {}): Promise<number> {
  const channel = new Channel(`127.0.0.1:${port}`);
  try {
    const client = channel.client(service) as Record<"ask", ClientMethod<Method>>;
    return Number((await client.ask({ do: what }, options))["pid"]);
  } finally {
    await channel.close();
  }
}

describe("barewire serve --workers", () => {
  test("has connections answered by several processes, which are announced once", () =>
    working(["--workers", "2"], async (server, port) => {
      const [, ...pids] = (await server.printed(/2 workers: (\d+), (\d+)\n/)).map(Number);
      const answered = new Set<number>();
      while (answered.size < 2) answered.add(await ask(port));
      assert.deepEqual(answered, new Set(pids));
      assert.equal(server.stdout.match(/listening on/g)?.length, 1);
      assert.equal(server.stdout.match(/who\.Who: 1 method/g)?.length, 1);
      server.kill("SIGTERM");
      const { code, stdout, stderr } = await server.ended;
      assert.equal(stderr, "");
      assert.equal(code, 0);
      assert.match(stdout, /SIGTERM: draining, 10 s at most; once more to cut\ndrained, bye\n$/);
      assert.equal(stdout.match(/draining/g)?.length, 1);
    }));

  test("replaces a worker that dies, at the same port, and ends when too many do", () =>
    working(["--workers", "1"], async (server, port) => {
      for (let death = 1; death <= 5; death++) {
        await assert.rejects(ask(port, "die"), { code: 14 });
        await server.complained(new RegExp(`(?:ended with exit code 7: another takes its place\\n[^]*){${death}}`));
        assert.ok((await ask(port, "", { waitForReady: true })) > 0);
      }
      await assert.rejects(ask(port, "die"), { code: 14 });
      const { code, stderr } = await server.ended;
      assert.match(stderr, /ended with exit code 7, the 6th within a minute: this server ends\n$/);
      assert.equal(code, 1);
    }));

  test("a second signal cuts, also a worker that does not listen to anybody", () =>
    working(["--workers", "2"], async (server, port) => {
      const waiting = [ask(port, "hang"), ask(port, "wait")].map((asked) => asked.catch(() => undefined));
      await Promise.all([server.printed(/asked to hang/), server.printed(/asked to wait/)]);
      server.kill("SIGINT");
      await server.printed(/SIGINT: draining/);
      server.kill("SIGTERM");
      const { code, stdout } = await server.ended;
      assert.equal(code, 0);
      assert.match(stdout, /SIGTERM: cutting what still runs\n$/);
      await Promise.all(waiting);
    }));

  test("what keeps the first worker from starting is said once", () =>
    working(["--workers", "1"], async (_server, port) => {
      const second = barewire("serve", "--port", String(port), "--workers", "3", "--accept-split-state");
      const { code, stdout, stderr } = await second.ended;
      assert.equal(stdout, "");
      assert.match(stderr, /^barewire: cannot listen on 127\.0\.0\.1:\d+: the port is taken[^\n]*\n$/);
      assert.equal(code, 1);
    }));

  test("the examples are served by several when that is wanted, with one certificate for all of them", () =>
    working(
      ["--workers", "2", "--accept-split-state", "--tls"],
      async (server) => {
        const [, ca] = await server.printed(/clients are to trust: (.*)\n/);
        await server.printed(/things to try/);
        const { stdout, code } = await barewire("list", addressOf(server), "--tls", "--ca-file", ca ?? "").ended;
        assert.match(stdout, /order\.OrderManagement/);
        assert.equal(code, 0);
      },
      ["--port", "0"],
    ));
});

function addressOf({ stdout }: Command): string {
  return /listening on (\S+)/.exec(stdout)?.[1] ?? "";
}

describe("the flags of workers", () => {
  test("examples that keep state refuse --workers, unless that is accepted", () => {
    assert.throws(() => parseWorkers({ workers: "2" }, true), { message: /wants --accept-split-state as well: Order/ });
    assert.equal(parseWorkers({ workers: "2", "accept-split-state": true }, true), 2);
    assert.equal(parseWorkers({ workers: "2" }, false), 2);
  });

  test("0 is one for each core, and what makes no sense is said", () => {
    assert.ok((parseWorkers({ workers: "0" }, false) ?? 0) > 0);
    assert.equal(parseWorkers({}, true), undefined);
    assert.throws(() => parseWorkers({ "accept-split-state": true }, true), { message: /is for --workers/ });
    assert.throws(() => parseWorkers({ workers: "2", watch: true }, false), { message: /--watch does not go with/ });
    for (const workers of ["-1", "many", "513"]) {
      assert.throws(() => parseWorkers({ workers }, false), { message: /--workers must be/ });
    }
  });
});
