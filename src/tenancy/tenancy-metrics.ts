/**
 * Tenancy as Prometheus sees it. What is a state is read when it is scraped. Labelled by data source
 * and never by tenant; beyond a bound on their number, data sources share one label.
 */
import { Counter, Gauge, type Registry } from 'prom-client';
import { boundedLabels } from '../lib/bounded-labels';
import { LabelledHistogram } from '../lib/labelled-histogram';
import type { DataSource } from './directory';
import type { PoolStats } from './lease';
import { watchKeys } from './secrets/key-metrics';
import type { Tenancy } from './tenancy';

export interface TenancyMetrics {
  /** To be called with each answered statement. */
  readonly observeStatement: (dataSource: Pick<DataSource, 'name'>, seconds: number) => void;
  /** To be called when a connection was had, or was not. */
  readonly observeLease: (dataSource: Pick<DataSource, 'name'>, seconds: number) => void;
  /** Adds what can be read off a tenancy. */
  readonly watch: (
    tenancy: Pick<Tenancy, 'directory' | 'keys' | 'pools' | 'listener' | 'readRouter'>,
  ) => void;
}

const MAX_DATA_SOURCES = 200;
const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const BREAKER_VALUES = { closed: 0, 'half-open': 0.5, open: 1 } as const;

export function createTenancyMetrics(registry: Registry): TenancyMetrics {
  const registers = [registry];
  const labelOf = boundedLabels(MAX_DATA_SOURCES);
  const statements = new LabelledHistogram({
    name: 'cloister_statement_duration_seconds',
    help: 'Time from sending a statement to its answer, by data source.',
    label: 'data_source',
    buckets: SECONDS,
    registers,
  });

  const leases = new LabelledHistogram({
    name: 'cloister_lease_wait_seconds',
    help: 'Time that a statement or transaction waited for its connection, by data source.',
    label: 'data_source',
    buckets: SECONDS,
    registers,
  });

  return {
    observeLease: ({ name }, seconds) => leases.observe(labelOf(name), seconds),
    observeStatement: ({ name }, seconds) => statements.observe(labelOf(name), seconds),
    watch({ directory, keys, pools, listener, readRouter }) {
      watchKeys(keys, registers);
      watchPools(pools, registers, labelOf);
      watchDirectory(directory, registers);
      watchReplicas(readRouter, registers);
      new Gauge({
        name: 'cloister_registry_listener_connected',
        help: '1 while changes to the registry are heard of at once.',
        registers,
        collect() {
          this.set(listener?.connected() === true ? 1 : 0);
        },
      });
    },
  };
}

function watchPools(
  pools: Tenancy['pools'],
  registers: Registry[],
  labelOf: (name: string) => string,
): void {
  const byPool = (name: string, help: string, value: (stats: PoolStats) => number) =>
    new Gauge({
      name,
      help,
      labelNames: ['data_source'],
      registers,
      collect() {
        this.reset(); // pools come and go
        for (const stats of pools.stats())
          this.inc({ data_source: labelOf(stats.dataSource) }, value(stats));
      },
    });
  byPool('cloister_pool_connections_open', 'Connections open or being made.', ({ open }) => open);
  byPool('cloister_pool_connections_idle', 'Connections that nobody uses.', ({ idle }) => idle);
  byPool('cloister_pool_connections_leased', 'Connections in use.', ({ leased }) => leased);
  byPool('cloister_pool_connections_max', 'Connections the pool may have.', ({ max }) => max);
  byPool('cloister_pool_waiting', 'Requests that wait for a connection.', ({ waiting }) => waiting);
  byPool(
    'cloister_pool_breaker',
    'Whether requests are refused at once: 0 no, 1 yes, 0.5 until one has tried.',
    ({ breaker }) => BREAKER_VALUES[breaker],
  );
  new Gauge({
    name: 'cloister_connection_budget',
    help: 'Connections to data sources that this process may have, and has.',
    labelNames: ['state'],
    registers,
    collect() {
      this.set({ state: 'limit' }, pools.budget.limit);
      this.set({ state: 'taken' }, pools.budget.taken());
    },
  });
}

function watchDirectory(directory: Tenancy['directory'], registers: Registry[]): void {
  new Counter({
    name: 'cloister_directory_lookups_total',
    help: 'Look-ups of tenants and data sources: answered from the cache, loaded, or served stale.',
    labelNames: ['outcome'],
    registers,
    collect() {
      const { hits, misses, staleServed } = directory.stats();
      this.reset();
      this.inc({ outcome: 'hit' }, hits);
      this.inc({ outcome: 'miss' }, misses);
      this.inc({ outcome: 'stale' }, staleServed);
    },
  });
  new Counter({
    name: 'cloister_directory_unseals_total',
    help: 'Sealed credentials opened.',
    registers,
    collect() {
      this.reset();
      this.inc(directory.stats().unseals);
    },
  });
  new Counter({
    name: 'cloister_directory_unseal_seconds_total',
    help: 'Time spent on opening sealed credentials.',
    registers,
    collect() {
      this.reset();
      this.inc(directory.stats().unsealMs / 1000);
    },
  });
}

function watchReplicas(readRouter: Tenancy['readRouter'], registers: Registry[]): void {
  new Counter({
    name: 'cloister_replica_reads_total',
    help: 'Reads where there is a replica nearby: sent there, or not because it is stale or behind the reader’s own write.',
    labelNames: ['outcome'],
    registers,
    collect() {
      const { replica, stale, behindWrite } = readRouter.stats();
      this.reset();
      this.inc({ outcome: 'replica' }, replica);
      this.inc({ outcome: 'stale' }, stale);
      this.inc({ outcome: 'behind_write' }, behindWrite);
    },
  });
}
