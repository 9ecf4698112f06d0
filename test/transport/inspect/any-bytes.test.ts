/**
 * Every view with bytes that were changed on the way: none throws, none prints what drives a terminal, and every line of JSON is one.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CallFilter } from "../../../src/transport/inspect/call-filter.js";
import { CallView } from "../../../src/transport/inspect/call-view.js";
import { FilteredEvents } from "../../../src/transport/inspect/filtered-events.js";
import { Secrets } from "../../../src/transport/inspect/header-words.js";
import { JsonView } from "../../../src/transport/inspect/json-view.js";
import { LiveView } from "../../../src/transport/inspect/live-view.js";
import { PcapFile } from "../../../src/transport/inspect/pcap-file.js";
import { Tally } from "../../../src/transport/inspect/tally.js";
import type { Hear } from "../../../src/transport/inspect/wire-event.js";
import { CAPTURED, type CapturedFrame } from "../../golden/captured-frames.js";
import { capturedTypes, type Passed, printedBy, watch } from "../../support/inspected.js";

const typesOf = capturedTypes();
const secrets = new Secrets();

/** Which byte of a frame becomes which, and where it is cut in two. */
const change = fc.record({ at: fc.nat(80), to: fc.nat(255), isChanged: fc.boolean(), cut: fc.nat(80) });

function changed(
  capture: readonly CapturedFrame[],
  changes: readonly (typeof change extends fc.Arbitrary<infer T> ? T : never)[],
): Passed[] {
  return capture.flatMap(([from, hex], i): Passed[] => {
    const bytes = Buffer.from(hex, "hex");
    const { at = 0, to = 0, isChanged = false, cut = 0 } = changes[i] ?? {};
    if (isChanged && at < bytes.length) bytes[at] = to;
    return [
      [from, bytes.subarray(0, cut), 1],
      [from, bytes.subarray(cut)],
    ];
  });
}

test("no bytes bring a view down", async () => {
  const captures = Object.values(CAPTURED);
  const capture = fc.nat(captures.length - 1).map((i) => captures[i] ?? []);
  await fc.assert(
    fc.asyncProperty(capture, fc.array(change, { minLength: 5, maxLength: 30 }), async (frames, changes) => {
      const passed = changed(frames, changes);
      for (const use of [
        (output) => new LiveView(output, { secrets, hexBytes: 32, colour: false, typesOf }),
        (output) => new CallView(output, { secrets, colour: false, typesOf }),
        (output) => new JsonView(output, { secrets, hexBytes: 32, typesOf }),
      ] satisfies ((output: Parameters<Parameters<typeof printedBy>[0]>[0]) => { hear: Hear })[]) {
        const text = await printedBy((output) => {
          const view = use(output);
          const filtered = new FilteredEvents(
            new CallFilter({ statuses: ["failed", "OK"], metadata: ["te", "x"] }),
            (event) => view.hear(event),
            5000,
          );
          const tally = new Tally((event) => view.hear(event));
          const pcap = new PcapFile(() => undefined);
          watch((event) => {
            for (const one of [view, filtered, tally, pcap]) one.hear(event);
          }, passed);
          tally.end(0);
        });
        // eslint-disable-next-line no-control-regex
        assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
        if (text.startsWith("{")) for (const line of text.trimEnd().split("\n")) JSON.parse(line);
      }
    }),
    { numRuns: 60 },
  );
});
