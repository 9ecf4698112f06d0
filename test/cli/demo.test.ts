import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { describe, test } from "node:test";
import { barewire, serving, told } from "./command.js";

describe("barewire demo", () => {
  test("plays every client against barewire serve", () =>
    serving(["--quiet"], async (_server, port) => {
      const addr = ["--addr", `127.0.0.1:${port}`];
      for (const [args, expected] of [
        [["route-guide"], /travelling a route of \d+ points\n[^]*got "Sixth message" at \(0, 3\)\n$/],
        [["route-guide", "--client", "go"], /got "Sixth message" at \(0, 3\)\n$/],
        [["route-guide", "--client", "python"], /passed 10 features[^]*received "Fifth message" at \(1, 0\)\n$/],
        [["orders"], /shipment "cmb - Sam, Beijing", "Processed!":\n.*\n$/],
        [["orderer"], /response 20: key "gPRC Stream Client: Key", value "this is value101"\n$/],
      ] as const) {
        const { code, stdout, stderr } = await barewire("demo", ...args, ...addr).ended;
        assert.match(stdout, expected);
        assert.deepEqual([code, stderr], [0, ""]);
      }
    }));

  test("says in one sentence that nobody listens, and exits with 1", async () => {
    let free = 0;
    await serving([], async (_server, port) => void (free = port));
    for (const name of ["route-guide", "orders", "orderer"]) {
      const { code, stderr } = await told("demo", name, "--addr", `127.0.0.1:${free}`);
      assert.match(
        stderr,
        new RegExp(`^barewire: nobody answers at 127\\.0\\.0\\.1:${free}: .*npm start.*--addr.*\n$`),
      );
      assert.equal(code, 1);
    }
  });

  test("says the same of a name with several addresses, and of a unix socket", async () => {
    let free = 0;
    await serving([], async (_server, port) => void (free = port));
    for (const address of [`localhost:${free}`, "unix:no-such-socket"]) {
      const { code, stderr } = await told("demo", "orderer", "--addr", address);
      assert.match(stderr, new RegExp(`^barewire: nobody answers at ${address}: .*\n$`));
      assert.equal(code, 1);
    }
  });

  test("says in one line that what listens there does not speak HTTP/2", async () => {
    const deaf = createServer((socket) => socket.end("220 mail.example\r\n"));
    deaf.listen(0, "127.0.0.1");
    await once(deaf, "listening");
    const address = `127.0.0.1:${(deaf.address() as AddressInfo).port}`;
    try {
      const { code, stderr } = await told("demo", "orderer", "--addr", address);
      assert.match(stderr, new RegExp(`^barewire: cannot talk to ${address}: .+\n$`));
      assert.equal(code, 1);
    } finally {
      deaf.close();
    }
  });

  test("says in one line what is wrong with an address", async () => {
    for (const [address, expected] of [
      ["nonsense:port", /^barewire: --addr: .*"nonsense:port"\n$/],
      ["", /^barewire: --addr: .*""\n$/],
      ["other.example:port", /^barewire: --addr: .*"other\.example:port"\n$/],
      ["192.0.2.1:1", /^barewire: --addr: "192\.0\.2\.1:1" is another machine.*--tls, or --plaintext/],
    ] as const) {
      const { code, stderr } = await told("demo", "orderer", "--addr", address);
      assert.match(stderr, expected);
      assert.equal(stderr.split("\n").length, 2, stderr);
      assert.equal(code, 1);
    }
  });

  test("a reader that leaves early ends nothing with a stack", () =>
    serving(["--quiet"], async (_server, port) => {
      const demo = barewire("demo", "route-guide", "--addr", `127.0.0.1:${port}`);
      demo.closeStdout();
      const { code, stderr } = await demo.ended;
      assert.deepEqual([code, stderr], [0, ""]);
    }));
});
