/**
 * Service configs in the DNS: TXT records that hold a list of choices, of which a client takes the first that is meant for it.
 *
 * Spec: gRFC A2.
 * Laws: chance comes in as a number; a record that breaks the rules is an error, which is not the same as none.
 */
import { fieldOf, listIn, maybe, objectIn, refused, textIn, wholeIn, type Field } from "./field-reader.js";
import { parsed } from "./service-config.js";

/** What a choice may ask of a client. */
export interface ClientFacts {
  /** Where this client stands among a hundred: from 0 up to, and not including, 100. The same for the life of a channel. */
  readonly percentile: number;
  readonly hostname: string;
}

const PREFIX = "grpc_config=";
const OF = "the service config of the TXT record";
/** What grpc-js calls itself, and with it every config that was written for clients in Node. */
const LANGUAGE = "node";
const CHOICE = ["clientLanguage", "percentage", "clientHostname", "serviceConfig"];

/** The name under which a host's records are found. */
export function configRecordName(host: string): string {
  return `_grpc_config.${host}`;
}

/**
 * The JSON of the first choice that is for this client, or `undefined` for none. `records` are as `dns.resolveTxt` gives them.
 *
 * @throws TypeError when there is such a record and it cannot be read.
 */
export function chooseServiceConfig(records: readonly (readonly string[])[], client: ClientFacts): unknown {
  const text = records.map((strings) => strings.join("")).find((record) => record.startsWith(PREFIX));
  if (text === undefined) return undefined;
  const choices: Field = { value: parsed(text.slice(PREFIX.length), OF), path: "", of: OF };
  const checked = listIn(choices).map(checkChoice);
  return checked.find((choice) => isFor(choice, client))?.serviceConfig;
}

interface Choice {
  readonly languages: readonly string[];
  readonly percentage: number | undefined;
  readonly hostnames: readonly string[];
  readonly serviceConfig: unknown;
}

/** "Any field that is not known invalidates the choice": it may be a condition that this client does not meet. */
function checkChoice(choice: Field): Choice {
  const unknown = Object.keys(objectIn(choice)).find((name) => !CHOICE.includes(name));
  if (unknown !== undefined)
    throw refused({ ...choice, value: unknown }, `a choice with no fields but ${CHOICE.join(", ")}`);
  const serviceConfig = fieldOf(choice, "serviceConfig");
  objectIn(serviceConfig);
  return {
    languages: maybe(fieldOf(choice, "clientLanguage"), textsIn) ?? [],
    percentage: maybe(fieldOf(choice, "percentage"), (percentage) => wholeIn(percentage, { from: 0, to: 100 })),
    hostnames: maybe(fieldOf(choice, "clientHostname"), textsIn) ?? [],
    serviceConfig: serviceConfig.value,
  };
}

function textsIn(list: Field): readonly string[] {
  return listIn(list).map(textIn);
}

function isFor({ languages, percentage, hostnames }: Choice, client: ClientFacts): boolean {
  return (
    (languages.length === 0 || languages.some((language) => language.toLowerCase() === LANGUAGE)) &&
    (percentage === undefined || client.percentile < percentage) &&
    (hostnames.length === 0 || hostnames.includes(client.hostname))
  );
}
