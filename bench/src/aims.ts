/** What cloister is meant to reach, and whether it does. */
import type { QueryId } from './queries';

export interface Aim {
  /** At least. */
  readonly ofLimit: number;
  /** At least. */
  readonly timesPostgraphile: number;
  /** At most. */
  readonly serverCpuOfLimit: number;
  /** At most, beside the transaction. */
  readonly statements: number;
}

export const AIMS: Readonly<Partial<Record<QueryId, Aim>>> = {
  q1: { ofLimit: 0.85, timesPostgraphile: 3, serverCpuOfLimit: 1.6, statements: 1 },
  q2: { ofLimit: 0.9, timesPostgraphile: 2.5, serverCpuOfLimit: 2.6, statements: 1 },
  q3: { ofLimit: 0.8, timesPostgraphile: 2, serverCpuOfLimit: 4.5, statements: 5 },
  q4: { ofLimit: 0.85, timesPostgraphile: 2.5, serverCpuOfLimit: 1.7, statements: 1 },
};

export const isMet = (aim: keyof Aim, wanted: number, got: number): boolean =>
  aim === 'ofLimit' || aim === 'timesPostgraphile' ? got >= wanted : got <= wanted;
