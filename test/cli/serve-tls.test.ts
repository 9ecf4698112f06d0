import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, test } from "node:test";
import { Channel, type ChannelTls } from "../../src/core.js";
import { RouteGuide } from "../../src/services/gen/route_guide.js";
import { Authority, type Identity } from "../support/certificates.js";
import { barewire, Command, serving } from "./command.js";

const folder = mkdtempSync(join(tmpdir(), "barewire-serve-tls-"));
after(() => rmSync(folder, { recursive: true }));
// What a server that is killed leaves behind goes with the rest.
process.env["TMPDIR"] = folder;

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** The flags of a certificate and its key, written under a name. */
function pair(name: string, { cert, key }: Identity): string[] {
  return ["--cert-file", file(`${name}.pem`, cert), "--key-file", file(`${name}-key.pem`, key)];
}

async function ask(port: number, tls: ChannelTls): Promise<void> {
  const channel = new Channel(`localhost:${port}`, { tls });
  try {
    await channel.client(RouteGuide).getFeature({}, { timeoutMs: 10_000 });
  } finally {
    await channel.close();
  }
}

const UNTRUSTED = /not signed by a trusted authority/;

async function demoFails(args: readonly string[], expected: RegExp): Promise<void> {
  const { code, stdout, stderr } = await barewire("demo", "orderer", ...args).ended;
  assert.match(stderr, expected);
  assert.equal(stderr.split("\n").length, 2, stderr);
  assert.deepEqual([code, stdout], [1, ""]);
}

describe("barewire serve --tls", () => {
  test("makes a certificate, says who is to trust it, and that the commands work", () =>
    serving(["--tls"], async (server, port) => {
      const [lines, caFile = "", commands = ""] = await server.printed(
        /\nTLS with a certificate made for this start, .*: (.*ca\.pem)\nthings to try.*\n((?: {2}npm .*\n){3}) {2}grpcurl .*\n/,
      );
      assert.match(lines, new RegExp(` {2}grpcurl -cacert ${caFile} .* 127\\.0\\.0\\.1:${port} routeguide`));
      assert.doesNotMatch(server.stdout, /unencrypted/);
      assert.equal(statSync(dirname(caFile)).mode & 0o777, 0o700);
      for (const command of commands.trim().split("\n")) {
        const [program = "", ...args] = command.trim().split(" ");
        assert.deepEqual(args.slice(-3), ["--tls", "--ca-file", caFile]);
        const { code, stderr } = await new Command(program, args).ended;
        assert.equal(code, 0, stderr);
      }
    }));

  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    test(`${signal} ends it with exit code 0, and the certificate it made is gone`, () =>
      serving(["--tls"], async (server) => {
        const [, caFile = ""] = await server.printed(/: (.*ca\.pem)\n/);
        assert.ok(existsSync(caFile));
        server.kill(signal);
        const { code, stdout, stderr } = await server.ended;
        assert.deepEqual([code, stderr], [0, ""]);
        assert.match(stdout, /drained, bye\n$/);
        assert.equal(existsSync(dirname(caFile)), false);
      }));
  }

  test("a port that is taken: the certificate is gone as well", () =>
    serving([], async (_server, port) => {
      const tmp = mkdtempSync(join(folder, "tmp-"));
      const args = ["--import", "tsx", "src/cli/main.ts", "serve", "--tls", "--port", String(port)];
      const { code, stderr } = await new Command(process.execPath, args, { TMPDIR: tmp }).ended;
      assert.match(stderr, /^barewire: cannot listen on .*\n$/);
      assert.equal(code, 1);
      assert.doesNotMatch(readdirSync(tmp).join(), /barewire/);
    }));

  test("over a unix socket", async () => {
    const server = barewire("serve", "--unix", join(folder, "tls.sock"), "--tls");
    try {
      const [, args = ""] = await server.printed(/\n {2}npm run demo -- (orderer .*)\n/);
      const { code, stderr } = await barewire("demo", ...args.split(" ")).ended;
      assert.equal(code, 0, stderr);
    } finally {
      await server.stop();
    }
  });

  test("clients that do not fit are told what to change", () =>
    serving(["--tls", "--quiet"], async (server, port) => {
      const [, caFile = ""] = await server.printed(/: (.*ca\.pem)\n/);
      const addr = ["--addr", `127.0.0.1:${port}`];
      await demoFails(addr, /^barewire: cannot talk to 127\.0\.0\.1:\d+: .*; if it talks TLS, say --tls\n$/);
      await demoFails([...addr, "--tls"], /: the server's certificate is not signed by a trusted.*say with --ca-file/);
      await demoFails(
        [...addr, "--tls", "--ca-file", caFile, "--server-host-override", "example.com"],
        /: the server's certificate is for another name: "wanted \\"example\.com\\", .*DNS:localhost[^;]*"; .*--server-host-override/,
      );
      const renamed = ["--tls", "--ca-file", caFile, "--server-host-override", "localhost"];
      assert.equal((await barewire("demo", "orderer", ...addr, ...renamed).ended).code, 0);
    }));

  test("a client that talks TLS to a server that does not is told so", () =>
    serving([], (_server, port) =>
      demoFails(["--addr", `127.0.0.1:${port}`, "--tls"], /^barewire: cannot talk to .*without --tls/),
    ));

  test("nobody there is nobody there, with TLS as well", async () => {
    let free = 0;
    await serving([], async (_server, port) => void (free = port));
    await demoFails(["--addr", `localhost:${free}`, "--tls"], /^barewire: nobody answers at localhost:\d+: /);
  });
});

