/** Each request once, over some connections at once. */
import { openHttpConnection } from '../http-connection';

export interface Pass {
  readonly requests: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export async function askEachOnce(
  port: number,
  requests: readonly Buffer[],
  connections: number,
): Promise<Pass> {
  const open = await Promise.all(
    Array.from({ length: connections }, () => openHttpConnection(port)),
  );
  const queue = requests.values();
  const latencies: number[] = [];
  const begun = performance.now();
  try {
    await Promise.all(
      open.map(async (connection) => {
        for (const request of queue) {
          const sent = performance.now();
          const { status, body } = await connection.send(request);
          if (status !== 200) {
            throw new Error(`Expected 200, but got ${status}: ${body.toString().slice(0, 300)}`);
          }
          latencies.push(performance.now() - sent);
        }
      }),
    );
  } finally {
    for (const connection of open) connection.close();
  }
  const seconds = (performance.now() - begun) / 1000;
  latencies.sort((a, b) => a - b);
  const at = (share: number): number =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0;
  return { requests: latencies.length, seconds, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
}
