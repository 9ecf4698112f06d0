/**
 * The flags that say what `barewire trace` shows: those that would change nothing, or mean nothing, are refused.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { openTraceTls } from "../../src/cli/trace-tls.js";
import { checkViews, type ViewFlags } from "../../src/cli/trace-views.js";
import { UsageError } from "../../src/cli/usage-error.js";

function refused(work: () => unknown, expected: RegExp): void {
  assert.throws(work, (error) => error instanceof UsageError && expected.test(error.message));
}

describe("the views of barewire trace", () => {
  for (const [flags, expected] of [
    [{ json: true, "by-call": true }, /--by-call and --json are two ways to show the same: say one/],
    [{ quiet: true, "by-call": true }, /--by-call shows calls, and -q shows none/],
    [{ quiet: true, hex: "5" }, /--hex is for frames, and -q shows none/],
    [{ "by-call": true, hex: "5" }, /--hex is for frames, and --by-call shows none/],
    [{ quiet: true, method: ["a"] }, /--method chooses among calls, and -q shows none: with -s they are counted/],
    [{ hex: "x" }, /--hex must be a whole number/],
    [{ stream: ["x"] }, /--stream must be a whole number/],
    [{ stream: ["2147483648"] }, /--stream must be a whole number from 0 to 2147483647/],
    [{ status: ["GREAT"] }, /filter by status .* current value is "GREAT"/],
    [{ method: [""] }, /filter by method/],
    [{ metadata: ["a b"] }, /filter by metadata .* current value is "a b"/],
  ] as const satisfies readonly (readonly [Partial<Record<keyof ViewFlags, unknown>>, RegExp])[]) {
    test(`refuses ${JSON.stringify(flags)}`, () =>
      refused(() => checkViews(flags as unknown as ViewFlags, true), expected));
  }

  for (const [flags, expected] of [
    [{ "by-call": true }, /--by-call is about calls, and -t http2 knows none/],
    [{ status: ["OK"] }, /--status is about calls, and -t http2 knows none/],
  ] as const) {
    test(`refuses ${JSON.stringify(flags)} where frames are all there is`, () =>
      refused(() => checkViews(flags as unknown as ViewFlags, false), expected));
  }

  test("takes what goes together", () => {
    checkViews({ quiet: true, stats: true, status: ["failed"], pcap: "f" }, true);
    checkViews({ json: true, hex: "16", stream: ["0", "1"] }, false);
  });

  for (const [flags, expected] of [
    [{ "ca-file": "x" }, /--ca-file is for TLS: say --tls as well/],
    [{ "cert-file": "x" }, /--cert-file is for TLS: say --tls as well/],
    [{ tls: true, "cert-file": "x" }, /--cert-file wants --key-file as well/],
    [{ tls: true, "ca-file": "/nowhere" }, /--ca-file "\/nowhere": there is no such file/],
    [{ tls: true, "server-host-override": "a b" }, /--server-host-override must be the name of a host/],
  ] as const) {
    test(`refuses ${JSON.stringify(flags)}`, () => refused(() => openTraceTls(flags), expected));
  }

  test("a certificate that was made for this start is off the disk when it ends", () => {
    assert.equal(openTraceTls({}), undefined);
    const tls = openTraceTls({ tls: true, "server-host-override": "a.example" });
    assert.deepEqual([tls?.proxy.serverName, tls?.channel.authority], ["a.example", "a.example"]);
    tls?.certificate.remove();
  });
});
