import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { parseCommand, parseWholeNumber, suggestion, UsageError } from "../../src/cli/usage-error.js";
import { barewire, Command, root, told } from "./command.js";

async function fails(args: readonly string[], expected: RegExp): Promise<void> {
  // A server that does not start ends its process, whatever else is in it.
  const { code, stdout, stderr } = await (args[0] === "serve" ? barewire(...args).ended : told(...args));
  assert.equal(stderr.trimEnd().split("\n").length, 1, stderr);
  assert.match(stderr, expected);
  assert.equal(stdout, "");
  assert.equal(code, 1);
}

describe("barewire", { concurrency: 4 }, () => {
  test("--version prints the package's version", async () => {
    const [, version] = /"version": "(.+?)"/.exec(readFileSync(`${root}package.json`, "utf8")) ?? [];
    const { code, stdout, stderr } = await told("--version");
    assert.deepEqual([code, stdout, stderr], [0, `${version}\n`, ""]);
  });

  for (const [args, expected] of [
    [["--help"], /usage: barewire <command>[^]*serve[^]*demo/],
    [["help"], /usage: barewire <command>/],
    [
      ["serve", "--help"],
      /usage: barewire serve[^]*--port[^]*--host[^]*--unix[^]*--tls[^]*--cert-file[^]*--key-file[^]*--client-ca-file[^]*--json-db-file[^]*--batch-size[^]*--quiet[^]*SIGHUP/,
    ],
    [["serve", "--port", "nonsense", "-h"], /usage: barewire serve/],
    [["help", "serve"], /usage: barewire serve/],
    [
      ["demo", "--help"],
      /usage: barewire demo[^]*route-guide[^]*orders[^]*orderer[^]*--client[^]*--addr[^]*--tls[^]*--ca-file[^]*--server-host-override[^]*--cert-file[^]*--key-file/,
    ],
    [
      ["call", "--help"],
      /usage: barewire call ADDR SERVICE\/METHOD[^]*--data[^]*--format[^]*--emit-defaults[^]*--compression[^]*--verbose[^]*--proto[^]*--protoset-out[^]*--header[^]*--max-time[^]*--authority[^]*--tls[^]*Exit code/,
    ],
    [["list", "--help"], /usage: barewire list ADDR \[SERVICE\][^]*--proto[^]*--max-time[^]*Exit code/],
    [["describe", "--help"], /usage: barewire describe ADDR \[SYMBOL\][^]*--template[^]*--proto[^]*Exit code/],
    [
      ["trace", "--help"],
      /usage: barewire trace -r HOST:PORT[^]*--remote[^]*--port[^]*--listen[^]*--type[^]*--delay[^]*--up[^]*--down[^]*--stats[^]*--quiet[^]*--hex[^]*--redact[^]*--show-secrets[^]*--proto[^]*--protoset[^]*--no-reflection/,
    ],
    [["completion", "--help"], /usage: barewire completion bash\|zsh\|fish[^]*eval/],
    [
      ["generate", "--help"],
      /usage: barewire generate[^]*--out[^]*-I, --include[^]*--import-from[^]*--int64[^]*--bytes[^]*--check[^]*--watch/,
    ],
  ] as const) {
    test(`${args.join(" ")} prints help on stdout`, async () => {
      const { code, stdout, stderr } = await told(...args);
      assert.match(stdout, expected);
      assert.deepEqual([code, stderr], [0, ""]);
    });
  }

  for (const [args, expected] of [
    [[], /^barewire: a command is wanted: serve, demo, call, list, describe, trace, replay, generate or completion/],
    [["sevre"], /there is no command "sevre"; did you mean serve\?/],
    [["xyzzy\u001b[2J"], /there is no command "xyzzy\\u001b\[2J" \(see --help\)/],
    [["help", "nothing"], /there is no command "nothing"/],
    [["--verison"], /there is no flag "--verison"; did you mean --version\?/],
    [["serve", "--prot", "1"], /there is no flag "--prot"; did you mean --proto\?/],
    [["serve", "--port"], /--port needs a value/],
    [["serve", "--port", "-1"], /--port needs a value \(one that starts with a dash is given as --port=-…\)/],
    [["serve", "--port=-1"], /--port must be a whole number from 0 to 65535: current value is "-1"/],
    [["serve", "--port", "65536"], /--port must be a whole number from 0 to 65535: current value is "65536"/],
    [["serve", "--port", "1.5"], /current value is "1\.5"/],
    [["serve", "--port", ""], /current value is ""/],
    [["serve", "--batch-size", "0"], /--batch-size must be a whole number from 1 to 10000: current value is "0"/],
    [["serve", "--quiet=yes"], /--quiet takes no value/],
    [["serve", "--unix", ""], /--unix must be a path: it is empty/],
    [["serve", "--unix", "s", "--port", "1"], /--unix takes the place of --host and --port: --port is too much/],
    [["serve", "--unix", "s", "--host", "::1"], /--unix takes the place of --host and --port: --host is too much/],
    [["serve", "--cert-file", "c", "--key-file", "k"], /--cert-file is for TLS: say --tls as well/],
    [["serve", "--client-ca-file", "c"], /--client-ca-file is for TLS: say --tls as well/],
    [["serve", "--tls", "--cert-file", "c"], /--cert-file wants --key-file as well/],
    [["serve", "--tls", "--key-file", "k"], /--key-file wants --cert-file as well/],
    [
      ["serve", "--tls", "--cert-file", "none.pem", "--key-file", "k"],
      /--cert-file "none\.pem": there is no such file/,
    ],
    [
      ["serve", "--tls", "--client-ca-file", "README.md"],
      /--client-ca-file "README\.md": it must be a certificate in PEM/,
    ],
    [["serve", "now"], /serve takes only flags: "now" is too much/],
    [["demo"], /demo wants a name: route-guide, orders, orderer/],
    [["demo", "ordres"], /there is no demo "ordres"; did you mean orders\?/],
    [["demo", "nothing-like-it"], /there is no demo "nothing-like-it"; there are route-guide, orders, orderer/],
    [["demo", "orders", "twice"], /demo takes one name: "twice" is too much/],
    [
      ["demo", "route-guide", "--client", "pyhton"],
      /--client must be go or python: current value is "pyhton"; did you mean python\?/,
    ],
    [["demo", "orders", "--client", "go"], /--client belongs to the demo route-guide alone, not to orders/],
    [["demo", "orders", "--ca-file", "x"], /--ca-file is for TLS: say --tls as well/],
    [["demo", "orders", "--tls", "--plaintext"], /--tls and --plaintext are opposites: say one of them/],
    [["demo", "orders", "--tls", "--ca-file", "none.pem"], /--ca-file "none\.pem": there is no such file/],
    [["demo", "orders", "--tls", "--cert-file", "x"], /--cert-file wants --key-file as well/],
    [["generate"], /generate wants at least one \.proto file/],
    [["generate", "a.proto"], /generate wants --out: where the modules go/],
    [["generate", "a.proto", "--out", ""], /generate wants --out/],
    [["generate", "gone.proto", "--out", "x"], /Cannot find gone\.proto: looked for .*gone\.proto/],
    [
      ["generate", "a.proto", "--out", "x", "--int64", "strings"],
      /--int64 must be bigint, string or number: current value is "strings"; did you mean string\?/,
    ],
    [
      ["generate", "a.proto", "--out", "x", "--bytes", "b"],
      /--bytes must be uint8array or buffer: current value is "b"/,
    ],
    [["generate", "a.proto", "--out", "x", "--check", "--watch"], /--check and --watch are opposites/],
    [["demo", "orders", "--adr", "x"], /there is no flag "--adr"; did you mean --addr\?/],
  ] as const) {
    test(`${JSON.stringify(args)} is one line on stderr and exit code 1`, () => fails(args, expected));
  }
});

