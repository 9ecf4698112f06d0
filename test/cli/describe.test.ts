import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { loadDescriptorSet } from "../../src/index.js";
import { told } from "./command.js";
import { documented, type Running } from "./reflecting.js";

let services: Running;
before(async () => {
  services = await documented();
});
after(() => services.stop());

async function printed(command: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await told(command, services.address, ...args);
  assert.deepEqual([code, stderr], [0, ""]);
  return stdout;
}

describe("barewire list", { concurrency: 4 }, () => {
  test("the services, and the methods of one as call takes them", async () => {
    assert.deepEqual((await printed("list")).split("\n"), [
      "grpc.health.v1.Health",
      "grpc.reflection.v1.ServerReflection",
      "grpc.reflection.v1alpha.ServerReflection",
      "order.OrderManagement",
      "orderer.StreamService",
      "routeguide.RouteGuide",
      "",
    ]);
    assert.deepEqual((await printed("list", "routeguide.RouteGuide")).split("\n"), [
      "routeguide.RouteGuide/GetFeature",
      "routeguide.RouteGuide/ListFeatures",
      "routeguide.RouteGuide/RecordRoute",
      "routeguide.RouteGuide/RouteChat",
      "",
    ]);
  });

  test("--protoset-out has every service, and what it imports", async () => {
    const folder = mkdtempSync(join(tmpdir(), "barewire-list-"));
    try {
      const path = join(folder, "all.binpb");
      await printed("list", "--protoset-out", path);
      const schema = loadDescriptorSet(readFileSync(path));
      assert.ok(schema.serviceNames.includes("orderer.StreamService"));
      assert.ok(schema.serviceNames.includes("order.OrderManagement"));
      assert.ok(schema.messageNames.includes("google.protobuf.Timestamp"));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe("barewire describe", { concurrency: 4 }, () => {
  test("a service with its comments", async () => {
    const text = await printed("describe", "orderer.StreamService");
    assert.match(text, /^\/\/ orderer\.StreamService is a service, declared in orderer\.proto:\n/);
    assert.match(text, /^ {2}rpc Route\(stream orderer\.StreamRequest\) returns \(stream orderer\.StreamResponse\);$/m);
    assert.match(text, /^ {2}\/\/ /m);
  });

  test("every kind of name", async () => {
    for (const [symbol, expected] of [
      ["routeguide.RouteGuide.RouteChat", /^rpc RouteChat\(stream routeguide\.RouteNote\) returns \(stream /m],
      ["routeguide.RouteGuide/RouteChat", /^\/\/ routeguide\.RouteGuide\.RouteChat is a method,/],
      [".routeguide.Point", /^message Point \{\n {2}int32 latitude = 1;\n {2}int32 longitude = 2;\n\}\n$/m],
      ["order.Order.addresses", /^repeated order\.Order\.Address addresses = 6;\n$/m],
      ["order.Order.AddressType", /^\/\/ .* is an enum,[^]*^enum AddressType \{\n {2}HOME = 0;\n {2}WORK = 1;\n\}\n$/m],
      ["order.Order.WORK", /^\/\/ .* is an enum value,[^]*^WORK = 1;\n$/m],
    ] as const) {
      assert.match(await printed("describe", symbol), expected, symbol);
    }
  });

  test("without a name every service", async () => {
    const text = await printed("describe");
    assert.equal([...text.matchAll(/^service \w+ \{$/gm)].length, 6);
  });

  test("--template of a method is its request", async () => {
    const template = JSON.parse(await printed("describe", "order.OrderManagement.addOrder", "--template")) as object;
    assert.deepEqual(template, {
      id: "",
      items: [""],
      description: "",
      price: 0,
      destination: "",
      addresses: [{ address: "", type: "HOME" }],
      lastUpdated: "1970-01-01T00:00:00Z",
    });
  });
});
