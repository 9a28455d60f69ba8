/**
 * Apollo Server, type-graphql, Knex and DataLoader as their tutorials put them together: decorated
 * classes, a query builder in each resolver, a loader for each relation made for each request
 * (children are loaded for all parents, the page is cut off in JavaScript).
 *
 * Without ISOLATION=rls the tenant is a WHERE clause only and the role passes the policies by, which
 * is what most tutorials have for tenancy; with it each request is a transaction that states its
 * tenant first.
 * https://www.apollographql.com/docs/apollo-server/getting-started · https://typegraphql.com/docs/getting-started.html
 */
import 'reflect-metadata';
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import knex, { type Knex } from 'knex';
import pg from 'pg';
import { buildSchema } from 'type-graphql';
import { readPeerSettings, tenantOf } from './peer-settings';
import type { TutorialContext } from './tutorial.context';
import { createLoaders } from './tutorial.loaders';
import { AccountResolver, OpportunityResolver } from './tutorial.resolvers';

async function start(): Promise<void> {
  const settings = readPeerSettings();
  // Dates as text, or a time zone is made up for them.
  pg.types.setTypeParser(1082, (text) => text);
  const isolated = process.env['ISOLATION'] === 'rls';
  const db = knex({
    client: 'pg',
    connection: settings.databaseUrl,
    pool: { min: 2, max: settings.poolSize },
  });
  const schema = await buildSchema({ resolvers: [AccountResolver, OpportunityResolver] });
  const server = new ApolloServer<TutorialContext>({
    schema,
    plugins: [
      {
        requestDidStart: async () => ({
          async willSendResponse({ contextValue }) {
            await contextValue.transaction?.commit();
          },
        }),
      },
    ],
  });
  await startStandaloneServer(server, {
    listen: { port: settings.port, host: '127.0.0.1' },
    context: async ({ req }) => {
      const tenantId = tenantOf(req.headers);
      if (!isolated) return { db, tenantId, loaders: createLoaders(db, tenantId) };
      const transaction = await db.transaction();
      await transaction.raw("select set_config('app.tenant_id', ?, true)", [tenantId]);
      const loaders = createLoaders(transaction, tenantId);
      return { db: transaction, tenantId, loaders, transaction };
    },
  });
}

void start();
