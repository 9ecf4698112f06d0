/**
 * Made by `barewire generate` from route_guide.proto: changes are lost when it is made again.
 */
import { type GeneratedFile, type MessageType, type Method, type Service, protoFile } from "../../core.js";

/** The text that everything below comes from; parsed when it is first needed. */
export const file_route_guide: GeneratedFile = protoFile("route_guide.proto", [], source);

/**
 * A place on earth, in units of 1/10,000,000 of a degree: latitude within +/-900000000, longitude within +/-1800000000.
 *
 * The message `routeguide.Point`.
 */
export interface Point {
  latitude: number;
  longitude: number;
}

/** What may be given for a {@link Point}. */
export interface PointInit {
  latitude?: number | undefined;
  longitude?: number | undefined;
}

export const Point: MessageType<Point, PointInit> = file_route_guide.message("routeguide.Point");

/**
 * An area between two parallels and two meridians, given by any two opposite corners.
 *
 * The message `routeguide.Rectangle`.
 */
export interface Rectangle {
  /** One corner. */
  lo: Point | undefined;
  /** The corner opposite to it. */
  hi: Point | undefined;
}

/** What may be given for a {@link Rectangle}. */
export interface RectangleInit {
  lo?: PointInit | undefined;
  hi?: PointInit | undefined;
}

export const Rectangle: MessageType<Rectangle, RectangleInit> = file_route_guide.message("routeguide.Rectangle");

/**
 * Something known to be at a point.
 *
 * The message `routeguide.Feature`.
 */
export interface Feature {
  /** What it is called; empty when it has no name. */
  name: string;
  /** Where it is. */
  location: Point | undefined;
}

/** What may be given for a {@link Feature}. */
export interface FeatureInit {
  name?: string | undefined;
  location?: PointInit | undefined;
}

export const Feature: MessageType<Feature, FeatureInit> = file_route_guide.message("routeguide.Feature");

/**
 * A text left at a point.
 *
 * The message `routeguide.RouteNote`.
 */
export interface RouteNote {
  /** Where it is left. */
  location: Point | undefined;
  /** What it says. */
  message: string;
}

/** What may be given for a {@link RouteNote}. */
export interface RouteNoteInit {
  location?: PointInit | undefined;
  message?: string | undefined;
}

export const RouteNote: MessageType<RouteNote, RouteNoteInit> = file_route_guide.message("routeguide.RouteNote");

/**
 * What one recorded route came to.
 *
 * The message `routeguide.RouteSummary`.
 */
export interface RouteSummary {
  /** How many points were sent. */
  pointCount: number;
  /** How many of them were the place of a known feature. */
  featureCount: number;
  /** The length of the way from point to point, in metres. */
  distance: number;
  /** The time from the start of the call to its end, when the client has said that no more points come, in seconds. */
  elapsedTime: number;
}

/** What may be given for a {@link RouteSummary}. */
export interface RouteSummaryInit {
  pointCount?: number | undefined;
  featureCount?: number | undefined;
  distance?: number | undefined;
  elapsedTime?: number | undefined;
}

export const RouteSummary: MessageType<RouteSummary, RouteSummaryInit> =
  file_route_guide.message("routeguide.RouteSummary");

/**
 * Tells a traveller what is where. One method of each of the four kinds.
 *
 * The service `routeguide.RouteGuide`.
 */
export type RouteGuide = Service<{
  /**
   * Unary: what is at this point. Where nothing is known, the answer has an empty name and the point that was asked for.
   */
  getFeature: Method<"unary", Point, PointInit, Feature, FeatureInit>;
  /** Server streaming: everything known inside a rectangle, borders included, one feature a message. */
  listFeatures: Method<"serverStreaming", Rectangle, RectangleInit, Feature, FeatureInit>;
  /** Client streaming: takes the points of a route while it is travelled and sums it up when the last one is there. */
  recordRoute: Method<"clientStreaming", Point, PointInit, RouteSummary, RouteSummaryInit>;
  /** Bidirectional streaming: leaves notes at points, and answers each with all the notes left at its point so far. */
  routeChat: Method<"bidiStreaming", RouteNote, RouteNoteInit, RouteNote, RouteNoteInit>;
}>;

export const RouteGuide: RouteGuide = file_route_guide.service("routeguide.RouteGuide", {
  getFeature: { kind: "unary", name: "GetFeature", request: Point, response: Feature },
  listFeatures: { kind: "serverStreaming", name: "ListFeatures", request: Rectangle, response: Feature },
  recordRoute: { kind: "clientStreaming", name: "RecordRoute", request: Point, response: RouteSummary },
  routeChat: { kind: "bidiStreaming", name: "RouteChat", request: RouteNote, response: RouteNote },
});

function source(): string {
  return `syntax = "proto3";

option java_multiple_files = true;
option java_package = "io.grpc.examples.routeguide";
option java_outer_classname = "RouteGuideProto";
option objc_class_prefix = "RTG";

package routeguide;

// Tells a traveller what is where. One method of each of the four kinds.
service RouteGuide {
  // Unary: what is at this point. Where nothing is known, the answer has an empty name and the point that was asked for.
  rpc GetFeature(Point) returns (Feature) {}

  // Server streaming: everything known inside a rectangle, borders included, one feature a message.
  rpc ListFeatures(Rectangle) returns (stream Feature) {}

  // Client streaming: takes the points of a route while it is travelled and sums it up when the last one is there.
  rpc RecordRoute(stream Point) returns (RouteSummary) {}

  // Bidirectional streaming: leaves notes at points, and answers each with all the notes left at its point so far.
  rpc RouteChat(stream RouteNote) returns (stream RouteNote) {}
}

// A place on earth, in units of 1/10,000,000 of a degree: latitude within +/-900000000, longitude within +/-1800000000.
message Point {
  int32 latitude = 1;
  int32 longitude = 2;
}

// An area between two parallels and two meridians, given by any two opposite corners.
message Rectangle {
  // One corner.
  Point lo = 1;

  // The corner opposite to it.
  Point hi = 2;
}

// Something known to be at a point.
message Feature {
  // What it is called; empty when it has no name.
  string name = 1;

  // Where it is.
  Point location = 2;
}

// A text left at a point.
message RouteNote {
  // Where it is left.
  Point location = 1;

  // What it says.
  string message = 2;
}

// What one recorded route came to.
message RouteSummary {
  // How many points were sent.
  int32 point_count = 1;

  // How many of them were the place of a known feature.
  int32 feature_count = 2;

  // The length of the way from point to point, in metres.
  int32 distance = 3;

  // The time from the start of the call to its end, when the client has said that no more points come, in seconds.
  int32 elapsed_time = 4;
}
`;
}
