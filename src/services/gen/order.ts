/**
 * The messages, the enum and the service of `order`: orders, and the shipments they travel in.
 *
 * Source: proto/order.proto, whose text is in {@link files}; a test holds the two equal.
 * Laws: `X` is what is received, every field present; `XInit` is what may be given, every field optional.
 */
import { loadProto, type MessageType, type Method, type Service } from "../../core.js";

/** The `.proto` text that everything below comes from, by file name. */
export const files = {
  "order.proto": `syntax = "proto3";

package order;

option go_package = "order/";
option java_multiple_files = true;

import "google/protobuf/wrappers.proto";
import "google/protobuf/timestamp.proto";

// What a customer bought, and where it goes.
message Order {
  // Names the order; never empty in the store.
  string id = 1;
  // What was bought, one name each.
  repeated string items = 2;
  string description = 3;
  float price = 4;
  // Where it goes when no address below says so.
  string destination = 5;

  // What kind of place an address is.
  enum AddressType {
    HOME = 0;
    WORK = 1;
  }

  // One place the order may go to.
  message Address {
    string address = 1;
    AddressType type = 2;
  }

  // Where it goes: the first one that is not empty counts.
  repeated Address addresses = 6;

  google.protobuf.Timestamp last_updated = 7;
}

// The orders that travel together because they go to one address.
message CombinedShipment {
  string id = 1;
  string status = 2;
  repeated Order orderList = 3;
}

// Keeps orders and ships them. One method of each of the four kinds, and a second unary one.
service OrderManagement {
  // Unary: stores an order, in place of the one that had its id.
  rpc addOrder(Order) returns (google.protobuf.StringValue);
  // Unary: the order with this id.
  rpc getOrder(google.protobuf.StringValue) returns (Order);
  // Server streaming: the orders that have an item with this text in its name.
  rpc searchOrders(google.protobuf.StringValue) returns (stream Order);
  // Client streaming: stores orders and answers with the list of their ids.
  rpc updateOrders(stream Order) returns (google.protobuf.StringValue);
  // Bidirectional streaming: takes ids of orders and sends them off in batches, combined by address.
  rpc processOrders(stream google.protobuf.StringValue)
      returns (stream CombinedShipment);
}
`,
} as const;

const schema = loadProto(files);

/** order.Order.AddressType: what kind of place an address is. A received number need not be one of these. */
export const Order_AddressType = { HOME: 0, WORK: 1 } as const;

export type Order_AddressType = number;

/** order.Order.Address: one place an order may go to. */
export interface Order_Address {
  address: string;
  type: Order_AddressType;
}

export interface Order_AddressInit {
  address?: string | undefined;
  type?: Order_AddressType | keyof typeof Order_AddressType | undefined;
}

export const Order_Address: MessageType<Order_Address, Order_AddressInit> = schema.message<
  Order_Address,
  Order_AddressInit
>("order.Order.Address");

/** google.protobuf.Timestamp: a point in time, as seconds since 1970 and nanoseconds. */
export interface Timestamp {
  seconds: bigint;
  nanos: number;
}

export interface TimestampInit {
  seconds?: bigint | number | undefined;
  nanos?: number | undefined;
}

export const Timestamp: MessageType<Timestamp, TimestampInit> = schema.message<Timestamp, TimestampInit>(
  "google.protobuf.Timestamp",
);

/** google.protobuf.StringValue: one text. */
export interface StringValue {
  value: string;
}

export interface StringValueInit {
  value?: string | undefined;
}

export const StringValue: MessageType<StringValue, StringValueInit> = schema.message<StringValue, StringValueInit>(
  "google.protobuf.StringValue",
);

/** order.Order: what a customer bought, and where it goes. */
export interface Order {
  /** Names the order; never empty in the store. */
  id: string;
  /** What was bought, one name each. */
  items: readonly string[];
  description: string;
  price: number;
  /** Where it goes when no address below says so. */
  destination: string;
  /** Where it goes: the first one that is not empty counts. */
  addresses: readonly Order_Address[];
  lastUpdated: Timestamp | undefined;
}

export interface OrderInit {
  id?: string | undefined;
  items?: readonly string[] | undefined;
  description?: string | undefined;
  price?: number | undefined;
  destination?: string | undefined;
  addresses?: readonly Order_AddressInit[] | undefined;
  lastUpdated?: TimestampInit | undefined;
}

export const Order: MessageType<Order, OrderInit> = schema.message<Order, OrderInit>("order.Order");

/** order.CombinedShipment: the orders that travel together because they go to one address. */
export interface CombinedShipment {
  id: string;
  status: string;
  orderList: readonly Order[];
}

export interface CombinedShipmentInit {
  id?: string | undefined;
  status?: string | undefined;
  orderList?: readonly OrderInit[] | undefined;
}

export const CombinedShipment: MessageType<CombinedShipment, CombinedShipmentInit> = schema.message<
  CombinedShipment,
  CombinedShipmentInit
>("order.CombinedShipment");

/** order.OrderManagement: keeps orders and ships them. */
export type OrderManagement = Service<{
  /** Unary: stores an order, in place of the one that had its id. */
  addOrder: Method<"unary", Order, OrderInit, StringValue, StringValueInit>;
  /** Unary: the order with this id. */
  getOrder: Method<"unary", StringValue, StringValueInit, Order, OrderInit>;
  /** Server streaming: the orders that have an item with this text in its name. */
  searchOrders: Method<"serverStreaming", StringValue, StringValueInit, Order, OrderInit>;
  /** Client streaming: stores orders and answers with the list of their ids. */
  updateOrders: Method<"clientStreaming", Order, OrderInit, StringValue, StringValueInit>;
  /** Bidirectional streaming: takes ids of orders and sends them off in batches, combined by address. */
  processOrders: Method<"bidiStreaming", StringValue, StringValueInit, CombinedShipment, CombinedShipmentInit>;
}>;

export const OrderManagement: OrderManagement = schema.service<OrderManagement>("order.OrderManagement");
