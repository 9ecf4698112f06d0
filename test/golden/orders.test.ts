/**
 * The documented calls of `order.OrderManagement`, byte for byte: as they were captured, and with the contract as printed.
 *
 * Laws: the bytes are read between client and server by an observer that shares nothing with the library; frame borders carry
 * no meaning, so the DATA of a stream and direction is joined and split at the length prefixes.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Channel, type Client, loadProto, Server } from "../../src/index.js";
import type { OrderInit, OrderManagement } from "../../src/services/gen/order.js";
import { orderManagement } from "../../src/services/order-management.js";
import { grpcJsOrders } from "../support/grpc-js-orders.js";
import { GrpcJsClient, grpcJsServiceOfFile, serveGrpcJs } from "../support/grpc-js-peer.js";
import { observe, type Conversation } from "../support/observer.js";

/** What one call puts on the wire: length-prefixed messages, in hexadecimal. */
interface GoldenCall {
  readonly method: "addOrder" | "getOrder" | "searchOrders" | "updateOrders" | "processOrders";
  readonly requests: readonly (OrderInit | { readonly value: string })[];
  readonly sent: readonly string[];
  readonly received: readonly string[];
}

interface GoldenTable {
  readonly name: string;
  readonly proto: string;
  readonly calls: readonly GoldenCall[];
}

const UPDATES: readonly OrderInit[] = [
  {
    id: "101",
    items: ["Oppo", "samung"],
    description: "A with B",
    price: 2400,
    addresses: [{ address: "Mike, Shanghai" }],
  },
  {
    id: "102",
    items: ["iPhone XS", "Mac Book Pro"],
    description: "C with D",
    price: 2500,
    addresses: [{ address: "Sam, Beijing", type: 1 }],
  },
];

/** The three streaming calls, as captured. */
const CAPTURED_STREAMS: readonly GoldenCall[] = [
  {
    method: "updateOrders",
    requests: UPDATES,
    sent: [
      "00000000340a0331303112044f70706f120673616d756e671a08412077697468204225000016452a100a0e4d696b652c205368616e67686169",
      "000000003f0a0331303212096950686f6e65205853120c4d616320426f6f6b2050726f1a0843207769746820442500401c452a100a0c53616d2c204265696a696e671001",
    ],
    received: [
      "00000000310a2f4f72646572732070726f6365737365642055706461746564204f7264657220494473203a203130312c203130322c20",
    ],
  },
  {
    method: "searchOrders",
    requests: [{ value: "iPhone" }],
    sent: ["00000000080a066950686f6e65"],
    received: [
      "000000003f0a0331303212096950686f6e65205853120c4d616320426f6f6b2050726f1a0843207769746820442500401c452a100a0c53616d2c204265696a696e671001",
    ],
  },
  {
    method: "processOrders",
    requests: [{ value: "101" }, { value: "102" }],
    sent: ["00000000050a03313031", "00000000050a03313032"],
    received: [
      "00000000580a14636d62202d204d696b652c205368616e67686169120a50726f636573736564211a340a0331303112044f70706f120673616d756e671a08412077697468204225000016452a100a0e4d696b652c205368616e67686169",
      "00000000610a12636d62202d2053616d2c204265696a696e67120a50726f636573736564211a3f0a0331303212096950686f6e65205853120c4d616320426f6f6b2050726f1a0843207769746820442500401c452a100a0c53616d2c204265696a696e671001",
    ],
  },
];

const CAPTURED_ORDER =
  "00000000340a0331303112096950686f6e65205853120c4d616320426f6f6b2050726f2500c00f452a0f0a0d546f6d2c205368616e67686169";
const ADDED_101 = "00000000120a104f726465722041646465643a20313031";

/** Made with an earlier contract: addresses is field 5 (tag 2a). */
const CAPTURED: GoldenTable = {
  name: "as captured",
  proto: fileURLToPath(new URL("order-as-captured.proto", import.meta.url)),
  calls: [
    {
      method: "addOrder",
      requests: [
        {
          id: "101",
          items: ["iPhone XS", "Mac Book Pro"],
          price: 2300,
          addresses: [{ address: "Tom, Shanghai" }],
        },
      ],
      sent: [CAPTURED_ORDER],
      received: [ADDED_101],
    },
    { method: "getOrder", requests: [{ value: "101" }], sent: ["00000000050a03313031"], received: [CAPTURED_ORDER] },
    ...CAPTURED_STREAMS,
  ],
};

