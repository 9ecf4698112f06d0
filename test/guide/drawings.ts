/** Drawings of the tables in the code, in Mermaid's language: states and the ways between them, floors and what stands on what. */
import { CLIENT_ROOMS, FLOORS, type Floor, type Room } from "../support/floors.js";

/** A state machine: each state, and the ones it may go to. The first one is where it begins. */
export function drawStates(transitions: Readonly<Record<string, readonly string[]>>): string {
  const [first = ""] = Object.keys(transitions);
  const ways = Object.entries(transitions).flatMap(([from, next]) =>
    next.length === 0 ? [`  ${from} --> [*]`] : next.map((to) => `  ${from} --> ${to}`),
  );
  return ["stateDiagram-v2", `  [*] --> ${first}`, ...ways].join("\n");
}

/** The floors, each above those that it imports from. What is reached by way of another floor has no arrow of its own. */
export function drawFloors(floors: readonly Floor[] = FLOORS): string {
  const inside = new Map(floors.map(({ floor }) => [floor, houseOf(floor, floors)]));
  const houses = [...new Set(inside.values())];
  const below = new Map(houses.map((house) => [house, belowHouse(house, inside, floors)]));
  const nodes = houses.map((house, at) => {
    const rooms = [...inside].filter(([floor, of]) => of === house && floor !== house);
    const names = rooms.map(([floor]) => floor.slice(house.length));
    return `  f${at}["${[house, ...names].join("<br/>")}"]`;
  });
  const arrows = houses.flatMap((house, at) =>
    direct(house, below).map((other) => `  f${at} --> f${houses.indexOf(other)}`),
  );
  return ["flowchart TD", ...nodes, ...arrows].join("\n");
}

/** The rooms of the client, one above the other. Each may know all of those below. */
export function drawRooms(rooms: readonly Room[] = CLIENT_ROOMS): string {
  const fromAbove = rooms.toReversed();
  const nodes = fromAbove.map(({ is }, at) => `  r${at}["${is}"]`);
  const arrows = fromAbove.slice(1).map((_room, at) => `  r${at} --> r${at + 1}`);
  return ["flowchart TD", ...nodes, ...arrows].join("\n");
}

/** A floor within another one that each other may know are one house. */
function houseOf(floor: string, floors: readonly Floor[]): string {
  const around = floors.find((one) => one.floor !== floor && floor.startsWith(one.floor));
  return around !== undefined && mayKnow(around.floor, floor, floors) && mayKnow(floor, around.floor, floors)
    ? around.floor
    : floor;
}

function belowHouse(house: string, inside: ReadonlyMap<string, string>, floors: readonly Floor[]): string[] {
  const known = [...inside].filter(([floor]) => mayKnow(house, floor, floors)).map(([, of]) => of);
  return [...new Set(known)].filter((other) => other !== house);
}

/** `src/transport/*` is the folder's own files, which stand on the floor of the folder; a file is on a floor as well. */
function mayKnow(floor: string, other: string, floors: readonly Floor[]): boolean {
  const { imports = [] } = floors.find((one) => one.floor === floor) ?? {};
  return imports.some((place) => {
    if (place.endsWith("/*")) return other === place.slice(0, -1);
    return other.startsWith(place) || floorOf(place, floors) === other;
  });
}

function floorOf(place: string, floors: readonly Floor[]): string | undefined {
  const holding = floors.map(({ floor }) => floor).filter((floor) => place.startsWith(floor));
  return holding.toSorted((a, b) => b.length - a.length)[0];
}

function direct(house: string, below: ReadonlyMap<string, readonly string[]>): string[] {
  const others = below.get(house) ?? [];
  return others.filter((other) => !others.some((between) => between !== other && reaches(between, other, below)));
}

function reaches(from: string, to: string, below: ReadonlyMap<string, readonly string[]>): boolean {
  const next = below.get(from) ?? [];
  return next.some((one) => one === to || (one !== from && reaches(one, to, below)));
}
