import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Channel, Code, loadDescriptorSet, loadProto, Server, StatusError } from "../../src/index.js";
import { ReflectionClient } from "../../src/services/reflection-client.js";
import {
  type Answer,
  answering,
  descriptor,
  documented,
  filesAnswer,
  notFound,
  type Running,
  servicesAnswer,
} from "../cli/reflecting.js";

async function asking(starting: Promise<Running>, use: (client: ReflectionClient) => Promise<void>): Promise<void> {
  const { address, stop } = await starting;
  const channel = new Channel(address);
  const client = new ReflectionClient(channel);
  try {
    await use(client);
  } finally {
    client.close();
    await channel.close();
    await stop();
  }
}

function fails(work: Promise<unknown>, code: Code, message: RegExp): Promise<void> {
  return assert.rejects(work, (error) => {
    assert.ok(error instanceof StatusError, String(error));
    assert.match(error.rawMessage, message);
    assert.equal(error.code, code);
    return true;
  });
}

describe("ReflectionClient", () => {
  test("fetches the file of a symbol and all it imports, each behind those it imports", () =>
    asking(documented(), async (client) => {
      assert.equal(await client.fetchSymbol("order.OrderManagement"), true);
      assert.deepEqual(client.files.map(({ name }) => name).toSorted(), [
        "google/protobuf/timestamp.proto",
        "google/protobuf/wrappers.proto",
        "order.proto",
      ]);
      assert.equal(client.files.at(-1)?.name, "order.proto");
      const set = loadProto({ "s.proto": 'syntax = "proto3"; message Set { repeated bytes file = 1; }' }).message(
        "Set",
      );
      const schema = loadDescriptorSet(set.encode({ file: client.files.map(({ bytes }) => bytes) }));
      assert.ok(schema.service("order.OrderManagement").methods["addOrder"]);
    }));

  test("knows when there is no such symbol, and goes on", () =>
    asking(documented(), async (client) => {
      assert.equal(await client.fetchSymbol("no.Such"), false);
      assert.deepEqual(client.files, []);
      assert.ok((await client.listServices()).includes("routeguide.RouteGuide"));
      client.close();
      assert.equal(await client.fetchSymbol("routeguide.Point"), true);
    }));

  test("asks for each file once, and does without those that are imported weakly", () => {
    const asked: string[] = [];
    return asking(
      answering((question): Answer => {
        if (question.case === "fileByFilename") asked.push(question.value);
        if (question.case !== "fileContainingSymbol") return question.value === "gone.proto" ? notFound : filesAnswer();
        const a = descriptor({ name: "a.proto", dependency: ["b.proto", "gone.proto"], weakDependency: [1] });
        return filesAnswer(a, descriptor({ name: "b.proto" }));
      }),
      async (client) => {
        await client.fetchSymbol("A");
        await client.fetchSymbol("B");
        assert.deepEqual(asked, []);
        assert.deepEqual(
          client.files.map(({ name }) => name),
          ["b.proto", "a.proto"],
        );
      },
    );
  });

  test("speaks v1alpha with a server that has only that", () =>
    asking(
      answering(() => servicesAnswer("a.A"), "v1alpha"),
      async (client) => assert.deepEqual(await client.listServices(), ["a.A"]),
    ));

  test("says that there is none", async () => {
    const server = new Server({ reflection: false });
    const { address } = await server.listen("127.0.0.1:0");
    const starting = Promise.resolve({ address, stop: () => server.close({ graceMs: 0 }) });
    await asking(starting, async (client) => {
      await fails(client.listServices(), Code.UNIMPLEMENTED, /^the server has no reflection$/);
    });
  });

  test("a file other than the one asked for, and more services than there can be", async () => {
    await asking(
      answering((question) =>
        filesAnswer(descriptor({ name: `${question.case}.proto`, dependency: [`of-${question.case}.proto`] })),
      ),
      (client) =>
        fails(client.fetchSymbol("A"), Code.INTERNAL, /was asked for "of-fileContainingSymbol\.proto" and gave other/),
    );
    await asking(
      answering(() => servicesAnswer(...Array.from({ length: 10_001 }, (_, i) => `s${i}`))),
      (client) => fails(client.listServices(), Code.RESOURCE_EXHAUSTED, /more than 10000 services/),
    );
  });
});
