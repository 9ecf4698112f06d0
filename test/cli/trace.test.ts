/**
 * `barewire trace` as a person runs it: between a server and clients that know nothing of it.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Channel, Code, StatusError } from "../../src/index.js";
import * as core from "../../src/core.js";
import { OrderManagement } from "../../src/services/gen/order.js";
import { RouteGuide } from "../../src/services/gen/route_guide.js";
import { orderManagement } from "../../src/services/order-management.js";
import { Authority } from "../support/certificates.js";
import { readPcap, streamOf } from "../support/pcap.js";
import { barewire, type Command, root } from "./command.js";
import { documented, type Running } from "./reflecting.js";

/** Runs `use` with a channel through a proxy in front of `remote`; gives all that was printed. */
async function traced(
  remote: string,
  args: readonly string[],
  use: (address: string, command: Command) => Promise<void>,
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const command = barewire("trace", "-r", remote, "-p", "0", ...args);
  try {
    const [, address = ""] = await command.printed(/(?:listening on |"address":")([\d.:]+)[,"]/);
    await use(address, command);
    command.kill("SIGINT");
    const { code, stdout, stderr } = await command.ended;
    assert.equal(code, 0, stderr);
    return { stdout, stderr };
  } finally {
    await command.stop();
  }
}

async function withChannel(address: string, use: (channel: Channel) => Promise<unknown>): Promise<void> {
  const channel = new Channel(address, { onError: () => undefined });
  try {
    await use(channel);
  } finally {
    await channel.close();
  }
}

const JERSEY = { latitude: 409146138, longitude: -746188906 };

