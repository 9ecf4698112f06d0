/**
 * Type tests: what generated modules say of messages, enums and services. `npm run types` checks this file; it never runs.
 */
import {
  type Client,
  enumName,
  type Extension,
  getExtension,
  type Handler,
  type Implementation,
  type MessageType,
  type Server,
  setExtension,
  StringValue,
  Struct,
  Timestamp,
  timestampFromDate,
  timestampToDate,
} from "../../src/index.js";
import {
  CombinedShipment,
  Order,
  Order_Address,
  Order_AddressType,
  type OrderInit,
  OrderManagement,
} from "../../src/services/gen/order.js";
import { sameType } from "./same-type.js";

declare const order: Order;
declare const server: Server;
declare const orders: Client<OrderManagement>;

declare const color: Extension<OrderInit, Order_AddressType | undefined, Order_AddressType | "HOME">;
declare const tags: Extension<OrderInit, readonly string[], readonly string[]>;

export function extensions(): void {
  // Of what is received and of what may be given alike.
  sameType<Order_AddressType | undefined>()(getExtension(order, color), true);
  sameType<readonly string[]>()(getExtension({ id: "1" } satisfies OrderInit, tags), true);
  setExtension(order, color, "HOME");
  setExtension(order, color, undefined);
  // @ts-expect-error: a value of another type
  setExtension(order, color, "WORK");
  // @ts-expect-error: a message of another type
  setExtension({ latitude: 5 }, color, "HOME");
}

export function messages(): void {
  sameType<string>()(order.id, true);
  sameType<readonly Order_Address[]>()(order.addresses, true);
  sameType<Timestamp | undefined>()(order.lastUpdated, true);
  sameType<MessageType<Order, OrderInit>>()(Order, true);
  sameType<Order>()(Order.decode(Order.encode({ id: "1" })), true);
  // What is received may be given again.
  void Order.encode(order);
  void Order.encode({ ...order, items: ["a"], lastUpdated: timestampFromDate(new Date()) });
  if (order.lastUpdated !== undefined) void timestampToDate(order.lastUpdated);
  void Timestamp.encode({ seconds: "5" });
  void StringValue.encode({ value: "a" });
  void Struct.encode({ fields: { a: { kind: { case: "numberValue", value: 1 } } } });
  // @ts-expect-error a list that is shared by messages is not to be changed
  order.items.push("a");
  // @ts-expect-error a text is not a list of texts
  void Order.encode({ items: "abc" });
  // @ts-expect-error there is no such field
  void Order.encode({ last_updated: undefined });
  // @ts-expect-error the field is a message
  void Order.encode({ lastUpdated: new Date() });
  // @ts-expect-error a number is not a text
  void Order.encode({ addresses: [{ address: 1 }] });
  // @ts-expect-error an order is not a shipment
  void CombinedShipment.encode({ orderList: [{ orderList: [] }] });
}

export function enums(address: Order_Address): void {
  sameType<0>()(Order_AddressType.HOME, true);
  sameType<number>()(address.type, true);
  sameType<"HOME" | "WORK" | undefined>()(enumName(Order_AddressType, address.type), true);
  void Order_Address.encode({ type: "WORK" });
  void Order_Address.encode({ type: Order_AddressType.WORK });
  void Order_Address.encode({ type: 5 });
  // @ts-expect-error there is no such name
  void Order_Address.encode({ type: "OFFICE" });
  // @ts-expect-error numbers are not to be changed
  Order_AddressType.HOME = 1;
}

/** One constant: its type says what handlers and clients are. */
export async function services(): Promise<void> {
  server.add(OrderManagement, {
    addOrder: ({ id }) => ({ value: id }),
    getOrder: async ({ value }) => ({ id: value, addresses: [{ type: "HOME" }] }),
    *searchOrders() {
      yield order;
    },
    async updateOrders(received) {
      for await (const one of received) sameType<Order>()(one, true);
      return {};
    },
  });
  sameType<StringValue>()(await orders.addOrder({ id: "1" }), true);
  for await (const { orderList } of orders.processOrders([{ value: "1" }]))
    sameType<readonly Order[]>()(orderList, true);
  type AddOrder = Handler<OrderManagement["methods"]["addOrder"]>;
  const implementation: Implementation<OrderManagement> = {
    addOrder: ((one) => ({ value: one.id })) satisfies AddOrder,
  };
  server.add(OrderManagement, implementation);
  // @ts-expect-error a unary handler gets an order
  server.add(OrderManagement, { addOrder: (shipment: CombinedShipment) => ({ value: shipment.id }) });
  // @ts-expect-error a unary handler answers with a message
  server.add(OrderManagement, { addOrder: () => "1" });
  // @ts-expect-error the wrapper's field is called value
  server.add(OrderManagement, { addOrder: () => ({ text: "1" }) });
  // @ts-expect-error a client of it has no such method
  void orders.removeOrder;
}
