/**
 * Every method of every documented service, with @grpc/grpc-js on either end.
 */
import assert from "node:assert/strict";
import { status } from "@grpc/grpc-js";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Channel, Code, type Implementation, Server, type Service, StatusError } from "../../src/index.js";
import { OrderManagement } from "../../src/services/gen/order.js";
import { StreamService } from "../../src/services/gen/orderer.js";
import { RouteGuide } from "../../src/services/gen/route_guide.js";
import { orderManagement } from "../../src/services/order-management.js";
import { routeGuide } from "../../src/services/route-guide.js";
import { streamService } from "../../src/services/stream-service.js";
import { grpcJsOrders } from "../support/grpc-js-orders.js";
import {
  type GrpcJsBehaviour,
  GrpcJsClient,
  GrpcJsError,
  type GrpcJsMessage,
  grpcJsServiceOfFile,
  serveGrpcJs,
} from "../support/grpc-js-peer.js";

function theirs(file: string, name: string): ReturnType<typeof grpcJsServiceOfFile> {
  return grpcJsServiceOfFile(fileURLToPath(new URL(`../../proto/${file}`, import.meta.url)), name);
}

const THEIR_ROUTE_GUIDE = theirs("route_guide.proto", "routeguide.RouteGuide");
const THEIR_ORDERS = theirs("order.proto", "order.OrderManagement");
const THEIR_STREAM_SERVICE = theirs("orderer.proto", "orderer.StreamService");

/** Serves one of our services to a grpc-js client. */
async function withTheirClient<S extends Service>(
  service: S,
  implementation: Implementation<S>,
  definition: typeof THEIR_ORDERS,
  use: (client: GrpcJsClient) => Promise<void>,
): Promise<void> {
  const errors: unknown[] = [];
  const server = new Server({ onError: (error) => errors.push(error) }).add(service, implementation);
  const { port } = await server.listen("127.0.0.1:0");
  const client = new GrpcJsClient(definition, port);
  try {
    await use(client);
    assert.deepEqual(errors, []);
  } finally {
    client.close();
    await server.close({ graceMs: 0 });
  }
}

/** Serves a service on grpc-js to our client. */
async function withTheirServer(
  definition: typeof THEIR_ORDERS,
  behaviours: Record<string, GrpcJsBehaviour>,
  use: (channel: Channel) => Promise<void>,
): Promise<void> {
  const server = await serveGrpcJs(definition, behaviours);
  const channel = new Channel(`127.0.0.1:${server.port}`);
  try {
    await use(channel);
  } finally {
    await channel.destroy();
    await server.close();
  }
}

const PATRIOTS_PATH = { latitude: 407_838_351, longitude: -746_143_763 };
const features = [
  { name: "Patriots Path", location: PATRIOTS_PATH },
  { name: "Elsewhere", location: { latitude: 1, longitude: 1 } },
  { name: "", location: { latitude: 410_000_000, longitude: -740_000_000 } },
];
const rectangle = {
  lo: { latitude: 400_000_000, longitude: -750_000_000 },
  hi: { latitude: 420_000_000, longitude: -730_000_000 },
};

describe("routeguide.RouteGuide: a grpc-js client, our server", () => {
  const served = (use: (client: GrpcJsClient) => Promise<void>): Promise<void> =>
    withTheirClient(RouteGuide, routeGuide({ features, now: () => 5000 }), THEIR_ROUTE_GUIDE, use);

  test("GetFeature", () =>
    served(async (client) => {
      const known = await client.call("GetFeature", [PATRIOTS_PATH]);
      assert.deepEqual(known.messages, [{ name: "Patriots Path", location: PATRIOTS_PATH }]);
      const unknown = await client.call("GetFeature", [{ latitude: 5, longitude: 6 }]);
      assert.deepEqual(unknown.messages, [{ name: "", location: { latitude: 5, longitude: 6 } }]);
      const wrong = await client.call("GetFeature", [{ latitude: 2_000_000_000, longitude: 0 }]);
      assert.equal(wrong.status.code, status.INVALID_ARGUMENT);
    }));

  test("ListFeatures", () =>
    served(async (client) => {
      const { messages } = await client.call("ListFeatures", [rectangle]);
      assert.deepEqual(
        messages.map(({ name }) => name),
        ["Patriots Path", ""],
      );
      const wrong = await client.call("ListFeatures", [{ lo: rectangle.lo }]);
      assert.equal(wrong.status.code, status.INVALID_ARGUMENT);
    }));

  test("RecordRoute", () =>
    served(async (client) => {
      const { messages } = await client.call("RecordRoute", [
        PATRIOTS_PATH,
        { latitude: 410_000_000, longitude: -740_000_000 },
        PATRIOTS_PATH,
      ]);
      const [summary] = messages as [GrpcJsMessage];
      assert.equal(summary["pointCount"], 3);
      assert.equal(summary["featureCount"], 3);
      assert.ok(Number(summary["distance"]) > 100_000 && Number(summary["distance"]) < 130_000);
      assert.equal(summary["elapsedTime"], 0);
      const none = await client.call("RecordRoute", []);
      assert.deepEqual(none.messages, [{ pointCount: 0, featureCount: 0, distance: 0, elapsedTime: 0 }]);
    }));

  test("RouteChat", () =>
    served(async (client) => {
      const notes = ["first", "second", "third"].map((message) => ({ location: PATRIOTS_PATH, message }));
      const { messages } = await client.call("RouteChat", notes);
      assert.deepEqual(
        messages.map(({ message }) => message),
        ["first", "first", "second", "first", "second", "third"],
      );
      const wrong = await client.call("RouteChat", [{ message: "nowhere" }]);
      assert.equal(wrong.status.code, status.INVALID_ARGUMENT);
    }));
});

