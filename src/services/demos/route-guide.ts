/**
 * Two clients of RouteGuide: one drives its streams by hand, as Go's does (`send`, `receive`, `closeSend`, `finish`), the
 * other gives and takes iterables, as Python's does.
 *
 * Laws: every call has a timeout; the random route comes from `options.random`, so that a test can repeat it.
 */
import type { Channel, Client } from "../../core.js";
import { type Feature, type Point, type PointInit, RouteGuide, type RouteNoteInit } from "../gen/route_guide.js";
import { quoted } from "../peer-text.js";
import { features } from "../route-guide-features.js";

export interface RouteGuideDemoOptions {
  /** Which of the two clients to play; default `"go"`. */
  readonly client?: "go" | "python" | undefined;
  /** The timeout of each call; default 10 s. */
  readonly timeoutMs?: number | undefined;
  /** Gives numbers from 0 up to 1; default `Math.random`. */
  readonly random?: (() => number) | undefined;
}

interface Stage {
  readonly guide: Client<RouteGuide>;
  readonly print: (line: string) => void;
  readonly timeoutMs: number;
  /** A whole number from 0 up to `below`. */
  readonly pick: (below: number) => number;
}

const KNOWN_POINT: PointInit = { latitude: 409146138, longitude: -746188906 };
const UNKNOWN_POINT: PointInit = { latitude: 0, longitude: 0 };
const AREA = {
  lo: { latitude: 400000000, longitude: -750000000 },
  hi: { latitude: 420000000, longitude: -730000000 },
};

/** Plays a client against whatever listens at the channel's target. @throws StatusError when a call fails. */
export async function routeGuideDemo(
  channel: Channel,
  print: (line: string) => void,
  options: RouteGuideDemoOptions = {},
): Promise<void> {
  const random = options.random ?? Math.random;
  const stage: Stage = {
    guide: channel.client(RouteGuide),
    print,
    timeoutMs: options.timeoutMs ?? 10_000,
    pick: (below) => Math.floor(random() * below),
  };
  await (options.client === "python" ? playPython(stage) : playGo(stage));
}

async function playGo(stage: Stage): Promise<void> {
  await printFeature(stage, KNOWN_POINT);
  await printFeature(stage, UNKNOWN_POINT);
  await printFeaturesOneByOne(stage);
  await recordRandomRoute(stage);
  await chatByHand(stage);
}

async function playPython(stage: Stage): Promise<void> {
  stage.print("GetFeature:");
  await printFeature(stage, KNOWN_POINT);
  await printFeature(stage, UNKNOWN_POINT);
  stage.print("ListFeatures:");
  await printFeaturesIterated(stage);
  stage.print("RecordRoute:");
  await revisitFeatures(stage);
  stage.print("RouteChat:");
  await chatWithIterables(stage);
}

async function printFeature({ guide, print, timeoutMs }: Stage, point: PointInit): Promise<void> {
  print(`asking for the feature at ${at(point)}`);
  const feature = await guide.getFeature(point, { timeoutMs });
  if (feature.location === undefined) print("  the answer has no location");
  else if (feature.name === "") print(`  nothing known at ${at(feature.location)}`);
  else print(`  ${described(feature)}`);
}

async function printFeaturesOneByOne({ guide, print, timeoutMs }: Stage): Promise<void> {
  print(`listing the features from ${at(AREA.lo)} to ${at(AREA.hi)}`);
  const listing = guide.listFeatures(AREA, { timeoutMs });
  let feature: Feature | undefined;
  while ((feature = await listing.receive()) !== undefined) print(`  ${described(feature)}`);
}

async function printFeaturesIterated({ guide, print, timeoutMs }: Stage): Promise<void> {
  print(`listing the features from ${at(AREA.lo)} to ${at(AREA.hi)}`);
  for await (const feature of guide.listFeatures(AREA, { timeoutMs })) print(`  ${described(feature)}`);
}

