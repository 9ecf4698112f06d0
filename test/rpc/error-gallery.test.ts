/**
 * Errors that explain themselves: the page docs/errors.md, made anew entry by entry; and what an error never says.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { inspect } from "node:util";
import { Channel, Code, StatusError } from "../../src/index.js";
import { GALLERY, PAGE } from "../support/error-gallery.js";
import { Echo } from "../support/echo-service.js";
import { withEcho } from "../support/echo-served.js";
import { behaveAs } from "../support/echo-ways.js";
import { root } from "../support/ledger.js";
import { scripted } from "../support/peer-scripted.js";

describe("the gallery of errors", () => {
  const page = readFileSync(new URL(PAGE, root), "utf8");
  for (const { title, section } of GALLERY) {
    test(title, async () => {
      const made = await section();
      const at = page.indexOf(`\n## ${title}\n`);
      assert.ok(at >= 0, `${PAGE} has no entry "${title}": run npm run errors`);
      assert.equal(page.slice(at, at + made.length), made, `${PAGE} is not up to date: run npm run errors`);
    });
  }

  test("is the whole page", () => {
    const titles = [...page.matchAll(/^## (.*)$/gm)].map(([, title]) => title);
    assert.deepEqual(
      titles,
      GALLERY.map(({ title }) => title),
    );
  });
});

async function failureOf(call: Promise<unknown>): Promise<StatusError> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof StatusError, String(error));
  return error;
}

describe("what an error of a call has for programs", () => {
  test("R234 each attempt with address, phase and reason, the method and the target", async () => {
    const channel = new Channel("unix:/nonexistent/orders.sock");
    const error = await failureOf(channel.client(Echo).unary({ text: "x" }));
    await channel.destroy();
    assert.deepEqual([error.method, error.target], ["/barewire.test.Echo/Unary", "unix:/nonexistent/orders.sock"]);
    assert.equal(error.attempts.length, 1);
    const { address, phase, reason, hint } = error.attempts[0] ?? {};
    assert.deepEqual([address, phase], ["unix:/nonexistent/orders.sock", "tcp"]);
    assert.match(`${reason}: ${hint}`, /^cannot connect to the server: .*ENOENT.*is the server running\?$/);
  });

  test("the HTTP/2 code by name, and the frame it came with", () =>
    scripted(async ({ server, client }) => {
      const failed = failureOf(client.unary(Buffer.alloc(0)));
      const connection = await server.connection();
      connection.reset((await connection.request()).streamId, 2);
      const { attempts, origin } = await failed;
      assert.equal(origin, "remote");
      assert.deepEqual(
        attempts.map(({ phase, code, http2Code, http2Frame }) => [phase, code, http2Code, http2Frame]),
        [["stream", Code.INTERNAL, "INTERNAL_ERROR", "RST_STREAM"]],
      );
    }));

  test("nothing of attempts for a status that the server sent, and for a call that was cancelled", async () => {
    const failing = behaveAs(async function* () {
      yield* [];
      throw new StatusError(Code.NOT_FOUND, "no order");
    });
    await withEcho(failing, async ({ client, channel }) => {
      const error = await failureOf(client.unary({ text: "x" }));
      assert.deepEqual([error.attempts, error.method, error.target], [[], "/barewire.test.Echo/Unary", channel.target]);
      const call = client.unary({ text: "x" });
      call.cancel();
      assert.deepEqual((await failureOf(call)).attempts, []);
    });
  });

  test("one that is passed on by another call keeps telling of the first", async () => {
    const first = new Channel("unix:/nonexistent/first.sock");
    const error = await failureOf(first.client(Echo).unary({ text: "x" }));
    await first.destroy();
    await withEcho(
      behaveAs(async function* () {
        yield { text: "x" };
      }),
      async ({ client }) => {
        async function* requests(): AsyncGenerator<{ text: string }> {
          yield* [];
          throw error;
        }
        const second = await failureOf(client.clientStreaming(requests()));
        assert.equal(second, error);
        assert.equal(second.target, "unix:/nonexistent/first.sock");
      },
    );
  });
});

describe("where a call was made", () => {
  const target = "unix:/nonexistent/orders.sock";

  async function stackOf(options: { readonly callSites?: boolean }): Promise<string> {
    const channel = new Channel(target, options);
    const error = await failureOf(callFromHere(channel));
    await channel.destroy();
    return error.stack ?? "";
  }

  function callFromHere(channel: Channel): Promise<unknown> {
    return channel.client(Echo).unary({ text: "x" });
  }

  test("stands in the stack where the channel keeps it", async () => {
    const [head, first] = (await stackOf({ callSites: true })).split("\n");
    assert.match(head ?? "", /^StatusError: UNAVAILABLE: cannot connect to the server/);
    assert.match(first ?? "", /^ +at callFromHere .*error-gallery\.test/);
  });

  test("is not kept otherwise, nor while there are no stacks", async () => {
    assert.doesNotMatch(await stackOf({}), /callFromHere/);
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    try {
      assert.doesNotMatch(await stackOf({ callSites: true }), /\n/);
    } finally {
      Error.stackTraceLimit = limit;
    }
  });
});

describe("an error as text", () => {
  test("cuts and escapes what the server said, and prints no credentials", () => {
    const error = new StatusError(Code.INTERNAL, `\x1b[2J\u202e${"a".repeat(1000)}`, {
      origin: "remote",
      trailers: { authorization: "Bearer secret" },
    });
    const text = inspect(error);
    for (const never of ["\x1b", "\u202e", "secret", "a".repeat(257)]) assert.ok(!text.includes(never), text);
    assert.match(text, /^StatusError: INTERNAL: \\u001b\[2J\\u202ea+…\n/);
  });

  test("has the hint, the details and the causes, each on a line", () => {
    const cause = new Error("outer", { cause: new TypeError("inner") });
    const text = inspect(new StatusError(Code.ABORTED, "x", { hint: "try again", cause }));
    assert.match(text, /^StatusError: ABORTED: x\n {2}hint: try again\n {2}thrown at:\n/);
    assert.match(text, /\n {2}cause: Error: outer\n[^]*\n {2}cause: TypeError: inner\n/);
    assert.equal(
      inspect({ a: { b: { c: { d: new StatusError(Code.ABORTED) } } } }).includes("[StatusError: ABORTED]"),
      false,
    );
    assert.match(inspect([[[new StatusError(Code.ABORTED, "x")]]], { depth: 1 }), /\[Array\]/);
  });
});
