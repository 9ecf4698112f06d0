/**
 * What is asked of one warm unary call, on each side.
 */
export const MAX_HOPS = { functions: 60, files: 12 };
