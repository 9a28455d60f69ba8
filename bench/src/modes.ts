/** What `npm run bench -- <mode>` runs in the place of the comparison with the peers. */
import { runGrowth } from './growth/run-growth';
import { runIsolation } from './isolation/run-isolation';
import type { Defaults, Options } from './options';
import type { Progress } from './progress';
import { runRotation } from './rotation/run-rotation';

export interface Mode {
  readonly defaults: Defaults;
  run(options: Options, progress: Progress, signal: AbortSignal): Promise<void>;
}

const SHARED = { only: 'q1,q2,q3,q4', connections: '8', seconds: '1' } as const;

export const MODES: Readonly<Record<string, Mode>> = {
  isolation: { defaults: { ...SHARED, rounds: '7' }, run: runIsolation },
  rotation: {
    defaults: {
      ...SHARED,
      rounds: '7',
      // A hundred accounts for each tenant, and children as the other runs have them.
      tenants: '1000',
      accounts: '100000',
      contacts: '300000',
      opportunities: '300000',
      events: '200000',
    },
    run: runRotation,
  },
  growth: { defaults: { connections: '1', rounds: '3', seconds: '0.6' }, run: runGrowth },
};
