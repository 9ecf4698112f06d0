import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  type BidiStreamingCall,
  Channel,
  Code,
  loadDescriptorSet,
  loadProto,
  type MessageType,
  Server,
  type ServerOptions,
  type Service,
} from "../../src/index.js";
import { OrderManagement } from "../../src/services/gen/order.js";
import { StreamService } from "../../src/services/gen/orderer.js";
import { RouteGuide } from "../../src/services/gen/route_guide.js";
import type {
  ServerReflectionRequest,
  ServerReflectionRequestInit,
  ServerReflectionResponse,
} from "../../src/services/gen/reflection.js";
import { Health, HealthStatuses } from "../../src/services/health.js";
import { addReflection, ServerReflection, ServerReflectionV1alpha } from "../../src/services/reflection.js";
import * as core from "../../src/core.js";

type Ask = (
  messageRequest: ServerReflectionRequest["messageRequest"],
) => Promise<ServerReflectionResponse["messageResponse"]>;

interface Asked {
  readonly ask: Ask;
  readonly call: BidiStreamingCall<ServerReflectionRequestInit, ServerReflectionResponse>;
  readonly server: Server;
  readonly errors: readonly unknown[];
}

const VERSIONS = [ServerReflection, ServerReflectionV1alpha];

/** Runs `use` with one stream of reflection, of a server that has `services` (whose methods are UNIMPLEMENTED). */
async function asked(
  services: readonly Service[],
  use: (asked: Asked) => Promise<void>,
  version = ServerReflection,
): Promise<void> {
  const errors: unknown[] = [];
  const server = new Server({ onError: (error) => errors.push(error) });
  for (const service of services) server.add(service, {});
  const { port } = await server.listen("127.0.0.1:0");
  const channel = new Channel(`127.0.0.1:${port}`);
  try {
    const call = channel.client(version).serverReflectionInfo();
    const ask: Ask = async (messageRequest) => {
      await call.send({ messageRequest });
      return (await call.receive())?.messageResponse ?? assert.fail("the stream has ended");
    };
    await use({ ask, call, server, errors });
    call.cancel();
  } finally {
    await channel.close();
    await server.close({ graceMs: 0 });
  }
}

const FileDescriptorProto: MessageType<{ name: string; dependency: string[]; package?: string }> = loadProto({
  "d.proto": 'syntax = "proto3"; import "google/protobuf/descriptor.proto";',
}).message("google.protobuf.FileDescriptorProto");

/** The names of the files in an answer. */
function filesIn(answer: ServerReflectionResponse["messageResponse"]): string[] {
  if (answer.case !== "fileDescriptorResponse") assert.fail(JSON.stringify(answer));
  return answer.value.fileDescriptorProto.map((bytes) => FileDescriptorProto.decode(bytes).name);
}

function errorIn(answer: ServerReflectionResponse["messageResponse"]): [code: number, message: string] {
  if (answer.case !== "errorResponse") assert.fail(JSON.stringify(answer));
  return [answer.value.errorCode, answer.value.errorMessage];
}

function namesIn(answer: ServerReflectionResponse["messageResponse"]): string[] {
  if (answer.case !== "listServicesResponse") assert.fail(JSON.stringify(answer));
  return answer.value.service.map(({ name }) => name);
}

const EXTENDED = loadProto({
  "base.proto": `syntax = "proto2"; package ext;
    import public "more.proto"; import "google/protobuf/descriptor.proto";
    message Base { extensions 100 to max; optional Inner inner = 1; message Inner { oneof pick { string a = 1; } enum Kind { K = 0; } } }
    message Plain {}
    service Extended { rpc Call(Base) returns (more.More); }
    extend google.protobuf.MethodOptions { optional string note = 50000; }
    extend Base { optional string late = 200; }`,
  "more.proto": `syntax = "proto3"; package more; import "google/protobuf/timestamp.proto";
    message More { google.protobuf.Timestamp at = 1; map<string, More> by_name = 2; }`,
  "root.proto": `syntax = "proto2"; import "base.proto"; message Root { extend ext.Base { optional Root early = 100; } }`,
});
const Extended = EXTENDED.service("ext.Extended");

