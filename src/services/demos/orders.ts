/**
 * A client of OrderManagement: one use of each of its five methods, in the order unary, client streaming, server streaming,
 * bidirectional streaming.
 *
 * Laws: every call has a timeout.
 */
import type { Channel, Client } from "../../core.js";
import { type Order, type OrderInit, OrderManagement, Order_AddressType } from "../gen/order.js";
import { quoted } from "../peer-text.js";

export interface OrdersDemoOptions {
  /** The timeout of each call; default 10 s. */
  readonly timeoutMs?: number | undefined;
}

interface Stage {
  readonly orders: Client<OrderManagement>;
  readonly print: (line: string) => void;
  readonly timeoutMs: number;
}

const NEW_ORDERS: readonly OrderInit[] = [
  { id: "101", items: ["iPhone XS", "Mac Book Pro"], destination: "San Jose, CA", price: 2300 },
  { id: "102", items: ["Oppo", "Vivo"], destination: "Tom, Shanghai", price: 1300 },
];

const UPDATES: readonly OrderInit[] = [
  {
    id: "101",
    items: ["Oppo", "samung"],
    description: "A with B",
    price: 2400,
    addresses: [{ address: "Mike, Shanghai", type: Order_AddressType.HOME }],
  },
  {
    id: "102",
    items: ["iPhone XS", "Mac Book Pro"],
    description: "C with D",
    price: 2500,
    addresses: [{ address: "Sam, Beijing", type: Order_AddressType.WORK }],
  },
];

/** Plays the client against whatever listens at the channel's target. @throws StatusError when a call fails. */
export async function ordersDemo(
  channel: Channel,
  print: (line: string) => void,
  options: OrdersDemoOptions = {},
): Promise<void> {
  const stage: Stage = { orders: channel.client(OrderManagement), print, timeoutMs: options.timeoutMs ?? 10_000 };
  await addAndGet(stage);
  await update(stage);
  await search(stage);
  await ship(stage);
}

async function addAndGet({ orders, print, timeoutMs }: Stage): Promise<void> {
  for (const order of NEW_ORDERS) {
    const added = await orders.addOrder(order, { timeoutMs });
    print(`addOrder answered ${quoted(added.value)}`);
    const found = await orders.getOrder({ value: order.id }, { timeoutMs });
    print(`getOrder answered ${described(found)}`);
  }
}

async function update({ orders, print, timeoutMs }: Stage): Promise<void> {
  const updating = orders.updateOrders({ timeoutMs });
  for (const order of UPDATES) await updating.send(order);
  const { value } = await updating.finish();
  print(`updateOrders answered ${quoted(value)}`);
}

async function search({ orders, print, timeoutMs }: Stage): Promise<void> {
  const searching = orders.searchOrders({ value: "iPhone" }, { timeoutMs });
  for await (const order of searching) print(`searchOrders found ${described(order)}`);
}

async function ship({ orders, print, timeoutMs }: Stage): Promise<void> {
  const shipping = orders.processOrders({ timeoutMs });
  const receiveAll = async (): Promise<void> => {
    for await (const { id, status, orderList } of shipping) {
      print(`processOrders sent shipment ${quoted(id)}, ${quoted(status)}:`);
      for (const order of orderList) print(`  ${described(order)}`);
    }
  };
  const sendAll = async (): Promise<void> => {
    for (const { id } of UPDATES) await shipping.send({ value: id });
    shipping.closeSend();
  };
  await Promise.all([receiveAll(), sendAll()]);
}

function described(order: Order): string {
  const facts = [`items ${order.items.map(quoted).join(", ")}`, `price ${order.price}`];
  if (order.description !== "") facts.push(`description ${quoted(order.description)}`);
  if (order.destination !== "") facts.push(`destination ${quoted(order.destination)}`);
  for (const { address, type } of order.addresses) facts.push(`address ${quoted(address)} (${addressTypeName(type)})`);
  return `order ${quoted(order.id)}: ${facts.join("; ")}`;
}

function addressTypeName(type: number): string {
  for (const [name, number] of Object.entries(Order_AddressType)) if (number === type) return name;
  return String(type);
}
