/**
 * The rows in which two processes work for every contender.
 */
import { createDevCertificate } from "../src/cli/dev-certificate.js";
import type { ContenderName } from "./contenders.js";
import { Pairing } from "./pairing.js";
import { resultOf, type RowResult } from "./report.js";
import { printProfiles } from "./profile.js";
import type { Row } from "./rows.js";
import { contendersOf, inTurns, type Settings } from "./settings.js";

export async function measureTurns(row: Row, settings: Settings): Promise<RowResult> {
  const certificate = row.tls === true ? createDevCertificate() : undefined;
  const pairings = new Map<ContenderName, Pairing>();
  try {
    for (const name of contendersOf(row.contenders, settings))
      pairings.set(name, new Pairing(name, row, certificate, settings));
    await Promise.all([...pairings.values()].map((pairing) => pairing.start(certificate)));
    for (const pairing of pairings.values()) await pairing.warmUp();
    return resultOf(
      row,
      await inTurns(row.contenders, settings, (name) => (pairings.get(name) as Pairing).turn(settings.turnMs)),
    );
  } finally {
    await Promise.all([...pairings.values()].map((pairing) => pairing.stop()));
    if (settings.profiles !== undefined) printProfiles(settings.profiles, row.name);
  }
}
