/** Services, messages and enums of a schema by name. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Method, Service } from "../../../src/codec/method.js";
import { loadProto } from "../../../src/codec/proto/load.js";

const guideText = `syntax = "proto3"; package routeguide;
service RouteGuide {
  rpc GetFeature(Point) returns (Feature) {}
  rpc ListFeatures(Rectangle) returns (stream Feature) {}
  rpc RecordRoute(stream Point) returns (RouteSummary) {}
  rpc RouteChat(stream RouteNote) returns (stream RouteNote) {}
}
message Point { int32 latitude = 1; int32 longitude = 2; }
message Rectangle { Point lo = 1; Point hi = 2; }
message Feature { string name = 1; Point location = 2; }
message RouteNote { Point location = 1; string message = 2; }
message RouteSummary { int32 point_count = 1; }
`;
const guide = loadProto({ "route_guide.proto": guideText });

test("Schema.service describes the four kinds by local name", () => {
  const service = guide.service("routeguide.RouteGuide");
  assert.equal(service.typeName, "routeguide.RouteGuide");
  assert.deepEqual(
    Object.entries(service.methods).map(([key, method]) => [
      key,
      method.localName,
      method.name,
      method.kind,
      method.path,
    ]),
    [
      ["getFeature", "getFeature", "GetFeature", "unary", "/routeguide.RouteGuide/GetFeature"],
      ["listFeatures", "listFeatures", "ListFeatures", "serverStreaming", "/routeguide.RouteGuide/ListFeatures"],
      ["recordRoute", "recordRoute", "RecordRoute", "clientStreaming", "/routeguide.RouteGuide/RecordRoute"],
      ["routeChat", "routeChat", "RouteChat", "bidiStreaming", "/routeguide.RouteGuide/RouteChat"],
    ],
  );
  assert.equal(service.methods["getFeature"]?.request, guide.message("routeguide.Point"));
  assert.equal(service.methods["getFeature"]?.response, guide.message("routeguide.Feature"));
});

test("Schema.service gives the same frozen object every time", () => {
  const service = guide.service("routeguide.RouteGuide");
  assert.equal(guide.service("routeguide.RouteGuide"), service);
  assert.deepEqual(guide.services, [service]);
  assert.ok(Object.isFrozen(service) && Object.isFrozen(service.methods));
});

test("Schema.service and Schema.message can be typed by generated code", () => {
  interface Point {
    latitude: number;
    longitude: number;
  }
  type RouteGuide = Service<{ getFeature: Method<"unary", Point, Partial<Point>, { name: string }> }>;
  const service = guide.service<RouteGuide>("routeguide.RouteGuide");
  const bytes = service.methods.getFeature.request.encode({ latitude: 1 });
  const point: Point = guide.message<Point, Partial<Point>>("routeguide.Point").decode(bytes);
  assert.deepStrictEqual(point, { latitude: 1, longitude: 0 });
});

test("Schema: a wrong name is an error that names the nearest one", () => {
  assert.throws(
    () => guide.service("routeguide.RouteGiude"),
    /no service "routeguide\.RouteGiude"; did you mean "routeguide\.RouteGuide"\?/,
  );
  assert.throws(() => guide.message("Point"), /no message "Point"; did you mean "routeguide\.Point"\?/);
  assert.throws(() => guide.enum("routeguide.Kind"), /no enum "routeguide\.Kind"; it has no enums at all/);
  assert.throws(() => guide.message("routeguide.RouteGuide"), /no message/);
  for (const name of ["__proto__", "constructor", "toString", ""])
    assert.throws(() => guide.message(name), /no message/);
});

test("Schema lists its names, nested ones included", () => {
  const own = loadProto({
    "a.proto": `syntax = "proto3"; package a.b; message Outer { message Inner { enum Kind { NONE = 0; } } } service S {} enum E { Z = 0; }`,
  });
  assert.deepEqual(own.messageNames, ["a.b.Outer", "a.b.Outer.Inner"]);
  assert.deepEqual(own.enumNames.toSorted(), ["a.b.E", "a.b.Outer.Inner.Kind"]);
  assert.deepEqual(own.serviceNames, ["a.b.S"]);
  assert.equal(own.enum("a.b.E").numberOf("Z"), 0);
});

test("Schema.service: two methods of one local name are an error of this service alone", () => {
  const own = loadProto({
    "a.proto": `syntax = "proto3"; message M {} service Two { rpc Get(M) returns (M); rpc get(M) returns (M); } service One { rpc Get(M) returns (M); }`,
  });
  assert.throws(() => own.service("Two"), /Cannot use service Two as its methods Get and get both become get/);
  assert.equal(own.service("One").methods["get"]?.path, "/One/Get");
});

test("Schema: methods called like what every object has, or like `then`, get another local name", () => {
  const own = loadProto({
    "a.proto": `syntax = "proto3"; message M {} service S {
      rpc Constructor(M) returns (M); rpc ToString(M) returns (stream M); rpc Then(M) returns (M); rpc __proto__(M) returns (M); }`,
  });
  const { methods } = own.service("S");
  assert.deepEqual(
    Object.values(methods).map(({ name, localName, path }) => [name, localName, path]),
    [
      ["Constructor", "constructor_", "/S/Constructor"],
      ["ToString", "toString_", "/S/ToString"],
      ["Then", "then_", "/S/Then"],
      ["__proto__", "__proto___", "/S/__proto__"],
    ],
  );
  assert.deepEqual(Object.keys(methods), ["constructor_", "toString_", "then_", "__proto___"]);
});

test("Schema: well-known types are ordinary messages", () => {
  const own = loadProto({
    "a.proto": `syntax = "proto3"; import "google/protobuf/wrappers.proto"; import "google/protobuf/empty.proto";
      service S { rpc Get(google.protobuf.StringValue) returns (google.protobuf.Empty); }`,
  });
  const { request, response } = own.service("S").methods["get"] as Method;
  assert.deepStrictEqual(request.decode(request.encode({ value: "x" })), { value: "x" });
  assert.deepStrictEqual(response.decode(response.encode({})), {});
});
