/** Admission as Prometheus sees it, read when it is scraped. Of all tenants together. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { HeldRefusals } from '../plugins/held-refusals.plugin';
import type { AdmissionStats, FairAdmission } from './fair-admission';

export function watchAdmission(
  registry: Registry,
  admission: Pick<FairAdmission, 'stats'>,
  refusals: HeldRefusals,
): void {
  const registers = [registry];
  const state = (name: string, help: string, value: (stats: AdmissionStats) => number) =>
    new Gauge({
      ...{ name, help, registers },
      collect() {
        this.set(value(admission.stats()));
      },
    });
  const total = (name: string, help: string, value: (stats: AdmissionStats) => number) =>
    new Counter({
      ...{ name, help, registers },
      collect() {
        this.reset();
        this.inc(value(admission.stats()));
      },
    });

  state('cloister_operations_running', 'Operations in execution.', ({ running }) => running);
  state('cloister_operations_waiting', 'Operations that wait to be let in.', (s) => s.waiting);
  state('cloister_operations_limit', 'Operations that may be in execution now.', (s) => s.limit);
  total('cloister_admission_waits_total', 'Operations that had to wait.', ({ waits }) => waits);
  total(
    'cloister_admission_wait_seconds_total',
    'Time that operations waited together.',
    ({ waitedMs }) => waitedMs / 1000,
  );
  new Counter({
    name: 'cloister_admission_refused_total',
    help: 'Operations refused with OVERLOADED instead of being let in, by reason.',
    labelNames: ['reason'],
    registers,
    collect() {
      this.reset();
      for (const [reason, count] of Object.entries(admission.stats().refused)) {
        this.inc({ reason }, count);
      }
    },
  });
  new Gauge({
    name: 'cloister_refusals_held',
    help: 'Refusals that are held back from clients that do not stop asking.',
    registers,
    collect() {
      this.set(refusals.held());
    },
  });
}