const PRINTED_101 =
  "00000000310a0331303112096950686f6e65205853120c4d616320426f6f6b2050726f2500c00f452a0c53616e204a6f73652c204341";
const PRINTED_102 = "00000000250a0331303212044f70706f12045669766f250080a2442a0d546f6d2c205368616e67686169";

/** The tag of addresses in the printed contract is 32: the one place of each address, before its length and field 1. */
function withPrintedTag(messages: readonly string[]): string[] {
  return messages.map((message) => message.replaceAll(/2a10(?=0a0[ce])/g, "3210"));
}

const PRINTED: GoldenTable = {
  name: "as printed",
  proto: fileURLToPath(new URL("../../proto/order.proto", import.meta.url)),
  calls: [
    {
      method: "addOrder",
      requests: [{ id: "101", items: ["iPhone XS", "Mac Book Pro"], destination: "San Jose, CA", price: 2300 }],
      sent: [PRINTED_101],
      received: [ADDED_101],
    },
    { method: "getOrder", requests: [{ value: "101" }], sent: ["00000000050a03313031"], received: [PRINTED_101] },
    {
      method: "addOrder",
      requests: [{ id: "102", items: ["Oppo", "Vivo"], destination: "Tom, Shanghai", price: 1300 }],
      sent: [PRINTED_102],
      received: ["00000000120a104f726465722041646465643a20313032"],
    },
    { method: "getOrder", requests: [{ value: "102" }], sent: ["00000000050a03313032"], received: [PRINTED_102] },
    ...CAPTURED_STREAMS.map((call) => ({
      ...call,
      sent: withPrintedTag(call.sent),
      received: withPrintedTag(call.received),
    })),
  ],
};

/** proto-loader must not fill in defaults: protobufjs writes whatever is set. */
function grpcJsService({ proto }: GoldenTable): ReturnType<typeof grpcJsServiceOfFile> {
  return grpcJsServiceOfFile(proto, "order.OrderManagement", { enums: Number });
}

/** Makes the calls of a table one after another. */
type Caller = (calls: readonly GoldenCall[]) => Promise<void>;

interface Role {
  readonly name: string;
  readonly client: "barewire" | "grpc-js";
  readonly server: "barewire" | "grpc-js";
}

const ROLES: readonly Role[] = [
  { name: "our client, our server", client: "barewire", server: "barewire" },
  { name: "grpc-js client, our server", client: "grpc-js", server: "barewire" },
  { name: "our client, grpc-js server", client: "barewire", server: "grpc-js" },
];

async function serve({ server: kind }: Role, table: GoldenTable): Promise<{ port: number; close(): Promise<void> }> {
  if (kind === "grpc-js") return serveGrpcJs(grpcJsService(table), grpcJsOrders());
  const service = loadProto(table.proto).service<OrderManagement>("order.OrderManagement");
  const server = new Server().add(service, orderManagement());
  const { port } = await server.listen("127.0.0.1:0");
  return { port, close: () => server.close({ graceMs: 0 }) };
}

function caller({ client: kind }: Role, table: GoldenTable, port: number): { call: Caller; close(): unknown } {
  if (kind === "grpc-js") {
    const client = new GrpcJsClient(grpcJsService(table), port);
    const call: Caller = async (calls) => {
      for (const { method, requests } of calls) {
        const { status } = await client.call(method, requests as Iterable<Record<string, unknown>>);
        assert.equal(status.code, 0, `${method}: ${status.details}`);
      }
    };
    return { call, close: () => client.close() };
  }
  const channel = new Channel(`127.0.0.1:${port}`);
  const client = channel.client(loadProto(table.proto).service<OrderManagement>("order.OrderManagement"));
  const call: Caller = async (calls) => {
    for (const golden of calls) await callOurs(client, golden);
  };
  return { call, close: () => channel.close() };
}

