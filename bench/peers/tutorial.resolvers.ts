import { Arg, Ctx, FieldResolver, ID, Int, Mutation, Query, Resolver, Root } from 'type-graphql';
import type { Knex } from 'knex';
import { SEARCH_STATEMENT, STATE_TENANT, wordsOf } from './search.statement';
import type { TutorialContext } from './tutorial.context';
import type { Row } from './tutorial.loaders';
import {
  Account,
  AccountPage,
  Contact,
  ContactInput,
  CrmEvent,
  Hit,
  Opportunity,
} from './tutorial.types';

/** Rows as the types want them: camelCase, as a tutorial's column mapping does. */
function toCamelCase<T>(row: Row): T {
  const entries = Object.entries(row).map(([column, value]) => [
    column.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    value,
  ]);
  return Object.fromEntries(entries) as T;
}

const accounts = ({ db, tenantId }: TutorialContext): Knex.QueryBuilder<Row, Row[]> =>
  db<Row>('cloister.accounts').where({ tenant_id: tenantId }).whereNull('deleted_at');

@Resolver(() => Account)
export class AccountResolver {
  @Query(() => Account, { nullable: true })
  async account(
    @Arg('id', () => ID) id: string,
    @Ctx() ctx: TutorialContext,
  ): Promise<Account | null> {
    const [row] = await accounts(ctx).where({ id }).limit(1);
    return row === undefined ? null : toCamelCase<Account>(row);
  }

  @Query(() => [Account])
  async accounts(
    @Arg('first', () => Int) first: number,
    @Ctx() ctx: TutorialContext,
  ): Promise<Account[]> {
    const rows = await accounts(ctx).orderBy('id', 'desc').limit(first);
    return rows.map(toCamelCase<Account>);
  }

  @Query(() => AccountPage)
  async accountsOfIndustry(
    @Arg('industry', () => String) industry: string,
    @Arg('first', () => Int) first: number,
    @Ctx() ctx: TutorialContext,
  ): Promise<AccountPage> {
    const rows = await accounts(ctx).where({ industry }).orderBy(['name', 'id']).limit(first);
    const [counted] = (await accounts(ctx).where({ industry }).count()) as unknown as {
      count: string;
    }[];
    return { nodes: rows.map(toCamelCase<Account>), totalCount: Number(counted?.count ?? 0) };
  }

  @Query(() => [Hit])
  async searchRecords(
    @Arg('term', () => String) term: string,
    @Arg('first', () => Int) first: number,
    @Ctx() { db, tenantId, transaction }: TutorialContext,
  ): Promise<Hit[]> {
    const search = async (tx: Knex): Promise<Hit[]> => {
      const values = [tenantId, wordsOf(term), first];
      // Knex numbers its own parameters: each of ours is given where it stands.
      const text = SEARCH_STATEMENT.replace(/\$\d/g, '?');
      const bindings = [...SEARCH_STATEMENT.matchAll(/\$(\d)/g)].map(
        ([, number]) => values[Number(number) - 1],
      );
      const { rows } = (await tx.raw(text, bindings as never)) as { rows: Hit[] };
      return rows;
    };
    if (transaction !== undefined) return search(db);
    return db.transaction(async (tx) => {
      await tx.raw(STATE_TENANT.replace('$1', '?'), [tenantId]);
      return search(tx);
    });
  }

  @Mutation(() => Contact)
  async createContact(
    @Arg('input', () => ContactInput) input: ContactInput,
    @Ctx() { db, tenantId }: TutorialContext,
  ): Promise<Contact> {
    const [row] = (await db('cloister.contacts')
      .insert({
        tenant_id: tenantId,
        account_id: input.accountId,
        first_name: input.firstName,
        last_name: input.lastName,
        email: input.email,
        title: input.title,
      })
      .returning('*')) as Row[];
    if (row === undefined) throw new Error('Nothing was inserted.');
    return toCamelCase<Contact>(row);
  }

  @FieldResolver(() => [Contact])
  async contacts(
    @Root() account: Account,
    @Arg('first', () => Int) first: number,
    @Ctx() { loaders }: TutorialContext,
  ): Promise<Contact[]> {
    const rows = await loaders.contactsByAccount.load(account.id);
    return rows.slice(0, first).map(toCamelCase<Contact>);
  }

  @FieldResolver(() => [Opportunity])
  async opportunities(
    @Root() account: Account,
    @Arg('first', () => Int) first: number,
    @Ctx() { loaders }: TutorialContext,
  ): Promise<Opportunity[]> {
    const rows = await loaders.opportunitiesByAccount.load(account.id);
    return rows.slice(0, first).map(toCamelCase<Opportunity>);
  }

  @FieldResolver(() => [CrmEvent])
  async events(
    @Root() account: Account,
    @Arg('first', () => Int) first: number,
    @Ctx() { loaders }: TutorialContext,
  ): Promise<CrmEvent[]> {
    const rows = await loaders.eventsByAccount.load(account.id);
    return rows.slice(0, first).map(toCamelCase<CrmEvent>);
  }
}

@Resolver(() => Opportunity)
export class OpportunityResolver {
  @FieldResolver(() => Contact, { nullable: true })
  async primaryContact(
    @Root() { primaryContactId }: Opportunity,
    @Ctx() { loaders }: TutorialContext,
  ): Promise<Contact | null> {
    if (primaryContactId === null) return null;
    const row = await loaders.contactById.load(primaryContactId);
    return row === null ? null : toCamelCase<Contact>(row);
  }
}