test("a mistake is told on stderr of the process, which ends with 1, and help on stdout of one that ends with 0", async () => {
  const [mistaken, helped] = await Promise.all([barewire("sevre").ended, barewire("--help").ended]);
  assert.deepEqual([mistaken.code, mistaken.stdout, mistaken.stderr.split("\n").length], [1, "", 2]);
  assert.match(mistaken.stderr, /^barewire: there is no command "sevre"; did you mean serve\?/);
  assert.deepEqual([helped.code, helped.stderr], [0, ""]);
  assert.match(helped.stdout, /^barewire .*\n\nusage: barewire <command>/);
});

test("bin/barewire.js runs the built command, or says how to build it", async () => {
  const { code, stdout, stderr } = await new Command(process.execPath, ["bin/barewire.js", "--version"]).ended;
  if (code === 0) assert.match(stdout, /^\d+\.\d+\.\d+/);
  else assert.match(stderr, /^barewire: .*npm run build.*npm run -s barewire --.*\n$/);
});

describe("suggestion", () => {
  test("names the nearest, or nothing when none is near", () => {
    assert.equal(suggestion("srve", ["serve", "demo"]), "; did you mean serve?");
    assert.equal(suggestion("dmeo", ["serve", "demo"]), "; did you mean demo?");
    assert.equal(suggestion("route-giude", ["route-guide"]), "; did you mean route-guide?");
    assert.equal(suggestion("x", ["serve", "demo"]), "");
    assert.equal(suggestion("", ["serve", "demo"]), "");
    assert.equal(suggestion("list", ["serve", "demo"]), "");
    assert.equal(suggestion("s".repeat(1_000_000), ["serve"]), "");
  });
});

describe("parseWholeNumber", () => {
  test("takes the whole range and nothing else", () => {
    assert.equal(parseWholeNumber("--port", "0", 0, 65_535), 0);
    assert.equal(parseWholeNumber("--port", "65535", 0, 65_535), 65_535);
    for (const text of ["-1", "65536", "1e3", "0x10", " 1", "1 ", "one", "", "1".repeat(400)]) {
      assert.throws(() => parseWholeNumber("--port", text, 0, 65_535), UsageError, text);
    }
  });
});

test("parseCommand gives typed values", () => {
  const { values, positionals } = parseCommand(["a", "--port", "1", "--quiet"], {
    port: { type: "string" },
    quiet: { type: "boolean" },
  });
  const port: string | undefined = values.port;
  assert.deepEqual([port, values.quiet, positionals], ["1", true, ["a"]]);
});
