import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { file_order, OrderManagement } from "../../src/services/gen/order.js";
import { file_orderer, StreamService } from "../../src/services/gen/orderer.js";
import { file_route_guide, RouteGuide } from "../../src/services/gen/route_guide.js";
import { barewire, root } from "../cli/command.js";

const proto = new URL("../../proto/", import.meta.url);

describe("the generated modules", () => {
  for (const { name, text } of [file_order, file_orderer, file_route_guide]) {
    test(`hold the text of proto/${name}`, () => {
      assert.equal(text, readFileSync(new URL(name, proto), "utf8"));
    });
  }

  test("are what `npm run generate` makes of the contracts", async () => {
    const { scripts } = JSON.parse(readFileSync(`${root}package.json`, "utf8")) as { scripts: { generate: string } };
    const [, args = ""] = /^npm run -s barewire -- (generate .*)$/.exec(scripts.generate) ?? [];
    const { code, stdout, stderr } = await barewire(...args.split(" "), "--check").ended;
    assert.deepEqual([code, stdout, stderr], [0, "all 3 modules are up to date\n", ""]);
  });

  test("describe the methods by path and kind", () => {
    const described = [RouteGuide, OrderManagement, StreamService].flatMap((service) =>
      Object.entries(service.methods).map(([localName, { path, kind }]) => `${localName} ${kind} ${path}`),
    );
    assert.deepEqual(described, [
      "getFeature unary /routeguide.RouteGuide/GetFeature",
      "listFeatures serverStreaming /routeguide.RouteGuide/ListFeatures",
      "recordRoute clientStreaming /routeguide.RouteGuide/RecordRoute",
      "routeChat bidiStreaming /routeguide.RouteGuide/RouteChat",
      "addOrder unary /order.OrderManagement/addOrder",
      "getOrder unary /order.OrderManagement/getOrder",
      "searchOrders serverStreaming /order.OrderManagement/searchOrders",
      "updateOrders clientStreaming /order.OrderManagement/updateOrders",
      "processOrders bidiStreaming /order.OrderManagement/processOrders",
      "route bidiStreaming /orderer.StreamService/Route",
    ]);
  });
});

test("the contracts are the three documented ones and whatever ships with them", () => {
  const names = readdirSync(proto);
  for (const name of ["order.proto", "orderer.proto", "route_guide.proto"]) assert.ok(names.includes(name), name);
});
