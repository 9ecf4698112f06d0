/**
 * `list`, `describe` and `call` against servers whose reflection is broken, or means harm.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { barewire, type Ended } from "./command.js";
import {
  type Answer,
  answering,
  descriptor,
  filesAnswer,
  notFound,
  type Running,
  servicesAnswer,
  talking,
} from "./reflecting.js";

async function against(starting: Promise<Running>, use: (address: string) => Promise<void>): Promise<void> {
  const server = await starting;
  try {
    await use(server.address);
  } finally {
    await server.stop();
  }
}

function describing(address: string, symbol = "a.A", ...more: string[]): Promise<Ended> {
  return barewire("describe", address, symbol, ...more).ended;
}

/** What fails: one line on stderr, nothing on stdout, and an exit code. */
function failed({ code, stdout, stderr }: Ended, expectedCode: number, expected: RegExp): void {
  assert.match(stderr, expected);
  assert.equal(stderr.trimEnd().split("\n").length, 1, stderr);
  assert.equal(stdout, "");
  assert.equal(code, expectedCode);
}

const message = (name: string): Record<string, unknown> => ({ name, field: [] });
/** A length-delimited field of fewer than 16,384 bytes. */
function field(number: number, bytes: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from([number * 8 + 2, (bytes.length & 127) | 128, bytes.length >> 7]), bytes]);
}

/** What must not reach a terminal. */
const none = /[\p{Cc}\u202a-\u202e]/u;

