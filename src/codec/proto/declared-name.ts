/**
 * Names that may be a stranger's, checked before anything is made of them.
 *
 * Spec: protobuf.dev, "Language Specification", "Identifiers".
 */

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const FULL_NAME = /^\.?[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*$/;
const MAX_NAME_CHARS = 1000;

/** A name behind what it is declared in. */
export function within(scope: string, name: string): string {
  return scope === "" ? name : `${scope}.${name}`;
}

/** @throws Error when it is no name. */
export function checkName(name: string | undefined): string {
  if (name !== undefined && name.length <= MAX_NAME_CHARS && NAME.test(name)) return name;
  throw new Error(`a name must be letters, digits and underscores: current value is ${shown(name)}`);
}

/** The same for names with dots in them, and perhaps one in front. */
export function checkFullName(name: string | undefined): string {
  if (name !== undefined && name.length <= MAX_NAME_CHARS && FULL_NAME.test(name)) return name;
  throw new Error(`a name must be letters, digits, underscores and dots: current value is ${shown(name)}`);
}

/** A stranger's text, as it may stand in an error. */
export function shown(text: string | undefined): string {
  return text === undefined ? "none" : JSON.stringify(text.length > 256 ? `${text.slice(0, 256)}…` : text);
}