describe("routeguide.RouteGuide: our client, a grpc-js server", () => {
  const behaviours: Record<string, GrpcJsBehaviour> = {
    async *GetFeature(requests) {
      for await (const location of requests) yield { name: "here", location };
    },
    async *ListFeatures(requests) {
      for await (const { lo, hi } of requests) {
        yield { name: "lo", location: lo };
        yield { name: "hi", location: hi };
      }
    },
    async *RecordRoute(requests) {
      let pointCount = 0;
      for await (const _ of requests) pointCount++;
      yield { pointCount, featureCount: -1, distance: 2_147_483_647, elapsedTime: 1 };
    },
    async *RouteChat(requests) {
      for await (const note of requests) yield note;
    },
  };
  const called = (use: (channel: Channel) => Promise<void>): Promise<void> =>
    withTheirServer(THEIR_ROUTE_GUIDE, behaviours, use);

  test("GetFeature", () =>
    called(async (channel) => {
      assert.deepEqual(await channel.client(RouteGuide).getFeature(PATRIOTS_PATH), {
        name: "here",
        location: PATRIOTS_PATH,
      });
    }));

  test("ListFeatures", () =>
    called(async (channel) => {
      const received = [];
      for await (const feature of channel.client(RouteGuide).listFeatures(rectangle)) received.push(feature);
      assert.deepEqual(received, [
        { name: "lo", location: rectangle.lo },
        { name: "hi", location: rectangle.hi },
      ]);
    }));

  test("RecordRoute", () =>
    called(async (channel) => {
      const expected = { pointCount: 3, featureCount: -1, distance: 2_147_483_647, elapsedTime: 1 };
      const client = channel.client(RouteGuide);
      assert.deepEqual(await client.recordRoute([PATRIOTS_PATH, PATRIOTS_PATH, PATRIOTS_PATH]), expected);
      const route = client.recordRoute();
      for (let point = 0; point < 3; point++) await route.send(PATRIOTS_PATH);
      assert.deepEqual(await route.finish(), expected);
    }));

  test("RouteChat", () =>
    called(async (channel) => {
      const chat = channel.client(RouteGuide).routeChat();
      for (const message of ["first", "second"]) {
        await chat.send({ location: PATRIOTS_PATH, message });
        assert.deepEqual(await chat.receive(), { location: PATRIOTS_PATH, message });
      }
      chat.closeSend();
      assert.equal(await chat.receive(), undefined);
    }));
});

const ORDERS = [
  { id: "101", items: ["Oppo", "samung"], price: 2400, addresses: [{ address: "Mike, Shanghai" }] },
  {
    id: "102",
    items: ["iPhone XS"],
    price: 2500,
    addresses: [{ address: "Sam, Beijing", type: 1 }],
    lastUpdated: { seconds: 1_700_000_000, nanos: 5 },
  },
];

