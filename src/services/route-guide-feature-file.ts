/**
 * The feature file: a JSON array of `{"location": {"latitude", "longitude"}, "name"}`, coordinates in units of
 * 1/10,000,000 of a degree.
 *
 * Laws: a bad file is refused as a whole, with the file, the index of the feature and the reason.
 */
import type { Feature, Point } from "./gen/route_guide.js";
import { quoted } from "./peer-text.js";
import { pointFault } from "./route-guide-points.js";

/**
 * The features of a feature file's text. `file` is its name, for errors.
 *
 * @throws Error when the text is not such a file.
 */
export function parseFeatureFile(text: string, file: string): Feature[] {
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    const reason = error instanceof Error ? error.message.replaceAll(/\s+/g, " ") : String(error);
    throw new Error(`Cannot use ${file} as it must be JSON: ${reason}`, { cause: error });
  }
  return checkFeatures(value, file);
}

/**
 * The features in a list of unknown origin; a missing name becomes the empty one. `source` names the list in errors.
 *
 * @throws Error when it is not a list, or one of them is not a feature.
 */
export function checkFeatures(value: unknown, source: string): Feature[] {
  if (!Array.isArray(value)) {
    throw new Error(`Cannot use ${source} as it must be a list of features: current value is ${shown(value)}`);
  }
  return value.map((feature: unknown, index) => {
    const fault = (reason: string): Error => new Error(`Cannot use ${source} as feature ${index} is wrong: ${reason}`);
    if (!isObject(feature)) throw fault(`it must be an object: current value is ${shown(feature)}`);
    const { name = "", location } = feature;
    if (typeof name !== "string") throw fault(`name must be a string: current value is ${shown(name)}`);
    if (!isObject(location)) throw fault(`location must be an object: current value is ${shown(location)}`);
    const point: Point = {
      latitude: coordinate(location, "latitude", fault),
      longitude: coordinate(location, "longitude", fault),
    };
    const outside = pointFault(point);
    if (outside !== undefined) throw fault(`location.${outside}`);
    return { name, location: point };
  });
}

function coordinate(
  location: Record<string, unknown>,
  name: "latitude" | "longitude",
  fault: (reason: string) => Error,
): number {
  const value = location[name];
  if (typeof value === "number" && Number.isInteger(value)) return value;
  throw fault(`location.${name} must be a whole number: current value is ${shown(value)}`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function shown(value: unknown): string {
  if (value === undefined) return "missing";
  if (typeof value === "string") return quoted(value);
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" && value !== null ? "an object" : JSON.stringify(value);
}
