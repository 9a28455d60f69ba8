/** What is measured of data keys and of the service that holds the master key. Names no owner. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { RegistryKeys } from './registry-keys';

export function watchKeys(
  { secretBox, masterKeys }: Pick<RegistryKeys, 'secretBox' | 'masterKeys'>,
  registers: Registry[],
): void {
  const provider = masterKeys.active.name;
  new Gauge({
    name: 'cloister_data_keys_in_memory',
    help: 'Data keys that are opened and kept.',
    registers,
    collect() {
      this.set(secretBox.stats().inMemory);
    },
  });
  new Counter({
    name: 'cloister_data_key_lookups_total',
    help: 'Look-ups of data keys: answered from memory, loaded, or served past their time.',
    labelNames: ['outcome'],
    registers,
    collect() {
      const { hits, misses, staleServed } = secretBox.stats();
      this.reset();
      this.inc({ outcome: 'hit' }, hits);
      this.inc({ outcome: 'miss' }, misses);
      this.inc({ outcome: 'stale' }, staleServed);
    },
  });
  new Counter({
    name: 'cloister_key_provider_calls_total',
    help: 'Data keys that the master key was asked to seal or open, and how often it did not.',
    labelNames: ['provider', 'outcome'],
    registers,
    collect() {
      const { unwraps, failedUnwraps } = secretBox.stats();
      this.reset();
      this.inc({ provider, outcome: 'done' }, unwraps - failedUnwraps);
      this.inc({ provider, outcome: 'failed' }, failedUnwraps);
    },
  });
  new Counter({
    name: 'cloister_key_provider_seconds_total',
    help: 'Time spent waiting for the master key.',
    labelNames: ['provider'],
    registers,
    collect() {
      this.reset();
      this.inc({ provider }, secretBox.stats().unwrapMs / 1000);
    },
  });
}