for (const version of VERSIONS) {
  const name = version.typeName.split(".")[2];
  describe(`reflection ${name}`, () => {
    test(`R310 R313 ${name} lists every service, health and reflection among them, by name`, () =>
      asked(
        [RouteGuide, OrderManagement, StreamService],
        async ({ ask }) => {
          assert.deepEqual(namesIn(await ask({ case: "listServices", value: "anything" })), [
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection",
            "order.OrderManagement",
            "orderer.StreamService",
            "routeguide.RouteGuide",
          ]);
        },
        version,
      ));

    test(`R310 R314 R315 ${name} finds files by name and by symbol`, () =>
      asked(
        [OrderManagement],
        async ({ ask }) => {
          assert.deepEqual(filesIn(await ask({ case: "fileContainingSymbol", value: "order.OrderManagement" })), [
            "order.proto",
            "google/protobuf/wrappers.proto",
            "google/protobuf/timestamp.proto",
          ]);
          assert.deepEqual(filesIn(await ask({ case: "fileByFilename", value: "order.proto" })), ["order.proto"]);
        },
        version,
      ));
  });
}

describe("a stream of reflection", () => {
  test("R311 R312 one answer for every question, in order, with the question and its host; it ends OK with the client", () =>
    asked([RouteGuide], async ({ call }) => {
      const questions: ServerReflectionRequestInit[] = [
        { host: "a", messageRequest: { case: "listServices", value: "" } },
        { host: "b", messageRequest: { case: "fileContainingSymbol", value: "no.Such" } },
        { messageRequest: { case: "fileContainingExtension", value: { containingType: "x", extensionNumber: 1 } } },
        { host: "d" },
      ];
      for (const question of questions) await call.send(question);
      call.closeSend();
      const answers: ServerReflectionResponse[] = [];
      for await (const answer of call) answers.push(answer);
      assert.deepEqual(
        answers.map(({ validHost, originalRequest }) => ({ validHost, originalRequest })),
        questions.map(({ host = "", messageRequest = { case: undefined } }) => ({
          validHost: host,
          originalRequest: { host, messageRequest },
        })),
      );
      assert.deepEqual((await call.status).code, Code.OK);
    }));

  test("R318 a question that asks for nothing is answered INVALID_ARGUMENT, and the stream goes on", () =>
    asked([], async ({ ask }) => {
      assert.deepEqual(errorIn(await ask({ case: undefined }))[0], Code.INVALID_ARGUMENT);
      assert.equal(namesIn(await ask({ case: "listServices", value: "" })).length, 3);
    }));

  test("R314 a file comes with all it imports, but with nothing that this stream had before; unknown ones are NOT_FOUND", () =>
    asked([Extended], async ({ ask }) => {
      const byName = (value: string): ReturnType<Ask> => ask({ case: "fileByFilename", value });
      assert.deepEqual(filesIn(await byName("more.proto")), ["more.proto", "google/protobuf/timestamp.proto"]);
      assert.deepEqual(filesIn(await byName("base.proto")), ["base.proto", "google/protobuf/descriptor.proto"]);
      assert.deepEqual(filesIn(await byName("base.proto")), ["base.proto"]);
      assert.deepEqual(errorIn(await byName("none.proto")), [Code.NOT_FOUND, 'file "none.proto" is not known']);
      assert.deepEqual(filesIn(await byName("more.proto")), ["more.proto"]);
    }));

  test("R315 services, methods, messages, enums, values, fields, oneofs and extensions by full name, without a dot in front", () =>
    asked([Extended], async ({ ask }) => {
      const symbols: Record<string, string> = {
        "ext.Extended": "base.proto",
        "ext.Extended.Call": "base.proto",
        "ext.Base": "base.proto",
        "ext.Base.Inner": "base.proto",
        "ext.Base.inner": "base.proto",
        "ext.Base.Inner.pick": "base.proto",
        "ext.Base.Inner.Kind": "base.proto",
        "ext.Base.Inner.K": "base.proto",
        "ext.note": "base.proto",
        "ext.late": "base.proto",
        "Root.early": "root.proto",
        "more.More.ByNameEntry": "more.proto",
        "google.protobuf.Timestamp": "google/protobuf/timestamp.proto",
        "grpc.health.v1.Health.Check": "grpc/health/v1/health.proto",
      };
      for (const [value, file] of Object.entries(symbols)) {
        assert.equal(filesIn(await ask({ case: "fileContainingSymbol", value }))[0], file, value);
      }
      for (const value of [".ext.Base", "ext", "ext.Nope", "ext.Extended.call", "", "__proto__", "constructor"]) {
        const [code, message] = errorIn(await ask({ case: "fileContainingSymbol", value }));
        assert.deepEqual([code, message], [Code.NOT_FOUND, `symbol ${JSON.stringify(value)} is not known`]);
      }
    }));

  test("R316 the file of an extension, wherever it is declared", () =>
    asked([Extended], async ({ ask }) => {
      const of = (containingType: string, extensionNumber: number): ReturnType<Ask> =>
        ask({ case: "fileContainingExtension", value: { containingType, extensionNumber } });
      assert.equal(filesIn(await of("ext.Base", 200))[0], "base.proto");
      assert.equal(filesIn(await of("ext.Base", 100))[0], "root.proto");
      assert.equal(filesIn(await of("google.protobuf.MethodOptions", 50_000))[0], "base.proto");
      assert.deepEqual(errorIn(await of("ext.Base", 101)), [Code.NOT_FOUND, '"ext.Base" has no extension 101']);
      assert.equal(errorIn(await of("ext.Nope", 100))[0], Code.NOT_FOUND);
    }));

  test("R317 the numbers of a type's extensions: none for a plain type, NOT_FOUND for an unknown one", () =>
    asked([Extended], async ({ ask }) => {
      const of = (value: string): ReturnType<Ask> => ask({ case: "allExtensionNumbersOfType", value });
      assert.deepEqual(await of("ext.Base"), {
        case: "allExtensionNumbersResponse",
        value: { baseTypeName: "ext.Base", extensionNumber: [100, 200] },
      });
      assert.deepEqual((await of("ext.Plain")).value, { baseTypeName: "ext.Plain", extensionNumber: [] });
      assert.equal(errorIn(await of("ext.Nope"))[0], Code.NOT_FOUND);
    }));

  test("R319 a client can link what it is told: names and dependencies agree, and nothing is missing", () =>
    asked([Extended, RouteGuide, OrderManagement, StreamService], async ({ ask }) => {
      const files = new Map<string, Uint8Array>();
      for (const value of namesIn(await ask({ case: "listServices", value: "" }))) {
        const answer = await ask({ case: "fileContainingSymbol", value });
        if (answer.case !== "fileDescriptorResponse") assert.fail(value);
        for (const bytes of answer.value.fileDescriptorProto) files.set(FileDescriptorProto.decode(bytes).name, bytes);
      }
      const set = Buffer.concat(
        [...files.values()].flatMap((bytes) => {
          const head = Buffer.alloc(6);
          head[0] = 0x0a;
          for (let i = 0, left = bytes.length; i < 5; i++, left >>>= 7)
            head[i + 1] = (left & 0x7f) | (i < 4 ? 0x80 : 0);
          return [head, bytes];
        }),
      );
      const linked = loadDescriptorSet(set);
      assert.equal(linked.service("ext.Extended").methods["call"]?.response.typeName, "more.More");
      assert.equal(linked.serviceNames.length, 7);
    }));

  test("R320 a descriptor set is shown in the bytes it came in", async () => {
    const golden = readFileSync(fileURLToPath(new URL("../descriptors/protoc.binpb", import.meta.url)));
    const schema = loadDescriptorSet(golden);
    await asked([schema.service("hard.comments.S")], async ({ ask }) => {
      const answer = await ask({ case: "fileContainingSymbol", value: "hard.comments.S" });
      if (answer.case !== "fileDescriptorResponse") assert.fail(JSON.stringify(answer));
      assert.ok(golden.includes(Buffer.from(answer.value.fileDescriptorProto[0] ?? [])));
    });
  });

  test("a service without a schema is listed, has no file, and says so", () =>
    asked([{ typeName: "own.Codecs", methods: {} }], async ({ ask }) => {
      assert.ok(namesIn(await ask({ case: "listServices", value: "" })).includes("own.Codecs"));
      const [code, message] = errorIn(await ask({ case: "fileContainingSymbol", value: "own.Codecs" }));
      assert.deepEqual([code, message], [Code.NOT_FOUND, 'service "own.Codecs" has been added without its schema']);
    }));

  test("a schema that cannot be described is the operator's to hear of, and hides nothing else", async () => {
    const schema = {
      get descriptors(): never {
        throw new Error("broken.proto:1: option (no.such)");
      },
    };
    await asked([{ typeName: "Broken", methods: {}, schema }, RouteGuide], async ({ ask, call, errors }) => {
      assert.ok(namesIn(await ask({ case: "listServices", value: "" })).includes("Broken"));
      assert.deepEqual(filesIn(await ask({ case: "fileContainingSymbol", value: "routeguide.RouteGuide" })), [
        "route_guide.proto",
      ]);
      await assert.rejects(ask({ case: "fileContainingSymbol", value: "Broken" }), { code: Code.UNKNOWN });
      assert.doesNotMatch((await call.status).message, /no\.such/);
      assert.match(String(errors[0]), /broken\.proto:1: option \(no\.such\)/);
    });
  });

  test("a service that is added later is known to streams that are open", () =>
    asked([], async ({ ask, server }) => {
      assert.equal(errorIn(await ask({ case: "fileContainingSymbol", value: RouteGuide.typeName }))[0], Code.NOT_FOUND);
      server.add(RouteGuide, {});
      assert.equal(filesIn(await ask({ case: "fileContainingSymbol", value: RouteGuide.typeName })).length, 1);
    }));

  test("two schemas with a file of the same name: each symbol is found in its own", () => {
    const one = loadProto({ "same.proto": 'syntax = "proto3"; message A {} service One { rpc M(A) returns (A); }' });
    const two = loadProto({ "same.proto": 'syntax = "proto3"; message B {} service Two { rpc M(B) returns (B); }' });
    return asked([one.service("One"), two.service("Two")], async ({ ask }) => {
      for (const schema of [one, two]) {
        const value = schema.serviceNames[0] as string;
        const answer = await ask({ case: "fileContainingSymbol", value });
        if (answer.case !== "fileDescriptorResponse") assert.fail(value);
        assert.deepEqual(
          Buffer.from(answer.value.fileDescriptorProto[0] ?? []),
          Buffer.from(schema.descriptors[0]?.bytes ?? []),
        );
      }
    });
  });
});

