import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Channel, Code, StatusError } from "../../src/core.js";
import { ordererDemo } from "../../src/services/demos/orderer.js";
import { ordersDemo } from "../../src/services/demos/orders.js";
import { routeGuideDemo, type RouteGuideDemoOptions } from "../../src/services/demos/route-guide.js";
import { OrderManagement } from "../../src/services/gen/order.js";
import { StreamService } from "../../src/services/gen/orderer.js";
import { RouteGuide } from "../../src/services/gen/route_guide.js";
import { orderManagement } from "../../src/services/order-management.js";
import { routeGuide } from "../../src/services/route-guide.js";
import { streamService } from "../../src/services/stream-service.js";
import { served } from "./served.js";

type Demo = (channel: Channel, print: (line: string) => void, options: RouteGuideDemoOptions) => Promise<void>;

async function played(demo: Demo, options: RouteGuideDemoOptions = {}): Promise<string[]> {
  const lines: string[] = [];
  await served(
    (server) =>
      void server
        .add(RouteGuide, routeGuide())
        .add(OrderManagement, orderManagement())
        .add(StreamService, streamService()),
    async ({ channel, errors }) => {
      await demo(channel, (line) => lines.push(line), options);
      assert.deepEqual(errors, []);
    },
  );
  return lines;
}

const KNOWN = /^ {2}"Weldon Ridge, Jefferson, NJ" at \(409146138, -746188906\)$/;

describe("routeGuideDemo", () => {
  test("plays the Go client", async () => {
    const lines = await played(routeGuideDemo, { client: "go", random: () => 0.5 });
    assert.equal(lines[0], "asking for the feature at (409146138, -746188906)");
    assert.match(lines[1] ?? "", KNOWN);
    assert.equal(lines[2], "asking for the feature at (0, 0)");
    assert.equal(lines[3], "  nothing known at (0, 0)");
    assert.equal(lines[4], "listing the features from (400000000, -750000000) to (420000000, -730000000)");
    const route = lines.indexOf("travelling a route of 52 points");
    assert.ok(route > 60, "many features are listed");
    assert.equal(lines[route + 1], "  52 points, 0 features, 0 metres, 0 seconds");
    assert.deepEqual(lines.slice(route + 2), [
      "leaving 6 notes",
      '  got "First message" at (0, 1)',
      '  got "Second message" at (0, 2)',
      '  got "Third message" at (0, 3)',
      '  got "First message" at (0, 1)',
      '  got "Fourth message" at (0, 1)',
      '  got "Second message" at (0, 2)',
      '  got "Fifth message" at (0, 2)',
      '  got "Third message" at (0, 3)',
      '  got "Sixth message" at (0, 3)',
    ]);
  });

  test("travels from 2 to 101 points", async () => {
    for (const [random, count] of [
      [0, 2],
      [0.999999, 101],
    ] as const) {
      const lines = await played(routeGuideDemo, { random: () => random });
      assert.ok(lines.includes(`travelling a route of ${count} points`));
      assert.ok(lines.some((line) => line.startsWith(`  ${count} points, `)));
    }
  });

  test("plays the Python client", async () => {
    const lines = await played(routeGuideDemo, { client: "python" });
    const titles = ["GetFeature:", "ListFeatures:", "RecordRoute:", "RouteChat:"];
    assert.deepEqual(
      lines.filter((line) => titles.includes(line)),
      titles,
    );
    assert.match(lines[2] ?? "", KNOWN);
    assert.equal(lines[4], "  nothing known at (0, 0)");
    const route = lines.indexOf("RecordRoute:");
    assert.ok(lines.slice(route + 1, route + 11).every((line) => line.startsWith("  visiting (")));
    assert.equal(lines[route + 11], "  finished a route of 10 points");
    assert.equal(lines[route + 12], "  passed 10 features");
    assert.match(lines[route + 13] ?? "", /^ {2}travelled \d+ metres$/);
    assert.equal(lines[route + 14], "  took 0 seconds");
    const chat = lines.slice(lines.indexOf("RouteChat:") + 1);
    assert.deepEqual(
      chat.filter((line) => line.startsWith("  sending")),
      [
        '  sending "First message" at (0, 0)',
        '  sending "Second message" at (0, 1)',
        '  sending "Third message" at (1, 0)',
        '  sending "Fourth message" at (0, 0)',
        '  sending "Fifth message" at (1, 0)',
      ],
    );
    assert.deepEqual(
      chat.filter((line) => line.startsWith("  received")),
      [
        '  received "First message" at (0, 0)',
        '  received "Second message" at (0, 1)',
        '  received "Third message" at (1, 0)',
        '  received "First message" at (0, 0)',
        '  received "Fourth message" at (0, 0)',
        '  received "Third message" at (1, 0)',
        '  received "Fifth message" at (1, 0)',
      ],
    );
  });
});

test("ordersDemo adds, gets, updates, searches and ships", async () => {
  const first = 'order "101": items "iPhone XS", "Mac Book Pro"; price 2300; destination "San Jose, CA"';
  const second = 'order "102": items "Oppo", "Vivo"; price 1300; destination "Tom, Shanghai"';
  const updated101 =
    'order "101": items "Oppo", "samung"; price 2400; description "A with B"; address "Mike, Shanghai" (HOME)';
  const updated102 =
    'order "102": items "iPhone XS", "Mac Book Pro"; price 2500; description "C with D"; address "Sam, Beijing" (WORK)';
  assert.deepEqual(await played(ordersDemo), [
    'addOrder answered "Order Added: 101"',
    `getOrder answered ${first}`,
    'addOrder answered "Order Added: 102"',
    `getOrder answered ${second}`,
    'updateOrders answered "Orders processed Updated Order IDs : 101, 102, "',
    `searchOrders found ${updated102}`,
    'processOrders sent shipment "cmb - Mike, Shanghai", "Processed!":',
    `  ${updated101}`,
    'processOrders sent shipment "cmb - Sam, Beijing", "Processed!":',
    `  ${updated102}`,
  ]);
});

test("ordererDemo prints twenty responses", async () => {
  const lines = await played(ordererDemo);
  assert.equal(lines.length, 20);
  assert.equal(lines[0], 'response 1: key "gPRC Stream Client: Key", value "this is value100"');
  assert.equal(lines[19], 'response 20: key "gPRC Stream Client: Key", value "this is value101"');
});

test("every demo fails with UNAVAILABLE, once, when nobody listens", async () => {
  let port = 0;
  await served(
    () => {},
    async (at) => {
      port = at.port;
    },
  );
  const demos: Demo[] = [
    routeGuideDemo,
    (channel, print) => routeGuideDemo(channel, print, { client: "python" }),
    ordersDemo,
    ordererDemo,
  ];
  for (const demo of demos) {
    const channel = new Channel(`127.0.0.1:${port}`);
    await assert.rejects(
      demo(channel, () => {}, {}),
      (error) => error instanceof StatusError && error.code === Code.UNAVAILABLE,
    );
    await channel.close();
  }
});
