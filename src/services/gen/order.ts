/**
 * Made by `barewire generate` from order.proto: changes are lost when it is made again.
 */
import {
  type GeneratedFile,
  type MessageType,
  type Method,
  type Service,
  StringValue,
  type StringValueInit,
  type Timestamp,
  type TimestampInit,
  protoFile,
} from "../../core.js";

/** The text that everything below comes from; parsed when it is first needed. */
export const file_order: GeneratedFile = protoFile("order.proto", [], source);

/**
 * What kind of place an address is.
 *
 * The enum `order.Order.AddressType`. A received number need not be one of these.
 */
export const Order_AddressType = {
  HOME: 0,
  WORK: 1,
} as const;

export type Order_AddressType = number;

/**
 * One place the order may go to.
 *
 * The message `order.Order.Address`.
 */
export interface Order_Address {
  address: string;
  type: Order_AddressType;
}

/** What may be given for a {@link Order_Address}. */
export interface Order_AddressInit {
  address?: string | undefined;
  type?: Order_AddressType | keyof typeof Order_AddressType | undefined;
}

export const Order_Address: MessageType<Order_Address, Order_AddressInit> = file_order.message("order.Order.Address");

/**
 * What a customer bought, and where it goes.
 *
 * The message `order.Order`.
 */
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

/** What may be given for a {@link Order}. */
export interface OrderInit {
  id?: string | undefined;
  items?: readonly string[] | undefined;
  description?: string | undefined;
  price?: number | undefined;
  destination?: string | undefined;
  addresses?: readonly Order_AddressInit[] | undefined;
  lastUpdated?: TimestampInit | undefined;
}

export const Order: MessageType<Order, OrderInit> = file_order.message("order.Order");

/**
 * The orders that travel together because they go to one address.
 *
 * The message `order.CombinedShipment`.
 */
export interface CombinedShipment {
  id: string;
  status: string;
  orderList: readonly Order[];
}

/** What may be given for a {@link CombinedShipment}. */
export interface CombinedShipmentInit {
  id?: string | undefined;
  status?: string | undefined;
  orderList?: readonly OrderInit[] | undefined;
}

export const CombinedShipment: MessageType<CombinedShipment, CombinedShipmentInit> =
  file_order.message("order.CombinedShipment");

/**
 * Keeps orders and ships them. One method of each of the four kinds, and a second unary one.
 *
 * The service `order.OrderManagement`.
 */
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

export const OrderManagement: OrderManagement = file_order.service("order.OrderManagement", {
  addOrder: { kind: "unary", name: "addOrder", request: Order, response: StringValue },
  getOrder: { kind: "unary", name: "getOrder", request: StringValue, response: Order },
  searchOrders: { kind: "serverStreaming", name: "searchOrders", request: StringValue, response: Order },
  updateOrders: { kind: "clientStreaming", name: "updateOrders", request: Order, response: StringValue },
  processOrders: { kind: "bidiStreaming", name: "processOrders", request: StringValue, response: CombinedShipment },
});

function source(): string {
  return `syntax = "proto3";

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
`;
}