/** A route of 2 to 101 points, anywhere on earth. */
async function recordRandomRoute({ guide, print, timeoutMs, pick }: Stage): Promise<void> {
  const points = Array.from({ length: pick(100) + 2 }, () => ({
    latitude: (pick(180) - 90) * 1e7,
    longitude: (pick(360) - 180) * 1e7,
  }));
  print(`travelling a route of ${points.length} points`);
  const route = guide.recordRoute({ timeoutMs });
  for (const point of points) await route.send(point);
  const { pointCount, featureCount, distance, elapsedTime } = await route.finish();
  print(`  ${pointCount} points, ${featureCount} features, ${distance} metres, ${elapsedTime} seconds`);
}

/** Ten visits to places of the bundled list. */
async function revisitFeatures({ guide, print, timeoutMs, pick }: Stage): Promise<void> {
  function* visits(): Generator<PointInit> {
    for (let visit = 0; visit < 10; visit++) {
      const point = features[pick(features.length)]?.location ?? UNKNOWN_POINT;
      print(`  visiting ${at(point)}`);
      yield point;
    }
  }
  const summary = await guide.recordRoute(visits(), { timeoutMs });
  print(`  finished a route of ${summary.pointCount} points`);
  print(`  passed ${summary.featureCount} features`);
  print(`  travelled ${summary.distance} metres`);
  print(`  took ${summary.elapsedTime} seconds`);
}

const SIX_NOTES: readonly RouteNoteInit[] = [
  { location: { latitude: 0, longitude: 1 }, message: "First message" },
  { location: { latitude: 0, longitude: 2 }, message: "Second message" },
  { location: { latitude: 0, longitude: 3 }, message: "Third message" },
  { location: { latitude: 0, longitude: 1 }, message: "Fourth message" },
  { location: { latitude: 0, longitude: 2 }, message: "Fifth message" },
  { location: { latitude: 0, longitude: 3 }, message: "Sixth message" },
];

/** Receives while it sends: the two directions of a call do not wait for each other. */
async function chatByHand({ guide, print, timeoutMs }: Stage): Promise<void> {
  print(`leaving ${SIX_NOTES.length} notes`);
  const chat = guide.routeChat({ timeoutMs });
  const receiveAll = async (): Promise<void> => {
    for (let note = await chat.receive(); note !== undefined; note = await chat.receive()) {
      print(`  got ${quoted(note.message)} at ${at(note.location)}`);
    }
  };
  const sendAll = async (): Promise<void> => {
    for (const note of SIX_NOTES) await chat.send(note);
    chat.closeSend();
  };
  await Promise.all([receiveAll(), sendAll()]);
}

const FIVE_NOTES: readonly RouteNoteInit[] = [
  { location: { latitude: 0, longitude: 0 }, message: "First message" },
  { location: { latitude: 0, longitude: 1 }, message: "Second message" },
  { location: { latitude: 1, longitude: 0 }, message: "Third message" },
  { location: { latitude: 0, longitude: 0 }, message: "Fourth message" },
  { location: { latitude: 1, longitude: 0 }, message: "Fifth message" },
];

async function chatWithIterables({ guide, print, timeoutMs }: Stage): Promise<void> {
  function* notes(): Generator<RouteNoteInit> {
    for (const note of FIVE_NOTES) {
      print(`  sending ${quoted(note.message ?? "")} at ${at(note.location)}`);
      yield note;
    }
  }
  for await (const note of guide.routeChat(notes(), { timeoutMs })) {
    print(`  received ${quoted(note.message)} at ${at(note.location)}`);
  }
}

function described(feature: Feature): string {
  return `${feature.name === "" ? "unnamed" : quoted(feature.name)} at ${at(feature.location)}`;
}

function at(point: Point | PointInit | undefined): string {
  return `(${point?.latitude ?? 0}, ${point?.longitude ?? 0})`;
}
