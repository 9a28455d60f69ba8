/** `cloister tenants suspend|resume|close|reopen`. */
import type { Command } from 'commander';
import {
  closeTenant,
  reopenTenant,
  resumeTenant,
  suspendTenant,
  type LifecycleChange,
  type LifecycleDependencies,
  type TenantLife,
} from '../platform/tenant-lifecycle';
import { confirm } from './confirm';
import { getTenantBySlug } from './find-tenant';
import { withTenancy } from './with-tenancy';

interface Options {
  readonly reason?: string;
  readonly yes?: true;
  readonly json?: true;
}

interface Step {
  readonly name: string;
  readonly description: string;
  readonly done: string;
  readonly change: (deps: LifecycleDependencies, change: LifecycleChange) => Promise<TenantLife>;
  /** What to confirm, for steps that people will notice. */
  readonly warning?: (slug: string) => string;
}

const STEPS: readonly Step[] = [
  {
    name: 'suspend',
    description: 'Takes a tenant out of service; nothing is lost, and resume undoes it.',
    done: 'is suspended: its people are told so, on every server within 5 s',
    change: suspendTenant,
  },
  {
    name: 'resume',
    description: 'Puts a suspended tenant back into service.',
    done: 'is in service again',
    change: resumeTenant,
  },
  {
    name: 'close',
    description: 'Takes a tenant out of service for good; reopen undoes it for 30 days.',
    done: 'is closed; `cloister tenants export` and `erase` work on it',
    change: closeTenant,
    warning: (slug) => `Closing "${slug}" signs all its people out.`,
  },
  {
    name: 'reopen',
    description: 'Puts a tenant that was closed within the last 30 days back into service.',
    done: 'is open again',
    change: reopenTenant,
  },
];

export function registerTenantLife(tenants: Command): void {
  for (const step of STEPS) {
    const command = tenants
      .command(`${step.name} <slug>`)
      .description(step.description)
      .option('--reason <text>', 'for whoever looks later; not shown to the tenant')
      .option('--json', 'the tenant afterwards, for machines');
    if (step.warning !== undefined) command.option('--yes', 'do not ask');
    command.action((slug: string, options: Options) => run(step, slug, options));
  }
}

async function run(step: Step, slug: string, { reason, yes, json }: Options): Promise<void> {
  await withTenancy(async ({ tenancy, say }) => {
    const tenant = await getTenantBySlug(tenancy.registry, slug);
    if (step.warning !== undefined) {
      await confirm({ what: step.warning(slug), word: slug, yes: yes === true });
    }
    const life = await step.change(tenancy, {
      tenantId: tenant.id,
      actor: 'command-line',
      ...(reason === undefined ? {} : { reason }),
    });
    say(json === true ? JSON.stringify(life, null, 2) : `The tenant "${slug}" ${step.done}.`);
  });
}