describe("order.OrderManagement: a grpc-js client, our server", () => {
  const served = (use: (client: GrpcJsClient) => Promise<void>): Promise<void> =>
    withTheirClient(OrderManagement, orderManagement(), THEIR_ORDERS, use);

  test("addOrder and getOrder", () =>
    served(async (client) => {
      const added = await client.call("addOrder", [ORDERS[1] as GrpcJsMessage]);
      assert.deepEqual(added.messages, [{ value: "Order Added: 102" }]);
      const { messages } = await client.call("getOrder", [{ value: "102" }]);
      assert.deepEqual(messages, [
        {
          id: "102",
          items: ["iPhone XS"],
          description: "",
          price: 2500,
          destination: "",
          addresses: [{ address: "Sam, Beijing", type: 1 }],
          lastUpdated: { seconds: "1700000000", nanos: 5 },
        },
      ]);
      const missing = await client.call("getOrder", [{ value: "nobody" }]);
      assert.equal(missing.status.code, status.NOT_FOUND);
      assert.match(missing.status.details, /nobody/);
    }));

  test("updateOrders, searchOrders and processOrders", () =>
    served(async (client) => {
      const updated = await client.call("updateOrders", ORDERS);
      assert.deepEqual(updated.messages, [{ value: "Orders processed Updated Order IDs : 101, 102, " }]);
      const found = await client.call("searchOrders", [{ value: "iPhone" }]);
      assert.deepEqual(
        found.messages.map(({ id }) => id),
        ["102"],
      );
      const shipped = await client.call("processOrders", [{ value: "101" }, { value: "102" }, { value: "101" }]);
      assert.deepEqual(
        shipped.messages.map(({ id, status: state, orderList }) => [id, state, (orderList as unknown[]).length]),
        [
          ["cmb - Mike, Shanghai", "Processed!", 2],
          ["cmb - Sam, Beijing", "Processed!", 1],
        ],
      );
      const missing = await client.call("processOrders", [{ value: "nobody" }]);
      assert.equal(missing.status.code, status.NOT_FOUND);
    }));
});

describe("order.OrderManagement: our client, a grpc-js server", () => {
  test("all five methods", () =>
    withTheirServer(THEIR_ORDERS, grpcJsOrders(), async (channel) => {
      const orders = channel.client(OrderManagement);
      const [first, second] = ORDERS as [(typeof ORDERS)[0], (typeof ORDERS)[0]];
      assert.deepEqual(await orders.addOrder(first), { value: "Order Added: 101" });
      assert.deepEqual(await orders.updateOrders([first, second]), {
        value: "Orders processed Updated Order IDs : 101, 102, ",
      });
      const got = await orders.getOrder({ value: "102" });
      assert.deepEqual(got.lastUpdated, { seconds: 1_700_000_000n, nanos: 5 });
      assert.deepEqual(got.addresses, [{ address: "Sam, Beijing", type: 1 }]);
      await assert.rejects(
        orders.getOrder({ value: "nobody" }),
        (error) => error instanceof StatusError && error.code === Code.NOT_FOUND && /nobody/.test(error.rawMessage),
      );
      const found: string[] = [];
      for await (const { id } of orders.searchOrders({ value: "o" })) found.push(id);
      assert.deepEqual(found, ["101", "102"]);
      const shipments: [string, string[]][] = [];
      const process = orders.processOrders();
      for (const value of ["101", "102", "101"]) await process.send({ value });
      process.closeSend();
      for await (const { id, orderList } of process) shipments.push([id, orderList.map((order) => order.id)]);
      assert.deepEqual(shipments, [
        ["cmb - Mike, Shanghai", ["101", "101"]],
        ["cmb - Sam, Beijing", ["102"]],
      ]);
    }));
});

const STREAM_RESPONSES = Array.from({ length: 20 }, (_, index) => ({
  pt: { key: "gPRC Stream Client: Key", value: `this is value10${index < 10 ? 0 : 1}` },
}));

describe("orderer.StreamService", () => {
  test("Route: a grpc-js client, our server", () =>
    withTheirClient(StreamService, streamService(), THEIR_STREAM_SERVICE, async (client) => {
      const request = { pt: { key: "k", value: "v" } };
      const { messages, status: ended } = await client.call("Route", [request]);
      assert.equal(ended.code, status.OK);
      assert.deepEqual(messages, STREAM_RESPONSES);
      async function* open(): AsyncGenerator<GrpcJsMessage> {
        yield request;
        await new Promise(() => undefined);
      }
      assert.equal((await client.call("Route", open())).messages.length, 20);
      assert.deepEqual((await client.call("Route", [])).messages, []);
      assert.equal((await client.call("Route", [{}])).status.code, status.INVALID_ARGUMENT);
    }));

  test("Route: our client, a grpc-js server", () =>
    withTheirServer(
      THEIR_STREAM_SERVICE,
      {
        async *Route(requests) {
          for await (const { pt } of requests) {
            if (pt === null) throw new GrpcJsError(status.INVALID_ARGUMENT, "pt is missing");
            yield* STREAM_RESPONSES;
          }
        },
      },
      async (channel) => {
        const client = channel.client(StreamService);
        const received = [];
        for await (const response of client.route([{ pt: { key: "k", value: "v" } }])) received.push(response);
        assert.deepEqual(received, STREAM_RESPONSES);
        await assert.rejects(client.route([{}]).receive(), /INVALID_ARGUMENT: pt is missing/);
      },
    ));
});
