/** The clock of a call's attempts: it keeps the process alive while they wait. */
export type { Clock as RetryClock } from "../clock.js";