test("barewire serve --trace prints what passes, inside of TLS, with the names of its services", () =>
  serving(["--trace", "--tls"], async (server, port) => {
    const [, caFile = ""] = await server.printed(/: (\S*ca\.pem)\n/);
    await ask(port, { ca: readFileSync(caFile, "utf8") });
    await server.printed(/\[1\] closed\n/);
    assert.match(server.stdout, /\[1\] client → server {2}the preface of HTTP\/2, 24 bytes\n/);
    assert.match(server.stdout, /stream 1 message 1, 0 bytes: routeguide\.Point\n {4}\(no field is set\)\n/);
    assert.match(server.stdout, /127\.0\.0\.1:\d+ \/routeguide\.RouteGuide\/GetFeature OK/);
  }));

describe("barewire serve --tls --cert-file --key-file", () => {
  const authority = new Authority();
  const caFile = file("ca.pem", authority.cert);

  test("serves with the certificate of the files, and says whom it is for", () => {
    const identity = authority.issue({ names: ["a.example"] });
    return serving(["--tls", ...pair("a", identity)], async (server, port) => {
      await server.printed(
        /\nTLS with a certificate for "DNS:a\.example", valid until \d{4}-\d\d-\d\d\nkill -HUP \d+ .*\nthings/,
      );
      await server.printed(/ {2}npm run demo -- orderer --addr .* --tls --server-host-override a\.example\n/);
      await ask(port, { ca: authority.cert, serverName: "a.example" });
      const args = ["--addr", `127.0.0.1:${port}`, "--tls", "--server-host-override", "a.example", "--ca-file", caFile];
      const { code, stderr } = await barewire("demo", "orderer", ...args).ended;
      assert.equal(code, 0, stderr);
    });
  });

  test("SIGHUP reads the files again; open connections stay, and bad files change nothing", () => {
    const [first, second] = [new Authority("first"), new Authority("second")];
    const [one, two] = [first.issue(), second.issue()];
    const flags = pair("reread", one);
    return serving(["--tls", ...flags, "--quiet"], async (server, port) => {
      const [, pid] = await server.printed(/\nkill -HUP (\d+) /);
      const before = new Channel(`localhost:${port}`, { tls: { ca: first.cert } });
      try {
        const chat = before.client(RouteGuide).routeChat();
        await chat.send({ location: {}, message: "before" });
        assert.equal((await chat.receive())?.message, "before");

        // The certificate first, as a renewal might: for a moment the two do not belong together.
        file("reread.pem", two.cert);
        server.kill("SIGHUP");
        await server.complained(
          /^barewire: SIGHUP: the certificate stays as it is: --key-file ".*": it is not the key of .*\n$/,
        );
        await ask(port, { ca: first.cert });

        file("reread-key.pem", two.key);
        process.kill(Number(pid), "SIGHUP");
        await server.printed(
          /\nSIGHUP: TLS with a certificate for "DNS:localhost, IP Address:127\.0\.0\.1", valid until .*\n/,
        );
        await ask(port, { ca: second.cert });
        await assert.rejects(ask(port, { ca: first.cert }), UNTRUSTED);

        await chat.send({ location: {}, message: "after" });
        assert.equal((await chat.receive())?.message, "before");
        assert.equal((await chat.receive())?.message, "after");
        chat.closeSend();
        assert.equal(await chat.receive(), undefined);
      } finally {
        await before.close();
      }
      server.kill("SIGTERM");
      assert.equal((await server.ended).code, 0);
      assert.equal(readFileSync(join(folder, "reread-key.pem"), "utf8"), two.key);
    });
  });

  test("--client-ca-file takes clients with a certificate of that authority, and no others", () => {
    const clients = new Authority("clients");
    const flags = [
      "--tls",
      ...pair("mutual", authority.issue()),
      "--client-ca-file",
      file("clients.pem", clients.cert),
    ];
    return serving(flags, async (server, port) => {
      await server.printed(
        /; clients must show one, too\nkill.*\nthings.*\n.* --cert-file YOURS\.pem --key-file YOUR-KEY\.pem\n/,
      );
      const addr = ["--addr", `127.0.0.1:${port}`, "--tls", "--ca-file", caFile];
      const shown = pair("client", clients.issue({ names: ["client"] }));
      const { code, stderr } = await barewire("demo", "orderer", ...addr, ...shown).ended;
      assert.equal(code, 0, stderr);
      await demoFails(addr, /^barewire: cannot talk to .*; show it a certificate with --cert-file and --key-file\n$/);
      const stranger = pair("stranger", authority.issue({ names: ["client"] }));
      await demoFails([...addr, ...stranger], /^barewire: cannot talk to .*certificate.*\n$/);
    });
  });

  test("a key that is another certificate's is one line on stderr and exit code 1", async () => {
    const flags = pair("wrong", { cert: authority.issue().cert, key: authority.issue().key });
    const { code, stdout, stderr } = await barewire("serve", "--tls", "--port", "0", ...flags).ended;
    assert.match(stderr, /^barewire: --key-file ".*wrong-key\.pem": it is not the key of the certificate in .*\n$/);
    assert.deepEqual([code, stdout], [1, ""]);
  });
});
