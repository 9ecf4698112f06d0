/**
 * `order.OrderManagement` on @grpc/grpc-js, as simple as the documented calls allow.
 */
import { status } from "@grpc/grpc-js";
import { type GrpcJsBehaviour, GrpcJsError, type GrpcJsMessage } from "./grpc-js-peer.js";

interface Order extends GrpcJsMessage {
  readonly id: string;
  readonly items?: readonly string[];
  readonly addresses?: readonly { readonly address: string }[];
}

/** The handlers, with a store of their own. */
export function grpcJsOrders(): Record<string, GrpcJsBehaviour> {
  const orders = new Map<string, Order>();
  const find = ({ value }: GrpcJsMessage): Order => {
    const order = orders.get(String(value));
    if (order === undefined) throw new GrpcJsError(status.NOT_FOUND, `no order ${String(value)}`);
    return order;
  };
  return {
    async *addOrder(requests) {
      for await (const order of requests as AsyncIterable<Order>) {
        orders.set(order.id, order);
        yield { value: `Order Added: ${order.id}` };
      }
    },
    async *getOrder(requests) {
      for await (const id of requests) yield find(id);
    },
    async *searchOrders(requests) {
      for await (const { value } of requests) {
        yield* [...orders.values()].filter(({ items }) => items?.some((item) => item.includes(String(value))));
      }
    },
    async *updateOrders(requests) {
      let ids = "";
      for await (const order of requests as AsyncIterable<Order>) {
        orders.set(order.id, order);
        ids += `${order.id}, `;
      }
      yield { value: `Orders processed Updated Order IDs : ${ids}` };
    },
    async *processOrders(requests) {
      const shipments = new Map<string, Order[]>();
      for await (const id of requests) {
        const order = find(id);
        const address = order.addresses?.[0]?.address ?? "";
        shipments.set(address, [...(shipments.get(address) ?? []), order]);
      }
      for (const [address, orderList] of shipments) yield { id: `cmb - ${address}`, status: "Processed!", orderList };
    },
  };
}
