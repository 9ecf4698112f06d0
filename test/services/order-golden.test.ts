/**
 * The bytes of OrderManagement's calls, against two tables: the documented captures, made with an earlier contract (addresses
 * is field 5, there is no destination), and the printed contract.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { loadProto } from "../../src/core.js";
import {
  file_order,
  OrderManagement,
  type OrderManagement as OrderManagementType,
} from "../../src/services/gen/order.js";
import { orderManagement } from "../../src/services/order-management.js";
import { rawCall } from "./raw-call.js";
import { served } from "./served.js";

const lengths = (messages: readonly string[]): number[] => messages.map((message) => message.length / 2);
const text = (value: string): string => Buffer.from(value).toString("hex");

/** The five calls as captured; `tag` is that of addresses. */
function calls(tag: "2a" | "32") {
  const update101 =
    `00000000340a03${text("101")}1204${text("Oppo")}1206${text("samung")}1a08${text("A with B")}2500001645` +
    `${tag}100a0e${text("Mike, Shanghai")}`;
  const update102 =
    `000000003f0a03${text("102")}1209${text("iPhone XS")}120c${text("Mac Book Pro")}1a08${text("C with D")}2500401c45` +
    `${tag}100a0c${text("Sam, Beijing")}1001`;
  const shipment = (length: string, id: string, order: string): string =>
    `00000000${length}0a${(6 + id.length).toString(16)}${text(`cmb - ${id}`)}120a${text("Processed!")}` +
    `1a${order.slice(8)}`;
  return {
    update: {
      sent: [update101, update102],
      received: `00000000310a2f${text("Orders processed Updated Order IDs : 101, 102, ")}`,
    },
    search: { sent: [`00000000080a06${text("iPhone")}`], received: update102 },
    process: {
      sent: [`00000000050a03${text("101")}`, `00000000050a03${text("102")}`],
      received: shipment("58", "Mike, Shanghai", update101) + shipment("61", "Sam, Beijing", update102),
    },
  };
}

async function assertCall(port: number, method: string, sent: readonly string[], received: string): Promise<void> {
  const reply = await rawCall(port, `/order.OrderManagement/${method}`, sent);
  assert.equal(reply.data, received, method);
  assert.equal(reply.headers[":status"], 200);
  assert.equal(reply.headers["content-type"], "application/grpc");
  assert.equal(reply.trailers["grpc-status"], "0");
  assert.equal(reply.trailers["grpc-message"] ?? "", "");
}

async function assertStreams(port: number, tag: "2a" | "32"): Promise<void> {
  const { update, search, process } = calls(tag);
  await assertCall(port, "updateOrders", update.sent, update.received);
  await assertCall(port, "searchOrders", search.sent, search.received);
  await assertCall(port, "processOrders", process.sent, process.received);
}

describe("OrderManagement's bytes", () => {
  test("have the documented lengths", () => {
    const { update, search, process } = calls("2a");
    assert.deepEqual(lengths([...update.sent, update.received]), [57, 68, 54]);
    assert.deepEqual(lengths([...search.sent, search.received]), [13, 68]);
    assert.deepEqual(lengths([...process.sent, process.received]), [10, 10, 93 + 102]);
  });

  test("equal the captures, with the contract they were made with", () => {
    const captured = file_order.text
      .replace("  string destination = 5;\n", "")
      .replace("addresses = 6;", "addresses = 5;");
    const Captured = loadProto({ "order.proto": captured }).service<OrderManagementType>("order.OrderManagement");
    return served(
      (server) => void server.add(Captured, orderManagement()),
      async ({ port, errors }) => {
        const order =
          `00000000340a03${text("101")}1209${text("iPhone XS")}120c${text("Mac Book Pro")}2500c00f45` +
          `2a0f0a0d${text("Tom, Shanghai")}`;
        assert.equal(order.length / 2, 57);
        await assertCall(port, "addOrder", [order], `00000000120a10${text("Order Added: 101")}`);
        await assertCall(port, "getOrder", [`00000000050a03${text("101")}`], order);
        await assertStreams(port, "2a");
        assert.deepEqual(errors, []);
      },
    );
  });

  test("equal protoc's, with the printed contract", () =>
    served(
      (server) => void server.add(OrderManagement, orderManagement()),
      async ({ port, errors }) => {
        const orders = {
          "101":
            "00000000310a0331303112096950686f6e65205853120c4d616320426f6f6b2050726f2500c00f452a0c53616e204a6f73652c204341",
          "102": "00000000250a0331303212044f70706f12045669766f250080a2442a0d546f6d2c205368616e67686169",
        };
        for (const [id, order] of Object.entries(orders)) {
          await assertCall(port, "addOrder", [order], `00000000120a10${text(`Order Added: ${id}`)}`);
          await assertCall(port, "getOrder", [`00000000050a03${text(id)}`], order);
        }
        await assertStreams(port, "32");
        assert.deepEqual(errors, []);
      },
    ));
});
