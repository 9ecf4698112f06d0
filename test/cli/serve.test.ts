import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { Channel, Code, StatusError } from "../../src/core.js";
import { OrderManagement } from "../../src/services/gen/order.js";
import { RouteGuide } from "../../src/services/gen/route_guide.js";
import { barewire, Command, serving } from "./command.js";

const folder = mkdtempSync(join(tmpdir(), "barewire-"));
after(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

async function withChannel<T>(port: number, use: (channel: Channel) => Promise<T>): Promise<T> {
  const channel = new Channel(`127.0.0.1:${port}`);
  try {
    return await use(channel);
  } finally {
    await channel.close();
  }
}

/** Whether nothing listens at the port any more. */
function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

const logLine = (method: string, status: string, messages: string): RegExp =>
  new RegExp(String.raw`^\d\d:\d\d:\d\d\.\d{3}Z 127\.0\.0\.1:\d+ ${method} ${status} \d+\.\d ms ${messages}$`);

describe("barewire serve", () => {
  test("says where it listens and three things to try, and that the commands work", () =>
    serving([], async (server, port) => {
      const [tried] = await server.printed(/things to try.*\n(?: {2}.*\n){3}/);
      const commands = tried.split("\n").slice(1, 4);
      for (const [i, name] of ["route-guide", "orders", "orderer"].entries()) {
        assert.equal(commands[i], `  npm run demo -- ${name} --addr 127.0.0.1:${port}`);
      }
      const [program = "", ...args] = (commands[2] ?? "").trim().split(" ");
      const { code, stdout } = await new Command(program, args).ended;
      assert.equal(code, 0);
      assert.match(stdout, /response 20: /);
    }));

  test("prints one line for every call: time, peer, method, status, duration, messages", () =>
    serving([], async (server, port) => {
      await withChannel(port, async (channel) => {
        const guide = channel.client(RouteGuide);
        await guide.getFeature({});
        await guide.recordRoute([{}, {}, {}]);
        for await (const _ of guide.listFeatures({ lo: {}, hi: {} })) assert.fail();
        await channel
          .client(OrderManagement)
          .getOrder({ value: "none" })
          .catch(() => {});
      });
      await server.printed(/getOrder/);
      const lines = server.stdout.split("\n").filter((line) => line.includes(" ms "));
      assert.equal(lines.length, 4);
      assert.match(lines[0] ?? "", logLine("/routeguide.RouteGuide/GetFeature", "OK", "1/1"));
      assert.match(lines[1] ?? "", logLine("/routeguide.RouteGuide/RecordRoute", "OK", "3/1"));
      assert.match(lines[2] ?? "", logLine("/routeguide.RouteGuide/ListFeatures", "OK", "1/0"));
      assert.match(lines[3] ?? "", logLine("/order.OrderManagement/getOrder", "NOT_FOUND", "1/0"));
    }));

  test("--quiet prints no line for a call", () =>
    serving(["--quiet"], async (server, port) => {
      await withChannel(port, (channel) => channel.client(RouteGuide).getFeature({}));
      server.kill("SIGTERM");
      const { stdout, code } = await server.ended;
      assert.equal(code, 0);
      assert.doesNotMatch(stdout, /GetFeature/);
    }));

  test("--json-db-file gives RouteGuide other places", () => {
    const path = file("places.json", `[{"location":{"latitude":5,"longitude":6},"name":"Elsewhere"}]`);
    return serving(["--json-db-file", path], async (_server, port) => {
      const feature = await withChannel(port, (channel) =>
        channel.client(RouteGuide).getFeature({ latitude: 5, longitude: 6 }),
      );
      assert.equal(feature.name, "Elsewhere");
    });
  });

  test("--batch-size sets how many orders are combined", () =>
    serving(["--batch-size", "1"], (_server, port) =>
      withChannel(port, async (channel) => {
        const orders = channel.client(OrderManagement);
        await orders.addOrder({ id: "1", destination: "A" });
        const shipping = orders.processOrders();
        await shipping.send({ value: "1" });
        assert.equal((await shipping.receive())?.id, "cmb - A");
        shipping.closeSend();
      }),
    ));

  test("--host ::1 listens there, printed in brackets", async () => {
    const server = barewire("serve", "--port", "0", "--host", "::1");
    try {
      const [, port] = await server.printed(/^listening on \[::1\]:(\d+)\n/);
      assert.equal((await barewire("demo", "orderer", "--addr", `[::1]:${port}`).ended).code, 0);
    } finally {
      await server.stop();
    }
  });

  test("--unix listens on a unix socket, which the demos reach and which is gone afterwards", async () => {
    const path = join(folder, "a socket");
    const server = barewire("serve", "--unix", path);
    try {
      await server.printed(/\n {2}npm run demo -- orderer .*\n/);
      assert.ok(server.stdout.startsWith(`listening on unix:${path}\nthings to try`), server.stdout);
      assert.ok(server.stdout.includes(`  npm run demo -- orderer --addr 'unix:${path}'\n`));
      assert.equal((await barewire("demo", "orderer", "--addr", `unix:${path}`).ended).code, 0);
      const second = await barewire("serve", "--unix", path).ended;
      assert.match(second.stderr, /^barewire: cannot listen on unix:.*a socket: something is there already: .*\n$/);
      assert.equal(second.code, 1);
      server.kill("SIGTERM");
      assert.equal((await server.ended).code, 0);
      assert.equal(existsSync(path), false);
    } finally {
      await server.stop();
    }
  });

  test("--unix at a socket that a killed server has left: says that it may be removed", async () => {
    const path = join(folder, "left.sock");
    const killed = barewire("serve", "--unix", path);
    try {
      await killed.printed(/listening/);
    } finally {
      await killed.stop();
    }
    const { code, stderr } = await barewire("serve", "--unix", path).ended;
    assert.match(stderr, /^barewire: cannot listen on unix:.*left\.sock: .* killed is still there, .*: remove it\n$/);
    assert.equal(code, 1);
  });

  test("--unix at a place where no socket can be is one line on stderr and exit code 1", async () => {
    for (const [path, expected] of [
      [
        join(folder, "none", "s"),
        /^barewire: cannot listen on unix:.*: the directory is not there, or may not be written to\n$/,
      ],
      [join(folder, "s".repeat(200)), /^barewire: --unix must be a path of 10\d bytes at most: ".*" has 2\d\d\n$/],
    ] as const) {
      const server = barewire("serve", "--unix", path);
      try {
        // A server that starts all the same is stopped.
        void server.printed(/listening/).then(
          () => server.kill("SIGTERM"),
          () => undefined,
        );
        const { code, stdout, stderr } = await server.ended;
        assert.match(stderr, expected);
        assert.deepEqual([code, stdout], [1, ""]);
      } finally {
        await server.stop();
      }
    }
  });

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    test(`${signal} lets the running call end, then exits with 0 and frees the port`, () =>
      serving([], async (server, port) => {
        await withChannel(port, async (channel) => {
          const chat = channel.client(RouteGuide).routeChat();
          await chat.send({ location: {}, message: "before" });
          assert.equal((await chat.receive())?.message, "before");
          server.kill(signal);
          await server.printed(new RegExp(`${signal}: draining`));
          await chat.send({ location: {}, message: "while draining" });
          assert.equal((await chat.receive())?.message, "before");
          assert.equal((await chat.receive())?.message, "while draining");
          chat.closeSend();
          assert.equal(await chat.receive(), undefined);
          const { code, stdout, stderr } = await server.ended;
          assert.deepEqual([code, stderr], [0, ""]);
          assert.match(stdout, /drained, bye\n$/);
        });
        assert.ok(await isFree(port));
      }));
  }

  test("a second signal cuts what still runs, at once", () =>
    serving([], async (server, port) => {
      await withChannel(port, async (channel) => {
        const chat = channel.client(RouteGuide).routeChat();
        await chat.send({ location: {}, message: "held" });
        await chat.receive();
        server.kill("SIGTERM");
        await server.printed(/draining/);
        const startedMs = performance.now();
        server.kill("SIGTERM");
        await assert.rejects(chat.receive(), (error) => error instanceof StatusError && error.code !== Code.OK);
        assert.equal((await server.ended).code, 0);
        assert.ok(performance.now() - startedMs < 5_000, "it did not wait for the grace time");
      });
      assert.ok(await isFree(port));
    }));

  test("a taken port is one line on stderr and exit code 1", () =>
    serving([], async (_server, port) => {
      const { code, stdout, stderr } = await barewire("serve", "--port", String(port)).ended;
      assert.match(
        stderr,
        new RegExp(`^barewire: cannot listen on 127\\.0\\.0\\.1:${port}: the port is taken.*--port.*\n$`),
      );
      assert.deepEqual([code, stdout], [1, ""]);
    }));

  test("a host that is not this machine's is one line on stderr and exit code 1", async () => {
    for (const host of ["192.0.2.1", "no-such-host.invalid", "not a host"]) {
      const { code, stderr } = await barewire("serve", "--port", "0", "--host", host).ended;
      assert.match(stderr, /^barewire: cannot listen on .*\n$/);
      assert.equal(stderr.split("\n").length, 2);
      assert.equal(code, 1);
    }
  });

  for (const [name, text, expected] of [
    ["missing.json", undefined, /no such file/],
    ["broken.json", "[{", /broken\.json as it must be JSON/],
    [
      "wrong.json",
      `[{"location":{"latitude":1,"longitude":1}},{"location":{}}]`,
      /wrong\.json as feature 1 is wrong: location\.latitude must be/,
    ],
  ] as const) {
    test(`a feature file that is ${name.replace(".json", "")} stops the start with one line`, async () => {
      const path = text === undefined ? join(folder, name) : file(name, text);
      const { code, stdout, stderr } = await barewire("serve", "--port", "0", "--json-db-file", path).ended;
      assert.match(stderr, expected);
      assert.match(stderr, /^barewire: --json-db-file: .*\n$/);
      assert.ok(stderr.includes(name));
      assert.deepEqual([code, stdout], [1, ""]);
    });
  }

  test("outlives the reader of its log", () =>
    serving([], async (server, port) => {
      server.closeStdout();
      await withChannel(port, async (channel) => {
        for (let i = 0; i < 5; i++) await channel.client(RouteGuide).getFeature({});
      });
      server.kill("SIGTERM");
      const { code, stderr } = await server.ended;
      assert.deepEqual([code, stderr], [0, ""]);
    }));

  test("outlives a peer that speaks no HTTP/2", () =>
    serving([], async (server, port) => {
      await new Promise<void>((resolve) => {
        const socket = connect(port, "127.0.0.1", () => socket.end("GET / HTTP/1.0\r\n\r\n"));
        socket.on("error", () => {}).on("close", () => resolve());
        socket.resume();
      });
      await withChannel(port, (channel) => channel.client(RouteGuide).getFeature({}));
      server.kill("SIGTERM");
      assert.equal((await server.ended).code, 0);
    }));
});

describe("npm start", () => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    test(`${signal} to npm drains, exits with 0 and frees the port`, async () => {
      const npm = new Command("npm", ["start", "--silent", "--", "--port", "0"]);
      try {
        const [, port] = await npm.printed(/listening on 127\.0\.0\.1:(\d+)\n/);
        npm.kill(signal);
        const { code, stdout } = await npm.ended;
        assert.match(stdout, /drained, bye\n$/);
        assert.equal(code, 0);
        assert.ok(await isFree(Number(port)));
      } finally {
        await npm.stop();
      }
    });
  }
});