describe("reflection that means harm", { concurrency: 4 }, () => {
  test("files that import each other in a circle", () =>
    against(
      answering((question) => {
        const name = question.case === "fileByFilename" ? question.value : "a.proto";
        const dependency = [name === "a.proto" ? "b.proto" : "a.proto"];
        return filesAnswer(
          descriptor({ name, package: "a", dependency, messageType: [message(name === "a.proto" ? "A" : "B")] }),
        );
      }),
      async (address) =>
        failed(await describing(address), 13, /import each other in a circle: "a\.proto" → "b\.proto" → "a\.proto"/),
    ));

  test("more files than there can be", () => {
    let asked = 0;
    return against(
      answering((question) => {
        const name = question.case === "fileByFilename" ? question.value : "0.proto";
        asked++;
        return filesAnswer(descriptor({ name, dependency: [`${asked}.proto`] }));
      }),
      async (address) => {
        failed(await describing(address), 8, /gives more than 2000 files, which is the limit: it is 2001/);
        assert.equal(asked, 2001);
      },
    );
  });

  test("more bytes than there can be, and a file that is too large for one message", () =>
    against(
      answering((question) => {
        const number = question.case === "fileByFilename" ? Number.parseInt(question.value, 10) : 0;
        const text = "x".repeat(3_500_000);
        return filesAnswer(
          descriptor({
            name: `${number}.proto`,
            dependency: [`${number + 1}.proto`],
            sourceCodeInfo: { location: [{ path: [], span: [], leadingComments: text, leadingDetachedComments: [] }] },
          }),
        );
      }),
      async (address) => {
        failed(await describing(address), 8, /gives more than 16777216 bytes of files, which is the limit/);
        failed(
          await describing(address, "a.A", "--max-message-bytes", "1000"),
          8,
          /ended with RESOURCE_EXHAUSTED: .*limit of 1000 bytes; --max-message-bytes says how large/,
        );
      },
    ));

  test("names that are code, and names that drive a terminal", () =>
    against(
      answering((question) => {
        if (question.case === "listServices") return servicesAnswer("a.Good", "\u001b[2Jevil\u202e", "x\ny");
        if (question.case !== "fileContainingSymbol") return notFound;
        const evil = question.value === "a.Code" ? "A(){process.exit(99)}" : "\u001b]0;owned\u0007";
        return filesAnswer(descriptor({ name: "a\u001b[31m.proto", package: "a", messageType: [message(evil)] }));
      }),
      async (address) => {
        const { code, stdout } = await barewire("list", address).ended;
        assert.deepEqual([code, stdout], [0, String.raw`\u001b[2Jevil\u202e${"\n"}a.Good${"\n"}x\ny${"\n"}`]);
        for (const symbol of ["a.Code", "a.Escape"]) {
          const ended = await describing(address, symbol);
          failed(ended, 13, /the server's reflection cannot be used: Cannot load .*a name must be letters, digits/);
          assert.doesNotMatch(ended.stderr.trimEnd(), none);
        }
      },
    ));

  test("comments, defaults and names in JSON that drive a terminal, or pretend to be declarations", () =>
    against(
      answering(() =>
        filesAnswer(
          descriptor({
            name: "a\u001b[31m\n.proto",
            package: "a",
            syntax: "proto2",
            messageType: [
              {
                name: "A",
                field: [
                  { name: "f", number: 1, label: 1, type: 9, defaultValue: '\u001b[2J"; }\n', jsonName: "\u009b1m" },
                ],
                reservedName: ["\u001b[5m"],
              },
            ],
            sourceCodeInfo: {
              location: [
                {
                  path: [4, 0],
                  span: [],
                  leadingComments: "\u001b[8m\r\nmessage Fake {}\n",
                  leadingDetachedComments: [],
                },
              ],
            },
          }),
        ),
      ),
      async (address) => {
        const { code, stdout } = await describing(address);
        assert.equal(code, 0);
        assert.doesNotMatch(stdout.replaceAll("\n", ""), none);
        assert.deepEqual(stdout.split("\n"), [
          String.raw`// a.A is a message, declared in a\u001b[31m\n.proto:`,
          String.raw`//\u001b[8m\u000d`,
          "//message Fake {}",
          "message A {",
          String.raw`  optional string f = 1 [default = "\u001b[2J\"; }\n", json_name = "\u009b1m"];`,
          String.raw`  reserved "\u001b[5m";`,
          "}",
          "",
        ]);
      },
    ));

  test("messages that are deeper than any", () => {
    const named = Buffer.from([0x0a, 1, 0x4d]);
    let deep: Uint8Array = named;
    for (let i = 0; i < 2000; i++) deep = Buffer.concat([named, field(3, deep)]);
    const file = Buffer.concat([field(1, Buffer.from("a.proto")), field(4, deep)]);
    return against(
      answering(() => filesAnswer(file)),
      async (address) => failed(await describing(address, "M"), 13, /reflection cannot be used/),
    );
  });

  test("a server that never answers is waited for as long as was said", () =>
    against(
      talking(async function* (questions) {
        for await (const _ of questions) if (_.case === undefined) yield notFound;
      }),
      async (address) => {
        failed(
          await barewire("list", address, "--max-time", "0.5").ended,
          4,
          /reflection (?:ended )?with DEADLINE_EXCEEDED: .*--max-time says how many seconds/,
        );
      },
    ));

  test("answers to what was not asked, no answer, and what is no descriptor", async () => {
    const answers: readonly (readonly [Answer, RegExp])[] = [
      [servicesAnswer("a.A"), /it was asked for "a\.A" and answered with listServicesResponse/],
      [{ case: undefined }, /it was asked for "a\.A" and answered nothing/],
      [filesAnswer(new Uint8Array([0xff])), /it gave a file that is no descriptor/],
      [filesAnswer(descriptor({ name: "" })), /one of its files has no name/],
      [filesAnswer(), /there is no symbol|cannot be used/],
      [
        { case: "errorResponse", value: { errorCode: 7, errorMessage: "no\u001b[2J" } },
        /with the error 7, "no\\u001b\[2J"/,
      ],
    ];
    for (const [answer, expected] of answers) {
      await against(
        answering((question) => (question.case === "listServices" ? servicesAnswer("a.B") : answer)),
        async (address) => {
          const { code, stderr } = await describing(address);
          assert.match(stderr, expected);
          assert.ok(code === 13 || code === 64, String(code));
        },
      );
    }
    await against(
      talking(async function* (questions) {
        for await (const _ of questions) return;
        yield notFound;
      }),
      async (address) => failed(await describing(address), 13, /it ended the call without an answer/),
    );
  });

  test("a file that it imports and does not have is not looked for on the disk", () =>
    against(
      answering((question) =>
        question.case === "fileByFilename"
          ? notFound
          : filesAnswer(
              descriptor({ name: "a.proto", dependency: ["proto/route_guide.proto"], messageType: [message("A")] }),
            ),
      ),
      async (address) =>
        failed(
          await describing(address, "A"),
          13,
          /it lacks "proto\/route_guide\.proto", imported by "a\.proto"; with --proto or --protoset the server is not asked/,
        ),
    ));

  test("a template of a schema that grows with its depth is cut", () =>
    against(
      answering(() =>
        filesAnswer(
          descriptor({
            name: "a.proto",
            messageType: Array.from({ length: 25 }, (_, i) => ({
              name: `M${i}`,
              field: Array.from({ length: 10 }, (_unused, j) => ({
                name: `f${j}`,
                number: j + 1,
                label: 1,
                type: i === 24 ? 9 : 11,
                ...(i === 24 ? {} : { typeName: `.M${i + 1}` }),
              })),
            })),
          }),
        ),
      ),
      async (address) => {
        const { code, stdout } = await describing(address, "M0", "--template");
        assert.equal(code, 0);
        assert.ok(stdout.length < 4_000_000, String(stdout.length));
        assert.doesNotThrow(() => void JSON.parse(stdout));
      },
    ));
});

describe("reflection that is different", { concurrency: 4 }, () => {
  const file = descriptor({ name: "a.proto", package: "a", messageType: [message("A")] });
  const simple = (question: { case?: string | undefined }): Answer =>
    question.case === "listServices" ? servicesAnswer("a.S") : filesAnswer(file);

  test("v1alpha alone", () =>
    against(answering(simple, "v1alpha"), async (address) => {
      const { code, stdout, stderr } = await describing(address);
      assert.deepEqual([code, stdout, stderr], [0, "// a.A is a message, declared in a.proto:\nmessage A {}\n", ""]);
    }));

  test("a stream for every question", () => {
    const two = descriptor({ name: "b.proto", package: "a", dependency: ["a.proto"], messageType: [message("B")] });
    return against(
      talking(async function* (questions) {
        for await (const question of questions) {
          yield question.case === "fileContainingSymbol" ? filesAnswer(two) : simple(question);
          return;
        }
      }),
      async (address) => {
        const { code, stdout } = await describing(address, "a.B");
        assert.deepEqual([code, stdout], [0, "// a.B is a message, declared in b.proto:\nmessage B {}\n"]);
      },
    );
  });

  test("none", async () => {
    const { Server } = await import("../../src/core.js");
    const server = new Server();
    const { address } = await server.listen("127.0.0.1:0");
    try {
      failed(
        await barewire("call", address, "a.A/B").ended,
        12,
        /the server at 127\.0\.0\.1:\d+ has no reflection: say with --proto or --protoset what its services are declared as/,
      );
    } finally {
      await server.close({ graceMs: 0 });
    }
  });
});
