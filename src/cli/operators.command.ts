import { Option, type Command } from 'commander';
import { normalizeEmail } from '../auth/email-address';
import { OPERATOR_ROLES, type OperatorRole } from '../auth/operator-principal';
import { readCommandSecrets } from '../config';
import { createOperators, type Operators } from '../platform/operators/operators.service';
import { findOperatorByEmail, listOperators } from '../platform/operators/operators.store';
import { CommandFailure } from './command-failure';
import { createPrompt, secretFrom } from './prompt';
import { formatTable } from './table';
import { withTenancy, type CommandContext } from './with-tenancy';

/** What the audit log calls whoever works at the command line. */
const ACTOR = 'command-line';
const PASSWORD_HELP =
  '\nThe password is read from CLOISTER_OPERATOR_PASSWORD, or asked for. It takes at least 12 characters.';

interface AddOptions {
  readonly email: string;
  readonly name?: string;
  readonly role: OperatorRole;
}

export function registerOperators(program: Command): void {
  const operators = program
    .command('operators')
    .description(
      'Who may use the platform API: viewers look on, operators run it, owners decide who.',
    );
  operators
    .command('list')
    .description('Lists every operator.')
    .action(() => withTenancy(list));
  operators
    .command('add')
    .description('Adds an operator, who can then sign in at /platform/graphql.')
    .requiredOption('--email <address>', 'who signs in')
    .option('--name <name>', 'what the person is called (default: the address)')
    .addOption(
      new Option('--role <role>', 'what they may do').choices(OPERATOR_ROLES).default('viewer'),
    )
    .addHelpText('after', PASSWORD_HELP)
    .action((options: AddOptions) => add(options));
  operators
    .command('disable')
    .description('Ends an operator’s sessions and lets them sign in no more.')
    .argument('<email>')
    .action((email: string) =>
      withOperator(email, async ({ operators, id, say }) => {
        await operators.disable(ACTOR, id);
        say(`${email} can sign in no more; what they had open ends within seconds.`);
      }),
    );
  operators
    .command('enable')
    .description('Lets a disabled operator sign in again.')
    .argument('<email>')
    .action((email: string) =>
      withOperator(email, async ({ operators, id, say }) => {
        await operators.enable(ACTOR, id);
        say(`${email} can sign in again.`);
      }),
    );
  operators
    .command('reset-password')
    .description('Gives an operator a new password and ends their sessions.')
    .argument('<email>')
    .addHelpText('after', PASSWORD_HELP)
    .action((email: string) => resetPassword(email));
}

async function list({ tenancy, say }: CommandContext): Promise<void> {
  const rows = await listOperators(tenancy.registryDb);
  say(
    formatTable(
      ['EMAIL', 'NAME', 'ROLE', 'STATUS', 'LAST LOGIN'],
      rows.map(({ email, name, role, status, lastLoginAt }) => [
        email,
        name,
        role,
        status,
        lastLoginAt?.toISOString() ?? '-',
      ]),
    ),
  );
}

async function add({ email, name = email, role }: AddOptions): Promise<void> {
  const password = await askPassword(email);
  await withTenancy(async (context) => {
    const operator = await operatorsOf(context).create(ACTOR, { email, name, role, password });
    context.say(`${operator.email} can sign in at /platform/graphql as ${operator.role}.`);
  });
}

async function resetPassword(email: string): Promise<void> {
  const password = await askPassword(email);
  await withOperator(email, async ({ operators, id, say }) => {
    await operators.resetPassword(ACTOR, id, password);
    say(`${email} signs in with the new password from now on.`);
  });
}

async function askPassword(email: string): Promise<string> {
  const prompt = createPrompt();
  try {
    const question = `Password of ${email} (not shown): `;
    return await secretFrom(readCommandSecrets().operatorPassword, question, prompt);
  } finally {
    prompt.close();
  }
}

const operatorsOf = ({ tenancy: { registryDb }, passwords }: CommandContext): Operators =>
  createOperators({ registryDb, passwords });

interface OperatorWork {
  readonly operators: Operators;
  readonly id: string;
  readonly say: (line: string) => void;
}

const withOperator = (email: string, work: (given: OperatorWork) => Promise<void>): Promise<void> =>
  withTenancy(async (context) => {
    const { say, tenancy } = context;
    const operator = await findOperatorByEmail(tenancy.registryDb, normalizeEmail(email));
    if (operator === undefined) {
      say(`There is no operator ${email}: \`cloister operators list\` shows all of them.`);
      throw new CommandFailure();
    }
    await work({ operators: operatorsOf(context), id: operator.id, say });
  });
