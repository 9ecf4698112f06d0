/**
 * Faults in words: every form of them, and what is said of those that cannot be meant.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { FaultInit } from "../../../../src/transport/inspect/faults/fault.js";
import { FAULT_GRAMMAR, parseFault, readFault } from "../../../../src/transport/inspect/faults/fault-text.js";

const READ: readonly (readonly [text: string, fault: FaultInit])[] = [
  ["reset", { kind: "reset" }],
  ["reset after 3 messages", { kind: "reset", afterResponses: 3 }],
  ["reset after message 3", { kind: "reset", afterResponses: 3 }],
  ["reset CANCEL after 1 request once", { kind: "reset", code: "CANCEL", afterRequests: 1, times: 1 }],
  ["Reset refused_stream Twice", { kind: "reset", code: "REFUSED_STREAM", times: 2 }],
  ["status=UNAVAILABLE", { kind: "status", code: "UNAVAILABLE" }],
  ["status unavailable on SayHello", { kind: "status", code: "UNAVAILABLE", on: "SayHello" }],
  ["status=14 3 times", { kind: "status", code: 14, times: 3 }],
  [
    'status=NOT_FOUND "no \\"such\\" thing" before trailers',
    { kind: "status", code: "NOT_FOUND", message: 'no "such" thing', before: "trailers" },
  ],
  [
    'status=UNAVAILABLE with grpc-retry-pushback-ms=200 with reason="too busy" once',
    {
      kind: "status",
      code: "UNAVAILABLE",
      metadata: [
        ["grpc-retry-pushback-ms", "200"],
        ["reason", "too busy"],
      ],
      times: 1,
    },
  ],
  ["delay 200ms", { kind: "delay", delayMs: 200 }],
  ["delay 200ms ±50ms", { kind: "delay", delayMs: 200, jitterMs: 50 }],
  ["delay 1.5 s +-50 ms after 2 responses", { kind: "delay", delayMs: 1500, jitterMs: 50, afterResponses: 2 }],
  ["delay 1min±1s", { kind: "delay", delayMs: 60_000, jitterMs: 1000 }],
  ["stall after 1 message", { kind: "stall", afterResponses: 1 }],
  ["goaway", { kind: "goaway" }],
  ["GOAWAY then 200 ms", { kind: "goaway", graceMs: 200 }],
  ["goaway ENHANCE_YOUR_CALM after 10 calls", { kind: "goaway", code: "ENHANCE_YOUR_CALM", afterCalls: 10 }],
  ["drop now", { kind: "drop", now: true }],
  ["truncate before headers", { kind: "truncate", before: "headers" }],
  ["freeze on greet.Greeter", { kind: "freeze", on: "greet.Greeter" }],
  ["refuse 2 times", { kind: "refuse", times: 2 }],
];

const REFUSED: readonly (readonly [text: string, error: RegExp])[] = [
  ["", /Cannot read the fault "" as it must have a fault \(reset, status, delay, .*\): found the end/],
  ["resett", /a fault .*: found "resett"; did you mean "reset"\?/],
  ["toString", /a fault .*: found "toString"/],
  ["reset=5", /no "=" behind "reset": found "reset=5"/],
  ["reset after", /what it comes after: found the end/],
  ["reset after 3", /what it comes after: found the end/],
  ["reset after 3 mesages", /what is counted \(.*\): found "mesages"; did you mean "messages"\?/],
  ["reset after many messages", /what is counted .*: found "many"/],
  ["reset after 1 request after 1 request", /each thing to be said once/],
  ["reset CANCELED", /an error code of HTTP\/2: found "CANCELED"; did you mean "CANCEL"\?/],
  ["reset before breakfast", /what it comes before \(headers, trailers\): found "breakfast"/],
  ["reset on", /a method behind on: found the end/],
  ["delay", /how long, such as 200ms: found the end/],
  ["delay 200", /how long, such as 200ms: found "200"/],
  ["delay 200ms ±", /how much more or less, such as 200ms: found the end/],
  ["drop 3", /times behind a number \(times, time\): found ""|found the end/],
  ["drop slowly", /after, before, on, now, once, twice or times: found "slowly"/],
  ["drop then 200ms", /after, before, on, now, once, twice or times: found "then"/],
  ['status=UNAVAILABLE "\\x"', /a text as JSON writes it/],
  ["status=UNAVAILABLE with", /NAME=VALUE behind with: found the end/],
  ["status=UNAVAILABLE with pushback", /NAME=VALUE behind with: found "pushback"/],
  ["status=UNAVAILABLE with :path=x", /name/],
  ["reset with a=b", /an error code of HTTP\/2: found "with"/],
  ["status=OK", /code must be a status code other than OK, such as UNAVAILABLE: current value is "OK"/],
  ["status=", /code must be a status code other than OK/],
  ["status=99", /code must be a status code other than OK.*: current value is 99/],
  ["reset after 0 messages", /afterResponses must be a whole number, 1 or more: current value is 0/],
  ["reset after 1 message before headers", /it must have one point/],
  ["reset now after 1 message", /it must have one point/],
  ["refuse on SayHello", /there is no call yet when a connection is refused/],
  ["delay 99999999999999s", /delayMs must be a number of milliseconds, at most 2147483647/],
];

describe("parseFault", () => {
  for (const [text, fault] of READ) {
    test(text, () => {
      assert.deepEqual(parseFault(text), fault);
      readFault(text);
    });
  }

  for (const [text, error] of REFUSED) {
    test(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(
        () => readFault(text),
        (thrown: unknown) => {
          assert.ok(thrown instanceof TypeError);
          assert.match(thrown.message, error);
          return true;
        },
      );
    });
  }

  test("an error repeats no more than is of use", () => {
    assert.throws(
      () => parseFault("x".repeat(100_000)),
      ({ message }: Error) => message.length < 600,
    );
  });

  test("the grammar names every kind", () => {
    for (const kind of ["reset", "status", "delay", "stall", "goaway", "drop", "truncate", "freeze", "refuse"])
      assert.ok(FAULT_GRAMMAR.includes(kind));
  });
});

describe("faults as objects", () => {
  const refused = (fault: unknown, error: RegExp): void => {
    assert.throws(() => readFault(fault as FaultInit), error);
  };

  test("are refused by the name of what is wrong", () => {
    refused(5, /it must be words or an object: current value is 5/);
    refused(null, /it must be words or an object: current value is null/);
    refused({}, /kind must be one of reset, status/);
    refused({ kind: "constructor" }, /kind must be one of reset/);
    refused({ kind: "reset", time: 1 }, /"reset" has no "time"; did you mean "times"\?/);
    refused({ kind: "drop", code: "CANCEL" }, /"drop" has no "code"/);
    refused({ kind: "delay" }, /delayMs must be a number of milliseconds/);
    refused({ kind: "delay", delayMs: Number.NaN }, /delayMs must be/);
    refused({ kind: "drop", times: 0 }, /times must be a whole number, 1 or more/);
    refused({ kind: "drop", on: "" }, /on must be a method, a service or a path/);
    refused({ kind: "drop", on: {} }, /on must be a method, a service or a path/);
    refused({ kind: "drop", before: "lunch" }, /before must be "headers" or "trailers"/);
    refused({ kind: "status", code: "UNAVAILABLE", metadata: { "bad name": "x" } }, /bad name/);
  });

  test("concern the calls that `on` names", () => {
    const concerns = (on: FaultInit["on"]): boolean =>
      readFault({ kind: "drop", on }).concerns("/greet.Greeter/SayHello");
    for (const on of ["SayHello", "sayHello", "greet.Greeter", "greet.Greeter/SayHello", "/greet.Greeter/SayHello"]) {
      assert.ok(concerns(on), on);
    }
    assert.ok(concerns({ path: "/greet.Greeter/SayHello" }));
    assert.ok(concerns(undefined));
    for (const on of ["SayGoodbye", "Greeter", "greet", "/", "sayhello"]) assert.ok(!concerns(on), on);
  });
});