describe("barewire trace", { concurrency: 2 }, () => {
  let services: Running;
  before(async () => {
    services = await documented();
  });
  after(() => services.stop());

  test("prints what passes, with the names that reflection tells", async () => {
    const { stdout, stderr } = await traced(services.address, [], async (address, command) => {
      await withChannel(address, async (channel) => {
        const feature = await channel
          .client(RouteGuide)
          .getFeature(JERSEY, { metadata: { authorization: "Bearer abc" } });
        assert.equal(feature.name, "Weldon Ridge, Jefferson, NJ");
        await assert.rejects(channel.client(OrderManagement).getOrder({ value: "none" }));
      });
      await command.printed(/\[1\] closed/);
    });
    assert.equal(stderr, "");
    assert.match(
      stdout,
      /^\d\d:\d\d:\d\d\.\d{3} listening on .*\n.* \[1\] accepted from 127\.0\.0\.1:\d+\n.* \[1\] connected to /,
    );
    assert.match(stdout, /\[1\] client → server {2}HEADERS stream 1 END_HEADERS, \d+ bytes\n {4}:method: POST\n/);
    assert.match(stdout, /authorization: \*\*\*\n/);
    assert.doesNotMatch(stdout, /abc/);
    assert.match(
      stdout,
      /message 1, \d+ bytes: routeguide\.Point\n {4}latitude: 409146138\n {4}longitude: -746188906\n/,
    );
    assert.match(
      stdout,
      /message 1, 48 bytes: routeguide\.Feature\n {4}name: "Weldon Ridge, Jefferson, NJ"\n {4}location \{\n/,
    );
    assert.match(stdout, /stream 1 \/routeguide\.RouteGuide\/GetFeature ended OK after [\d.]+ ms\n/);
    assert.match(stdout, /stream 3 \/order\.OrderManagement\/getOrder ended NOT_FOUND ".*none.*" after/);
    assert.match(stdout, /\|PRI \* HTTP\/2\.0\.\.\|/);
  });

  test("shows some calls in blocks with --by-call and filters, and writes all of it into a file with --pcap", async () => {
    const folder = mkdtempSync(join(tmpdir(), "barewire-pcap-"));
    const file = join(folder, "all.pcap");
    const flags = ["--by-call", "--status", "failed", "--method", "order.*", "--redact", "x-key", "--pcap", file];
    try {
      const { stdout } = await traced(services.address, flags, async (address, command) => {
        await withChannel(address, async (channel) => {
          const metadata = { "x-key": "open sesame" };
          await channel.client(RouteGuide).getFeature(JERSEY, { metadata });
          await assert.rejects(channel.client(OrderManagement).getOrder({ value: "none" }, { metadata }));
        });
        await command.printed(/\[1\] closed/);
      });
      const [, address = ""] = /accepted from (\S+)/.exec(stdout) ?? [];
      assert.match(
        stdout,
        /\n.* \[1\] stream 3 \/order\.OrderManagement\/getOrder ended NOT_FOUND ".*none.*" after [\d.]+ ms\n/,
      );
      assert.match(stdout, / ms {2}→ {2}headers: .*x-key: \*\*\*/);
      assert.match(stdout, / ms {2}→ {2}message 1, 6 bytes: google\.protobuf\.StringValue: value: "none"\n/);
      assert.doesNotMatch(stdout, /GetFeature|sesame/);
      const packets = readPcap(readFileSync(file));
      const sent = streamOf(packets, address);
      assert.equal(sent.end, "FIN");
      assert.ok(sent.bytes.toString("latin1").startsWith("PRI * HTTP/2.0"));
      // Nothing is hidden there: the first of the two calls' headers is written out.
      assert.ok(sent.bytes.includes("none"));
      assert.equal(statSync(file).mode & 0o777, 0o600);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test("prints nothing but JSON with --json", async () => {
    const { stdout } = await traced(services.address, ["--json", "-s"], async (address, command) => {
      await withChannel(address, (channel) => channel.client(RouteGuide).getFeature(JERSEY));
      await command.printed(/"event":"closed"/);
    });
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual([lines[0]?.["event"], lines.at(-1)?.["event"]], ["listening", "counted"]);
    const messages = lines.filter(({ event }) => event === "message");
    assert.deepEqual(messages[0]?.["message"], JERSEY);
    const page = readFileSync(`${root}docs/inspector.md`, "utf8");
    const [, shown = ""] = /^```json\n([\s\S]*?)^```$/m.exec(page) ?? [];
    const told = lines.filter(({ event }) => event === "message" || event === "call-ended");
    assert.deepEqual(
      shown.trimEnd().split("\n").map(steadyJson),
      told.map((line) => steadyJson(JSON.stringify(line))),
    );
  });

  test("ends TLS and begins it anew with --tls, and asks the server's reflection so, too", async () => {
    const authority = new Authority();
    const secure = await documented({ tls: authority.issue() });
    const folder = mkdtempSync(join(tmpdir(), "barewire-trace-tls-"));
    const caFile = join(folder, "ca.pem");
    writeFileSync(caFile, authority.cert);
    let trusted = "";
    try {
      const { stdout, stderr } = await traced(
        secure.address,
        ["--tls", "--ca-file", caFile, "--hex", "0"],
        async (address, command) => {
          [, trusted = ""] = await command.printed(/which clients are to trust: (\S+)\n/);
          const channel = new Channel(address, { tls: { ca: readFileSync(trusted) }, onError: () => undefined });
          await channel.client(RouteGuide).getFeature(JERSEY);
          await channel.close();
          await command.printed(/\[1\] closed/);
        },
      );
      assert.equal(stderr, "");
      assert.match(stdout, /message 1, 17 bytes: routeguide\.Point\n {4}latitude: 409146138\n/);
      assert.match(stdout, /:scheme: https\n/);
      assert.ok(!existsSync(trusted), "the certificate is off the disk");
    } finally {
      await secure.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test("guesses where there is no reflection, and says once why there are no names", async () => {
    const server = new core.Server().add(OrderManagement, orderManagement());
    const { address: remote } = await server.listen("127.0.0.1:0");
    try {
      const { stdout, stderr } = await traced(remote, ["--hex", "0"], async (address, command) => {
        await withChannel(address, async (channel) => {
          const orders = channel.client(OrderManagement);
          await orders.addOrder({ id: "101", items: ["a"], price: 2300 });
          await orders.getOrder({ value: "101" });
        });
        await command.printed(/\[1\] closed/);
      });
      assert.match(stdout, /#1: text "101"\n {4}#2: text "a"\n {4}#4: fixed32 1158660096 \(float 2300\)\n/);
      assert.doesNotMatch(stdout, /\|/);
      assert.match(stderr, /^barewire: fields have no names: the server's reflection: .*\n$/);
    } finally {
      await server.close({ graceMs: 0 });
    }
  });

  test("takes names from files", async () => {
    const flags = ["--proto", `${root}proto/route_guide.proto`, "--hex=0"];
    const { stdout } = await traced(services.address, flags, async (address, command) => {
      await withChannel(address, (channel) => channel.client(RouteGuide).getFeature(JERSEY));
      await command.printed(/\[1\] closed/);
    });
    assert.match(stdout, /routeguide\.Point\n {4}latitude: 409146138\n/);
  });

  test("is quiet with -q, and counts with -s", async () => {
    const { stdout } = await traced(services.address, ["-q", "-s"], async (address, command) => {
      await withChannel(address, async (channel) => {
        await channel.client(RouteGuide).getFeature(JERSEY);
        await assert.rejects(channel.client(OrderManagement).getOrder({ value: "none" }));
      });
      await command.printed(/\[1\] closed/);
    });
    assert.doesNotMatch(stdout, /HEADERS|message|authority/);
    assert.match(
      stdout,
      /\[1\] closed\n.*\[1\] client → server: \d+ bytes in \d+ frames\n.*\[1\] client ← server: \d+ bytes/,
    );
    assert.match(stdout, /\[1\] calls: 2 \(1 OK, 1 NOT_FOUND\), least \/ mean \/ most [\d.]+ \/ [\d.]+ \/ [\d.]+ ms\n/);
    assert.match(stdout, /in all, calls: 2 \(1 OK, 1 NOT_FOUND\)/);
  });

  test("prints frames alone with -t http2, and asks no server", async () => {
    const { stdout } = await traced(services.address, ["-t", "http2", "--hex", "0"], async (address, command) => {
      await withChannel(address, (channel) => channel.client(RouteGuide).getFeature(JERSEY));
      await command.printed(/\[1\] closed/);
    });
    assert.match(stdout, /DATA stream 1 END_STREAM, 22 bytes\n/);
    assert.doesNotMatch(stdout, /message|ended/);
  });

  test("is late by -d in each direction, which deadlines feel", async () => {
    await traced(services.address, ["-d", "300ms", "-up", "1000000", "-down", "1000000"], async (address) => {
      await withChannel(address, async (channel) => {
        const guide = channel.client(RouteGuide);
        const startedAtMs = performance.now();
        await guide.getFeature(JERSEY);
        assert.ok(performance.now() - startedAtMs >= 590);
        await assert.rejects(
          guide.getFeature(JERSEY, { timeoutMs: 400 }),
          (error) => error instanceof StatusError && error.code === Code.DEADLINE_EXCEEDED,
        );
      });
    });
  });

  test("passes on what is no HTTP/2, and says so", async () => {
    const web = createServer((socket) => {
      socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\n\r\nhello"));
    }).listen(0, "127.0.0.1");
    await once(web, "listening");
    const { stdout } = await traced(
      `127.0.0.1:${(web.address() as AddressInfo).port}`,
      [],
      async (address, command) => {
        const client = connect(Number(address.split(":")[1]), "127.0.0.1");
        client.write("GET / HTTP/1.1\r\nAuthorization: Basic abc\r\n\r\n");
        let answer = "";
        for await (const chunk of client) answer += String(chunk);
        assert.equal(answer, "HTTP/1.1 200 OK\r\n\r\nhello");
        await command.printed(/\[1\] closed/);
      },
    );
    web.close();
    assert.match(
      stdout,
      /client → server {2}passed on unread, as it is no HTTP\/2; it begins with "GET \/ HTTP\/1\.1"\n/,
    );
    assert.match(
      stdout,
      /client ← server {2}passed on unread, as it is no HTTP\/2; it begins with "HTTP\/1\.1 200 OK"\n/,
    );
    assert.doesNotMatch(stdout, /Basic/);
  });

  test("has things go wrong with --fault, and says which", async () => {
    const flags = ["--hex", "0", "--fault", "status=UNAVAILABLE on GetFeature once", "--fault", "delay 1ms ±1ms"];
    const { stdout } = await traced(services.address, flags, async (address, command) => {
      await withChannel(address, async (channel) => {
        const guide = channel.client(RouteGuide);
        await assert.rejects(
          guide.getFeature(JERSEY),
          (error) => error instanceof StatusError && error.code === Code.UNAVAILABLE,
        );
        assert.equal((await guide.getFeature(JERSEY)).name, "Weldon Ridge, Jefferson, NJ");
      });
      await command.printed(/\[1\] closed/);
    });
    assert.match(stdout, /\[1\] a fault on purpose: status=UNAVAILABLE on GetFeature once, upon stream 1\n/);
    assert.match(stdout, /stream 1 .* ended UNAVAILABLE "a fault on purpose"/);
    assert.match(stdout, /\[1\] a fault on purpose: delay 1ms ±1ms, upon stream 3\n/);
  });

  test("goes on when nobody reads what it prints", async () => {
    await traced(services.address, [], async (address, command) => {
      command.closeStdout();
      await withChannel(address, async (channel) => {
        for (let i = 0; i < 5; i++) await channel.client(RouteGuide).getFeature(JERSEY);
      });
    });
  });

  for (const [line, expected] of [
    ["", /trace wants a server to pass connections on to: -r HOST:PORT/],
    ["-r nowhere", /-r must be host:port or unix:path: current value is "nowhere"/],
    ["-r a:1 -upp 5", /there is no flag "-upp"; did you mean -up\?/],
    ["-r a:1 -t redis", /-t must be grpc or http2: current value is "redis"/],
    ["-r a:1 -d 100", /--delay must be a time such as 100ms or 1\.5s, of 10m at most: current value is "100"/],
    ["-r a:1 -up x", /--up must be a whole number/],
    ["-r a:1 -p 70000", /--port must be a whole number from 0 to 65535/],
    ["-r a:1 --proto missing.proto", /missing\.proto/],
    ["-r a:1 -I x", /--include is for --proto/],
    [
      "-r a:1 --fault=resett",
      /--fault: Cannot read the fault "resett" .*: found "resett"; did you mean "reset"\? \(see --help\)/,
    ],
    ["-r a:1 --fault=status=OK", /--fault: Cannot use the fault as code must be a status code other than OK/],
    ["-r a:1 --fault", /--fault/],
    ["-r a:1 something", /"something" is too much/],
    ["-r a:1 --pcap /nowhere/at.all", /--pcap "\/nowhere\/at\.all": ENOENT/],
    ["-r 127.0.0.1:1 -l 192.0.2.1", /cannot listen on "192\.0\.2\.1", port 0: this machine does not have that address/],
  ] as const) {
    test(`refuses: ${line}`, async () => {
      const { code, stdout, stderr } = await barewire("trace", ...line.split(" ").filter(Boolean)).ended;
      assert.match(stderr, expected);
      assert.equal(stderr.trimEnd().split("\n").length, 1, stderr);
      assert.equal(stdout, "");
      assert.notEqual(code, 0);
    });
  }
});

/** What differs from run to run: times and ports. */
function steady(text: string): string {
  return text
    .replaceAll(/^\d\d:\d\d:\d\d\.\d{3}/gm, "12:00:00.000")
    .replaceAll(/(127\.0\.0\.1|localhost):\d+/g, "localhost:0")
    .replaceAll(/(barewire\/)[\d.]+/g, "$1X")
    .replaceAll(/[\d.]+ ms/g, "N ms")
    .replaceAll(/(HEADERS stream 1 END_HEADERS), \d+ bytes/g, "$1, N bytes");
}

/** A line of JSON without what differs from run to run. */
function steadyJson(line: string): string {
  return line.replace(/"time":"[^"]*"/, '"time":""').replace(/"ms":[\d.]+/, '"ms":0');
}

/** Lines with what stands below each; the two directions are not in step, so their order is put aside. */
function blocks(text: string): string[] {
  return text
    .split(/^(?=\d)/m)
    .map((block) => block.trimEnd())
    .toSorted();
}

/** What stands in the page behind a heading, or at its beginning. */
function shownBehind(heading: string): string {
  const page = readFileSync(`${root}docs/inspector.md`, "utf8");
  const [, shown = ""] = /^```text\n([\s\S]*?)^```$/m.exec(page.slice(page.indexOf(heading))) ?? [];
  return shown;
}

test("docs/inspector.md shows what is printed, live and by call", async () => {
  const services = await documented();
  const print = (...flags: string[]) =>
    traced(services.address, flags, async (address, command) => {
      await withChannel(address, (channel) => channel.client(RouteGuide).getFeature(JERSEY));
      await command.printed(/\[1\] closed/);
    });
  try {
    const live = await print("--hex", "0");
    const untilEnd = live.stdout.replace(/^(.*\[1\] stream 1 .* ended OK.*\n)[^]*/m, "$1");
    assert.deepEqual(blocks(steady(shownBehind("# The inspector"))), blocks(steady(untilEnd)), live.stdout);

    const byCall = await print("--by-call");
    const [block = ""] = /^.*\[1\] stream 1 .*\n(?: .*\n)*/m.exec(byCall.stdout) ?? [];
    // How often each side was waited for depends on what came at once.
    const calm = (text: string): string =>
      steady(text)
        .replaceAll(/ +N ms/g, " N ms")
        .replace(/waited.*/, "waited");
    assert.equal(calm(shownBehind("## By call")), calm(block), byCall.stdout);
  } finally {
    await services.stop();
  }
});
