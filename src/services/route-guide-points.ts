/**
 * Points on earth: their range, their key in a Map, which of them a rectangle holds, and the way between two.
 *
 * Source: the route guide's contract; the haversine formula.
 * Laws: a point out of range never gets into a store or a sum; a distance is never NaN.
 */
import { Code, StatusError } from "../core.js";
import type { Point, Rectangle } from "./gen/route_guide.js";

/** Units of a point's coordinates in one degree. */
const UNITS_PER_DEGREE = 1e7;

/** The farthest latitude from the equator: 90 degrees. */
export const MAX_LATITUDE = 90 * UNITS_PER_DEGREE;

/** The farthest longitude from the prime meridian: 180 degrees. */
export const MAX_LONGITUDE = 180 * UNITS_PER_DEGREE;

/** The radius of the earth, in metres. */
const EARTH_RADIUS_METRES = 6_371_000;

/** What is out of range in a point, as the end of a sentence, or `undefined`. */
export function pointFault(point: Point): string | undefined {
  return (
    coordinateFault("latitude", point.latitude, MAX_LATITUDE) ??
    coordinateFault("longitude", point.longitude, MAX_LONGITUDE)
  );
}

function coordinateFault(name: string, value: number, max: number): string | undefined {
  if (value >= -max && value <= max) return undefined;
  return `${name} must be within ±${max} (${max / UNITS_PER_DEGREE} degrees): current value is ${value}`;
}

/**
 * The point of a request, which must be there and in range. `what` names it in the error.
 *
 * @throws StatusError INVALID_ARGUMENT.
 */
export function requirePoint(point: Point | undefined, what: string): Point {
  if (point === undefined) throw new StatusError(Code.INVALID_ARGUMENT, `${what} must be given: it is missing`);
  const fault = pointFault(point);
  if (fault !== undefined) throw new StatusError(Code.INVALID_ARGUMENT, `${what}: ${fault}`);
  return point;
}

/** What a Map keeps things at a point under. */
export function pointKey(point: Point): string {
  return `${point.latitude} ${point.longitude}`;
}

/** The borders of a rectangle, whichever two opposite corners it was given by. */
export interface Borders {
  readonly bottom: number;
  readonly top: number;
  readonly left: number;
  readonly right: number;
}

/** @throws StatusError INVALID_ARGUMENT when a corner is missing or out of range. */
export function rectangleBorders(rectangle: Rectangle): Borders {
  const lo = requirePoint(rectangle.lo, "the rectangle's corner lo");
  const hi = requirePoint(rectangle.hi, "the rectangle's corner hi");
  return {
    bottom: Math.min(lo.latitude, hi.latitude),
    top: Math.max(lo.latitude, hi.latitude),
    left: Math.min(lo.longitude, hi.longitude),
    right: Math.max(lo.longitude, hi.longitude),
  };
}

/** Whether a point is inside; the borders belong to the inside. */
export function isInside(point: Point, { bottom, top, left, right }: Borders): boolean {
  const { latitude, longitude } = point;
  return latitude >= bottom && latitude <= top && longitude >= left && longitude <= right;
}

/** The way from one point to another along the surface, in metres (haversine). */
export function distanceMetres(from: Point, to: Point): number {
  const fromLatitude = radians(from.latitude);
  const toLatitude = radians(to.latitude);
  const a =
    Math.sin((toLatitude - fromLatitude) / 2) ** 2 +
    Math.cos(fromLatitude) * Math.cos(toLatitude) * Math.sin(radians(to.longitude - from.longitude) / 2) ** 2;
  // Rounding takes `a` of two opposite points a little over 1, and the root of 1 - a would be NaN.
  const clamped = Math.min(1, Math.max(0, a));
  return EARTH_RADIUS_METRES * 2 * Math.atan2(Math.sqrt(clamped), Math.sqrt(1 - clamped));
}

function radians(coordinate: number): number {
  return ((coordinate / UNITS_PER_DEGREE) * Math.PI) / 180;
}
