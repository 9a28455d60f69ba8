/**
 * Loaded into a server process before everything else (`node --expose-gc --require …`): collects
 * garbage and tells what is left when the bench asks over the process's channel. It does nothing
 * until it is asked, and keeps no process alive.
 */
export interface MemoryReading {
  /** Bytes, after two full collections. */
  readonly heapUsed: number;
  /** Beside the heap: buffers, the parsers of sockets and the like. */
  readonly external: number;
  readonly rss: number;
}

const collect = (globalThis as { gc?: () => void }).gc;

process.on('message', (message) => {
  if (message !== 'memory') return;
  collect?.();
  // What finalisers let go of in the first is found by the second.
  setTimeout(() => {
    collect?.();
    const { heapUsed, external, rss } = process.memoryUsage();
    process.send?.({ heapUsed, external, rss } satisfies MemoryReading);
  }, 50);
});
process.channel?.unref();
