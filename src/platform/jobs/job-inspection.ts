/** What an operator sees of the jobs, and what can be done about one: plain reads of their tables. */
import { deadQueueOf, isDeadQueue, queueOfDead } from './job-queues';
import type { JobData } from './job.port';
import type { JobsDatabase } from './jobs-database';

export interface JobView {
  readonly id: string;
  /** Of a dead letter, the kind it was of. */
  readonly name: string;
  readonly state: 'created' | 'retry' | 'active' | 'completed' | 'cancelled' | 'failed' | 'dead';
  readonly data: JobData;
  readonly attempts: number;
  readonly createdOn: Date;
  readonly startAfter: Date;
  readonly startedOn: Date | null;
  readonly completedOn: Date | null;
  /** Progress, outcome or failure. */
  readonly output: Readonly<Record<string, unknown>> | null;
}

export interface QueueView {
  readonly name: string;
  readonly waiting: number;
  readonly active: number;
  readonly failed: number;
  readonly dead: number;
  readonly everySeconds: number | null;
  readonly lastRunAt: Date | null;
  readonly nextRunAt: Date | null;
}

export interface JobFilter {
  readonly name?: string;
  readonly tenantId?: string;
  readonly limit: number;
}

interface JobRow extends Omit<JobView, 'state'> {
  readonly state: Exclude<JobView['state'], 'dead'>;
}

const COLUMNS = `id, name, state, data, output, created_on as "createdOn", start_after as "startAfter",
  started_on as "startedOn", completed_on as "completedOn",
  case when started_on is null then retry_count else retry_count + 1 end as attempts`;

const toView = (row: JobRow): JobView =>
  isDeadQueue(row.name) ? { ...row, name: queueOfDead(row.name), state: 'dead' } : row;

export function createJobInspection(db: JobsDatabase) {
  const find = async (where: string, values: unknown[]): Promise<JobView[]> => {
    const { rows } = await db.executeSql<JobRow>(
      `select ${COLUMNS} from jobs.job where ${where}`,
      values,
    );
    return rows.map(toView);
  };
  return {
    /** Those that wait, run or failed; newest first. */
    list: ({ name, tenantId, limit }: JobFilter): Promise<JobView[]> =>
      find(
        `name not like '%.dead' and ($1::text is null or name = $1)
           and ($2::text is null or data->>'tenantId' = $2) order by created_on desc, id limit $3`,
        [name ?? null, tenantId ?? null, limit],
      ),
    dead: ({ name, tenantId, limit }: JobFilter): Promise<JobView[]> =>
      find(
        `name like '%.dead' and state < 'active' and ($1::text is null or name = $1)
           and ($2::text is null or data->>'tenantId' = $2) order by created_on desc, id limit $3`,
        [name === undefined ? null : deadQueueOf(name), tenantId ?? null, limit],
      ),
    show: async (id: string): Promise<JobView | undefined> => (await find('id = $1', [id]))[0],
    queues: async (): Promise<QueueView[]> => {
      const { rows } = await db.executeSql<QueueView>(`
        select q.name, s.every_seconds as "everySeconds", s.last_run_at as "lastRunAt", s.next_run_at as "nextRunAt",
          count(j.id) filter (where j.name = q.name and j.state < 'active')::int as waiting,
          count(j.id) filter (where j.state = 'active')::int as active,
          count(j.id) filter (where j.state = 'failed')::int as failed,
          count(j.id) filter (where j.name <> q.name and j.state < 'active')::int as dead
        from jobs.queue q
        left join jobs.job j on j.name in (q.name, q.name || '.dead')
        left join jobs.job_schedules s on s.name = q.name and s.tenant_id is null
        where q.name not like '%.dead'
        group by q.name, s.every_seconds, s.last_run_at, s.next_run_at order by q.name`);
      return rows;
    },
    /**
     * Lets a dead letter be tried again, from the first try on: a job of its kind is made of it and
     * it is gone, in one transaction. @returns whether there was one.
     */
    retryDead: (id: string): Promise<boolean> =>
      db.transaction(async (tx) => {
        const { rows } = await tx.executeSql<{ name: string; data: JobData }>(
          `delete from jobs.job where id = $1 and name like '%.dead' and state < 'active' returning name, data`,
          [id],
        );
        const [letter] = rows;
        if (letter === undefined) return false;
        // The kind's own settings, as when it was made.
        await tx.executeSql(
          `insert into jobs.job (name, data, singleton_key, retry_limit, retry_delay, retry_backoff, expire_in, dead_letter, policy)
           select name, $2, case when policy = 'short' then $2::jsonb->>'tenantId' end, retry_limit, retry_delay,
             retry_backoff, make_interval(secs => expire_seconds), dead_letter, policy
           from jobs.queue where name = $1 on conflict do nothing`,
          [queueOfDead(letter.name), letter.data],
        );
        return true;
      }),
  };
}

export type JobInspection = ReturnType<typeof createJobInspection>;