describe("the server that has health and reflection", () => {
  const names = (options?: ServerOptions): string[] => new Server(options).services.map(({ typeName }) => typeName);
  const [HEALTH, V1, V1ALPHA] = [
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
  ];

  test("has both unless switched off", () => {
    assert.deepEqual(names(), [HEALTH, V1, V1ALPHA]);
    assert.deepEqual(names({ health: false }), [V1, V1ALPHA]);
    assert.deepEqual(names({ reflection: false }), [HEALTH]);
    assert.deepEqual(names({ reflection: false, health: false }), []);
    assert.throws(() => names({ health: 1 as never }), /health must be true or false: current value is 1/);
    assert.throws(() => names({ reflection: "no" as never }), TypeError);
    assert.throws(() => names({ reflektion: true } as never), TypeError);
    assert.throws(() => names(5 as never), TypeError);
  });

  test("the one of core has neither, and takes both", () => {
    const server = new core.Server();
    assert.deepEqual(server.services, []);
    addReflection(server);
    assert.equal(server.services.length, 2);
    assert.throws(() => new core.Server({ health: true } as never), TypeError);
  });

  test("another health or reflection service takes its place only where it is switched off", () => {
    const health = new HealthStatuses();
    assert.throws(
      () => new Server().add(Health, health.handlers()),
      /Health as the server has it already: .*health: false/,
    );
    assert.throws(() => addReflection(new Server()), /reflection: false/);
    const server = new Server({ health: false, reflection: false }).add(Health, health.handlers());
    addReflection(server);
    assert.equal(server.services.length, 3);
    assert.throws(() => server.add(undefined as never, {}), /Cannot add this as it must be a service/);
  });

  test("what was said of a service before it was added stays", () => {
    const server = new Server();
    server.health.set(RouteGuide, "NOT_SERVING");
    server.add(RouteGuide, {});
    assert.equal(server.health.get("routeguide.RouteGuide"), "NOT_SERVING");
    assert.equal(server.add(OrderManagement, {}).health.get(OrderManagement), "SERVING");
    assert.throws(() => server.health.set("x", "OK" as never), /must be SERVING, NOT_SERVING or UNKNOWN/);
  });

  test("onDrain is called once, when closing begins, after everything has become NOT_SERVING", async () => {
    const seen: unknown[] = [];
    const server: Server = new Server({ onDrain: () => seen.push(server.health.get("")) });
    await server.listen("127.0.0.1:0");
    await Promise.all([server.close(), server.close()]);
    assert.deepEqual(seen, ["NOT_SERVING"]);
    assert.throws(() => new Server({ onDrain: 5 as never }), TypeError);
  });

  test("an onDrain that throws is told to onError, and closing goes on", async () => {
    const errors: [unknown, string][] = [];
    const server = new Server({
      onDrain: () => {
        throw new Error("no");
      },
      onError: (error, path) => errors.push([error, path]),
    });
    await server.close();
    assert.match(String(errors[0]), /Error: no,onDrain/);
  });
});
