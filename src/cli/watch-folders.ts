/**
 * Watches folders for changes of `.proto` files: editors replace a file by another one, and what an import means may appear
 * only later.
 *
 * Laws: many changes at once are one; what cannot be watched is left out; nothing that a watcher says ends the process.
 */
import { type FSWatcher, watch } from "node:fs";
import { resolve } from "node:path";

/** Long enough for an editor's several steps of one save, short enough not to be noticed. */
const SETTLE_MS = 50;

/** Folders being watched. */
export interface WatchedFolders {
  /** Watches these, too. */
  add(folders: readonly string[]): void;
  close(): void;
}

/** Calls `changed` after a `.proto` file changed, came or went; the folders it returns are watched from then on as well. */
export function watchFolders(changed: () => readonly string[]): WatchedFolders {
  const watchers = new Map<string, FSWatcher | undefined>();
  let timer: NodeJS.Timeout | undefined;
  const add = (folders: readonly string[]): void => {
    for (const folder of folders.map((one) => resolve(one))) {
      if (watchers.has(folder)) continue;
      const saw = (file: string | null): void => {
        // Some systems do not say which file it was.
        if (file !== null && !file.endsWith(".proto")) return;
        clearTimeout(timer);
        timer = setTimeout(() => add(changed()), SETTLE_MS);
      };
      watchers.set(folder, watchFolder(folder, saw));
    }
  };
  return {
    add,
    close: () => {
      clearTimeout(timer);
      for (const watcher of watchers.values()) watcher?.close();
    },
  };
}

function watchFolder(folder: string, saw: (file: string | null) => void): FSWatcher | undefined {
  try {
    const watcher = watch(folder, (_event, file) => saw(file));
    watcher.on("error", () => watcher.close());
    return watcher;
  } catch {
    return undefined;
  }
}
