/** What every part of the harness is given. */
import type { Progress } from '../../progress';
import type { Fleet } from '../fleet';
import type { ScaleOptions } from '../scale-options';
import type { ServerGroup } from '../server-group';

export interface PartContext {
  readonly fleet: Fleet;
  readonly options: ScaleOptions;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** Stopped by whoever starts it, or at the end of the run. @param env beside the fleet's. */
  startServers(count: number, env?: Readonly<Record<string, string>>): Promise<ServerGroup>;
}