async function callOurs(client: Client<OrderManagement>, { method, requests }: GoldenCall): Promise<void> {
  const [order] = requests as OrderInit[];
  const [value] = requests as { value: string }[];
  if (method === "addOrder") await client.addOrder(order ?? {});
  else if (method === "getOrder") await client.getOrder(value ?? {});
  else if (method === "updateOrders") await client.updateOrders(requests as OrderInit[]);
  else {
    const call =
      method === "searchOrders"
        ? client.searchOrders(value ?? {})
        : client.processOrders(requests as { value: string }[]);
    for await (const _ of call);
  }
}

/** A call's header fields but those that may differ: who is called and by whom, and the codings that are understood. */
function fieldsOf(conversation: Conversation, direction: "fromClient" | "fromServer", id: number): string[][] {
  const free = [":authority", "user-agent", "grpc-accept-encoding"];
  return conversation.headerBlocks(direction, id).map(({ fields }) =>
    fields
      .filter(([name]) => !free.includes(name))
      .map(([name, value]) => `${name}: ${value}`)
      .toSorted(),
  );
}

const hex = (messages: readonly Buffer[]): string[] => messages.map((message) => message.toString("hex"));

for (const table of [CAPTURED, PRINTED]) {
  describe(`order.OrderManagement ${table.name}`, () => {
    for (const role of ROLES) {
      test(`R47 R3 ${role.name}: every message and header is the documented one`, async () => {
        const server = await serve(role, table);
        const observer = await observe(server.port);
        const { call, close } = caller(role, table, observer.port);
        try {
          await call(table.calls);
          const { conversation } = observer;
          assert.equal(conversation.streamIds.length, table.calls.length);
          for (const [index, { method, sent, received }] of table.calls.entries()) {
            const id = conversation.streamIds[index] as number;
            assert.equal(id, 2 * index + 1);
            assert.deepEqual(hex(conversation.messages("fromClient", id)), sent, `${method}, sent`);
            assert.deepEqual(hex(conversation.messages("fromServer", id)), received, `${method}, received`);
            if (role.client === "barewire") {
              const [request] = conversation.headerBlocks("fromClient", id);
              const values = new Map(request?.fields);
              assert.equal(values.get(":authority"), `127.0.0.1:${observer.port}`);
              assert.match(values.get("user-agent") ?? "", /^grpc-node-barewire\/\d+\.\d+\.\d+/);
              assert.deepEqual(fieldsOf(conversation, "fromClient", id), [
                [
                  ":method: POST",
                  `:path: /order.OrderManagement/${method}`,
                  ":scheme: http",
                  "content-type: application/grpc",
                  "te: trailers",
                ],
              ]);
            }
            if (role.server === "barewire") {
              assert.deepEqual(fieldsOf(conversation, "fromServer", id), [
                [":status: 200", "content-type: application/grpc"],
                ["grpc-status: 0"],
              ]);
            }
          }
        } finally {
          await close();
          await server.close();
          await observer.close();
        }
      });
    }
  });
}

test("the tables have the documented sizes", () => {
  const sizes = (table: GoldenTable): string[] =>
    table.calls.map(({ method, sent, received }) => {
      const lengths = [sent, received].map((messages) => messages.map((message) => message.length / 2).join(" + "));
      return `${method} ${lengths.join(" / ")}`;
    });
  assert.deepEqual(sizes(CAPTURED), [
    "addOrder 57 / 23",
    "getOrder 10 / 57",
    "updateOrders 57 + 68 / 54",
    "searchOrders 13 / 68",
    "processOrders 10 + 10 / 93 + 102",
  ]);
  assert.deepEqual(sizes(PRINTED), [
    "addOrder 54 / 23",
    "getOrder 10 / 54",
    "addOrder 42 / 23",
    "getOrder 10 / 42",
    "updateOrders 57 + 68 / 54",
    "searchOrders 13 / 68",
    "processOrders 10 + 10 / 93 + 102",
  ]);
});
