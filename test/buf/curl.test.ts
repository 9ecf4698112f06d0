/**
 * buf's client against the documented services: it knows nothing of them but what reflection tells.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Server } from "../../src/index.js";
import { OrderManagement } from "../../src/services/gen/order.js";
import { StreamService } from "../../src/services/gen/orderer.js";
import { RouteGuide } from "../../src/services/gen/route_guide.js";
import { orderManagement } from "../../src/services/order-management.js";
import { routeGuide } from "../../src/services/route-guide.js";
import { streamService } from "../../src/services/stream-service.js";
import { runBuf } from "../support/buf.js";

const server = new Server()
  .add(RouteGuide, routeGuide())
  .add(OrderManagement, orderManagement())
  .add(StreamService, streamService());
let address = "";

before(async () => {
  ({ address } = await server.listen("127.0.0.1:0"));
});
after(() => server.close({ graceMs: 0 }));

/** What `buf curl` prints for the server's address with `path` behind it; it must succeed. */
async function curl(version: string, args: readonly string[], path = "", input = ""): Promise<string> {
  const flags = ["--http2-prior-knowledge", "--protocol", "grpc", "--reflect-protocol", version, ...args];
  const { code, stdout, stderr } = await runBuf(["curl", ...flags, `http://${address}${path}`], { input });
  assert.equal(code, 0, stderr);
  return stdout;
}

/** The messages among what was printed. */
function messages(stdout: string): unknown[] {
  return stdout
    .split(/^(?=\{)/m)
    .filter((text) => text.trim() !== "")
    .map((text): unknown => JSON.parse(text));
}

const SERVICES = [
  "grpc.health.v1.Health",
  "grpc.reflection.v1.ServerReflection",
  "grpc.reflection.v1alpha.ServerReflection",
  "order.OrderManagement",
  "orderer.StreamService",
  "routeguide.RouteGuide",
];

const BERKSHIRE = { latitude: 413628156, longitude: -749015468 };

for (const version of ["grpc-v1", "grpc-v1alpha"]) {
  describe(`buf curl by reflection ${version}`, () => {
    test("lists the services", async () => {
      assert.deepEqual((await curl(version, ["--list-services"])).trim().split("\n"), SERVICES);
    });

    test("lists the methods", async () => {
      const methods = (await curl(version, ["--list-methods"])).trim().split("\n");
      assert.deepEqual(
        methods.filter((method) => !method.startsWith("grpc.")),
        [
          "order.OrderManagement/addOrder",
          "order.OrderManagement/getOrder",
          "order.OrderManagement/processOrders",
          "order.OrderManagement/searchOrders",
          "order.OrderManagement/updateOrders",
          "orderer.StreamService/Route",
          "routeguide.RouteGuide/GetFeature",
          "routeguide.RouteGuide/ListFeatures",
          "routeguide.RouteGuide/RecordRoute",
          "routeguide.RouteGuide/RouteChat",
        ],
      );
    });

    test("calls a unary method", async () => {
      const point = { latitude: 409146138, longitude: -746188906 };
      const printed = await curl(version, ["-d", JSON.stringify(point)], "/routeguide.RouteGuide/GetFeature");
      const [feature] = messages(printed) as { name: string; location: unknown }[];
      assert.deepEqual(feature?.location, point);
      assert.notEqual(feature?.name, "");
    });

    test("calls a server-streaming method", async () => {
      const rectangle = {
        lo: { latitude: 400000000, longitude: -750000000 },
        hi: { latitude: 420000000, longitude: -730000000 },
      };
      const printed = await curl(version, ["-d", JSON.stringify(rectangle)], "/routeguide.RouteGuide/ListFeatures");
      assert.ok(messages(printed).length > 10, printed.slice(0, 500));
    });

    test("calls a client-streaming method", async () => {
      const points = [BERKSHIRE, { latitude: 409146138, longitude: -746188906 }].map((one) => JSON.stringify(one));
      const printed = await curl(version, ["-d", "@-"], "/routeguide.RouteGuide/RecordRoute", points.join("\n"));
      const [summary] = messages(printed) as { pointCount: number; distance: number }[];
      assert.equal(summary?.pointCount, 2);
      assert.ok((summary?.distance ?? 0) > 0);
    });

    test("calls a bidirectional-streaming method", async () => {
      const location = { latitude: version === "grpc-v1" ? 1 : 2, longitude: 3 };
      const notes = ["first", "second"].map((message) => JSON.stringify({ location, message }));
      const printed = await curl(version, ["-d", "@-"], "/routeguide.RouteGuide/RouteChat", notes.join("\n"));
      // Each note is answered with all that were left at its place.
      const answers = ["first", "first", "second"].map((message) => ({ location, message }));
      assert.deepEqual(messages(printed), answers);
      const route = await curl(version, ["-d", '{"pt": {"key": "k"}}'], "/orderer.StreamService/Route");
      assert.equal(messages(route).length, 20);
    });

    test("calls with well-known types", async () => {
      const order = { id: "o1", items: ["lamp"], price: 1.5, addresses: [{ address: "here", type: "WORK" }] };
      const id = version.replace("grpc-", "");
      const lastUpdated = "2024-05-06T07:08:09.123Z";
      const given = JSON.stringify({ ...order, id, lastUpdated });
      assert.equal((await curl(version, ["-d", given], "/order.OrderManagement/addOrder")).includes(id), true);
      const [got] = messages(await curl(version, ["-d", JSON.stringify(id)], "/order.OrderManagement/getOrder"));
      assert.deepEqual(got, { ...order, id, lastUpdated });
    });

    test("asks for health", async () => {
      const printed = await curl(
        version,
        ["-d", '{"service": "routeguide.RouteGuide"}'],
        "/grpc.health.v1.Health/Check",
      );
      assert.deepEqual(messages(printed), [{ status: "SERVING" }]);
      const [listed] = messages(await curl(version, [], "/grpc.health.v1.Health/List")) as { statuses: object }[];
      assert.deepEqual(Object.keys(listed?.statuses ?? {}).toSorted(), ["", ...SERVICES]);
    });
  });
}
