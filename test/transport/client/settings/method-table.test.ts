/**
 * Settings of methods: the options, how they are checked, and which of several counts.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { runInNewContext } from "node:vm";
import { Code } from "../../../../src/core.js";
import {
  readMethodOptions,
  readRetryThrottlingOption,
} from "../../../../src/transport/client/settings/method-options.js";
import type { MethodSettings } from "../../../../src/transport/client/settings/method-settings.js";
import { MethodTable } from "../../../../src/transport/client/settings/method-table.js";
import { readServiceConfig } from "../../../../src/transport/client/settings/service-config.js";

const RETRY = {
  maxAttempts: 3,
  initialBackoffMs: 100,
  maxBackoffMs: 1000,
  backoffMultiplier: 2,
  retryableCodes: [Code.UNAVAILABLE],
};
const HEDGING = { maxAttempts: 2, hedgingDelayMs: 10, nonFatalCodes: [] };

/** What is set, without the rest. */
function set(settings: MethodSettings): unknown {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}

function table(options: unknown, methodConfig: unknown = []): MethodTable {
  return new MethodTable(readMethodOptions(options), readServiceConfig({ methodConfig }, new Map()).methods);
}

describe("MethodTable", () => {
  test("R245 the most specific entry counts, as a whole", () => {
    const methodConfig = [
      { name: [{}], timeout: "1s", waitForReady: true },
      { name: [{ service: "a.B" }], timeout: "2s" },
      { name: [{ service: "a.B", method: "C" }], waitForReady: false },
    ];
    const options = {
      "": { timeoutMs: 1000, waitForReady: true },
      "a.B": { timeoutMs: 2000 },
      "a.B/C": { waitForReady: false },
    };
    for (const settings of [table(undefined, methodConfig), table(options)]) {
      assert.deepEqual(set(settings.get("/a.B/C")), { waitForReady: false });
      assert.deepEqual(set(settings.get("/a.B/D")), { timeoutMs: 2000 });
      assert.deepEqual(set(settings.get("/x.Y/Z")), { timeoutMs: 1000, waitForReady: true });
      assert.deepEqual(set(settings.get("/a.BB/C")), { timeoutMs: 1000, waitForReady: true });
    }
    assert.deepEqual(table(undefined).get("/a.B/C"), {});
  });

  test("R105 R133 of option and config the nearer deadline and the smaller limit count", () => {
    const settings = table({ "a.B": { timeoutMs: 500, maxSendBytes: 100, maxReceiveBytes: 0 } }, [
      { name: [{}], timeout: "1s", maxRequestMessageBytes: 10, maxResponseMessageBytes: 10 },
    ]);
    assert.deepEqual(set(settings.get("/a.B/C")), { timeoutMs: 500, maxSendBytes: 10, maxReceiveBytes: 0 });
    assert.deepEqual(set(settings.get("/x/C")), { timeoutMs: 1000, maxSendBytes: 10, maxReceiveBytes: 10 });
  });

  test("an option of waitForReady, retry or hedging wins over the config's, and the config fills the rest", () => {
    const retryPolicy = {
      maxAttempts: 5,
      initialBackoff: "1s",
      maxBackoff: "1s",
      backoffMultiplier: 1,
      retryableStatusCodes: [14],
    };
    const config = [{ name: [{}], waitForReady: true, retryPolicy }];
    assert.equal(table({ "": { waitForReady: false } }, config).get("/a/B").waitForReady, false);
    assert.equal(table({ "": { timeoutMs: 1 } }, config).get("/a/B").waitForReady, true);
    assert.equal(table({ "": { timeoutMs: 1 } }, config).get("/a/B").retry?.maxAttempts, 5);
    const { retry, hedging } = table({ "": { hedging: HEDGING } }, config).get("/a/B");
    assert.deepEqual([retry, hedging], [undefined, HEDGING]);
  });

  test("a method is resolved once, and made-up names are not kept for ever", () => {
    const settings = table({ "": { timeoutMs: 1 } }, [{ name: [{}], timeout: "1s" }]);
    assert.equal(settings.get("/a/B"), settings.get("/a/B"));
    for (let i = 0; i < 10_000; i++) settings.get(`/made.Up/${i}`);
    assert.notEqual(settings.get("/one/more"), settings.get("/one/more"));
    assert.deepEqual(set(settings.get("/one/more")), { timeoutMs: 1 });
  });
});

