/**
 * The responses of a call, printed as they come.
 *
 * Laws: no more is taken from the call than the reader of the output takes; control characters are escaped in every format; when
 * the reader goes away the call is cancelled.
 */
import { once } from "node:events";
import { type MessageType, toJsonString, toText } from "../index.js";
import type { AnyTypes } from "./any-types.js";
import { UsageError } from "./usage-error.js";

/** How responses are printed. */
export interface ResponseForm {
  readonly type: MessageType;
  readonly format: "json" | "text";
  readonly emitDefaults: boolean;
  /** One line for each. */
  readonly isCompact: boolean;
  readonly types: AnyTypes;
}

/** Prints to stdout. */
export class ResponsePrinter {
  readonly #form: ResponseForm;
  #number = 0;
  readonly #gone: Promise<void>;
  /** Whether nobody reads any more. */
  readerGone = false;

  /** `onReaderGone` is called when nobody reads any more. */
  constructor(form: ResponseForm, onReaderGone: () => void) {
    this.#form = form;
    this.#gone = new Promise((resolve) => {
      process.stdout.once("error", () => {
        this.readerGone = true;
        onReaderGone();
        resolve();
      });
    });
  }

  /** Prints one; resolves when there is room for the next. @throws UsageError when it has no such form. */
  async print(message: unknown): Promise<void> {
    this.#number++;
    await this.#form.types.findOf(message);
    const text = this.#format(message);
    if (this.readerGone || process.stdout.write(text)) return;
    await Promise.race([this.#gone, once(process.stdout, "drain").catch(() => undefined)]);
  }

  #format(message: unknown): string {
    const { type, format, emitDefaults, isCompact, types } = this.#form;
    try {
      if (format === "text") {
        return `# proto-message: ${type.typeName}\n${toText(type, message, { types: types.schemas })}`;
      }
      const options = {
        indent: isCompact ? 0 : 2,
        emitDefaults,
        types: types.schemas,
        unresolvedAny: "base64",
      } as const;
      return `${toJsonString(type, message, options)}\n`;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      const hint = format === "json" ? "; --format text shows it" : "";
      throw new UsageError(`response ${this.#number} cannot be printed: ${error.message}${hint}`, {
        cause: error,
        exitCode: EXIT_INTERNAL,
      });
    }
  }
}

/** The server sent what it should not have: INTERNAL. */
const EXIT_INTERNAL = 13;
