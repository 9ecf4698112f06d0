/**
 * How long the bench takes, and the order of its turns.
 */
import { CONTENDERS, OURS, type ContenderName } from "./contenders.js";

export interface Settings {
  readonly isQuick: boolean;
  readonly rounds: number;
  readonly turnMs: number;
  readonly warmMs: number;
  /** Who is compared with; `undefined` for all of a row. */
  readonly against: readonly string[] | undefined;
  /** The program of grpc-go, where there is one. */
  readonly grpcGo: string | undefined;
  /** The folder for CPU profiles of barewire's processes. */
  readonly profiles: string | undefined;
}

/** Those of a row that are asked for; those of one row alone always are. */
export function contendersOf(names: readonly ContenderName[], { against }: Settings): ContenderName[] {
  const canBeLeftOut = (name: ContenderName): boolean => name !== OURS && CONTENDERS.includes(name);
  return names.filter((name) => !canBeLeftOut(name) || against === undefined || against.includes(name));
}

/** Has every contender take its turn in every round; who is first changes from round to round. */
export async function inTurns<T>(
  names: readonly ContenderName[],
  settings: Settings,
  turn: (name: ContenderName) => Promise<T>,
): Promise<Map<ContenderName, T[]>> {
  const chosen = contendersOf(names, settings);
  const all = new Map<ContenderName, T[]>(chosen.map((name) => [name, []]));
  for (let round = 0; round < settings.rounds; round++) {
    const first = round % chosen.length;
    for (const name of [...chosen.slice(first), ...chosen.slice(0, first)]) all.get(name)?.push(await turn(name));
  }
  return all;
}