describe("readMethodOptions", () => {
  test("takes names of methods with or without the slash in front, of services, and the empty one", () => {
    const names = [
      ...readMethodOptions({ "": {}, S: {}, "a.B": {}, "a.B/C": {}, "/a.B/D": {}, "a.B/E": undefined }).keys(),
    ];
    assert.deepEqual(names, ["", "/S/", "/a.B/", "/a.B/C", "/a.B/D"]);
    for (const name of ["a/b/c", "/", "a/", "//a", "/a/"]) {
      assert.throws(
        () => readMethodOptions({ [name]: {} }),
        /methods must have names like "package.Service\/Method"/,
        name,
      );
    }
    assert.throws(() => readMethodOptions({ "a/B": {}, "/a/B": {} }), /methods has "\/a\/B" twice/);
  });

  test("copies what it takes", () => {
    const given = { "": { timeoutMs: 5, retry: { ...RETRY, retryableCodes: [Code.UNAVAILABLE] } } };
    const taken = readMethodOptions(given).get("");
    given[""].timeoutMs = 6;
    given[""].retry.retryableCodes.pop();
    assert.deepEqual(set(taken as MethodSettings), { timeoutMs: 5, retry: RETRY });
  });

  test("R250 R251 refuses every value that is wrong by its path, and names that it does not know", () => {
    const wrong: readonly (readonly [unknown, RegExp])[] = [
      [5, /^Cannot use the options as methods must be an object: current value is 5$/],
      [[], /methods must be an object: current value is a list/],
      [{ a: 5 }, /methods\["a"\] must be an object: current value is 5/],
      [{ a: { timeout: 5 } }, /methods\["a"\] has no setting "timeout"; did you mean "timeoutMs"\?/],
      [{ a: { timeoutMs: "1s" } }, /methods\["a"\]\.timeoutMs must be a number, 0 or more: current value is "1s"/],
      [{ a: { timeoutMs: -1 } }, /timeoutMs must be a number, 0 or more: current value is -1/],
      [{ a: { maxSendBytes: Number.NaN } }, /maxSendBytes must be a number, 0 or more: current value is NaN/],
      [{ a: { waitForReady: 1 } }, /waitForReady must be true or false: current value is 1/],
      [{ a: { retry: RETRY, hedging: HEDGING } }, /methods\["a"\] has both retry and hedging/],
      [
        { a: { retry: { ...RETRY, maxAttempts: 1 } } },
        /methods\["a"\]\.retry\.maxAttempts must be a whole number, 2 or more: current value is 1/,
      ],
      [{ a: { retry: { ...RETRY, initialBackoffMs: 0 } } }, /retry\.initialBackoffMs must be a number above 0/],
      [
        { a: { retry: { ...RETRY, maxBackoffMs: undefined } } },
        /retry\.maxBackoffMs must be a number above 0: current value is undefined/,
      ],
      [{ a: { retry: { ...RETRY, backoffMultiplier: -1 } } }, /retry\.backoffMultiplier must be a number above 0/],
      [{ a: { retry: { ...RETRY, retryableCodes: [] } } }, /retry\.retryableCodes must be a list of at least one/],
      [
        { a: { retry: { ...RETRY, retryableCodes: [14, 99] } } },
        /retry\.retryableCodes\[1\] must be the number or the name/,
      ],
      [
        { a: { retry: { ...RETRY, retryableStatusCodes: [] } } },
        /retry has no setting "retryableStatusCodes"; did you mean "retryableCodes"/,
      ],
      [{ a: { hedging: { hedgingDelayMs: 1 } } }, /hedging\.maxAttempts must be a whole number/],
      [
        { a: { hedging: { maxAttempts: 2, hedgingDelayMs: "1s" } } },
        /hedging\.hedgingDelayMs must be a number, 0 or more/,
      ],
    ];
    for (const [methods, message] of wrong) {
      assert.throws(() => readMethodOptions(methods), { name: "TypeError", message }, JSON.stringify(methods));
    }
    assert.equal(readMethodOptions({ a: { timeoutMs: Infinity } }).get("/a/")?.timeoutMs, Infinity);
  });

  test("R252 throttling as an option is checked like that of a config", () => {
    assert.equal(readRetryThrottlingOption(undefined), undefined);
    assert.deepEqual(readRetryThrottlingOption({ maxTokens: 10, tokenRatio: 0.12345 }), {
      maxTokens: 10,
      tokenRatio: 0.123,
    });
    assert.throws(
      () => readRetryThrottlingOption({ maxTokens: 0, tokenRatio: 1 }),
      /retryThrottling\.maxTokens must be a whole number from 1 to 1000/,
    );
    assert.throws(() => readRetryThrottlingOption({ maxTokens: 1, tokenRatio: 0 }), /retryThrottling\.tokenRatio/);
    assert.throws(() => readRetryThrottlingOption({ maxTokens: 1, ratio: 1 }), /has no setting "ratio"/);
  });
});

describe("docs/service-config.md", () => {
  const page = readFileSync(new URL("../../../../docs/service-config.md", import.meta.url), "utf8");
  const block = (language: string): string =>
    new RegExp(`^\`\`\`${language}\\b.*\\n([^]*?)^\`\`\`$`, "m").exec(page)?.[1] ?? "";

  test("its options and its service config are valid, and mean the same", () => {
    let options: { methods?: unknown; retryThrottling?: unknown } = {};
    function Channel(_target: string, given: typeof options): void {
      options = given;
    }
    runInNewContext(block("ts"), { Channel, Code });
    const policies = new Map([["pick_first", { parseConfig: (json: unknown): unknown => json }]]);
    const config = readServiceConfig(block("json"), policies);
    assert.deepEqual([...readMethodOptions(options.methods)], [...config.methods]);
    assert.equal(config.methods.size, 3);
    assert.deepEqual(readRetryThrottlingOption(options.retryThrottling), config.retryThrottling);
    assert.deepEqual(config.balancing, { policy: "pick_first", settings: { shuffleAddressList: true } });
    assert.equal(config.healthServiceName, "order.Orders");
  });

  test("the errors it shows are those that come", () => {
    const wrong = { methods: { "order.Orders": { retry: { maxAttempts: 1, retryableCodes: [14] } } } };
    const shown = 'methods["order.Orders"].retry.maxAttempts must be a whole number, 2 or more';
    assert.ok(page.includes(shown));
    assert.throws(
      () => readMethodOptions(wrong.methods),
      (error: Error) => error.message.includes(shown),
    );
    const config = { methodConfig: [{}, { retryPolicy: { maxAttempts: 1, retryableStatusCodes: [14] } }] };
    assert.throws(
      () => readServiceConfig(config, new Map()),
      (error: Error) => page.includes(error.message),
    );
  });
});
