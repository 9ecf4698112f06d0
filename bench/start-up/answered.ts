/**
 * The end of a program that was started to make one call: says how long it took, counted from when Node began.
 */
export function answered(): void {
  const ms = performance.now();
  const { user, system } = process.cpuUsage();
  process.send?.({ ms, cpuUs: user + system });
}
