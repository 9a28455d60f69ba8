/** The whole page: the bar with the session, and GraphiQL below it. */
import { GraphiQL } from 'graphiql';
import { useCallback, useMemo, useState, useSyncExternalStore } from 'react';
import { DEMO_PASSWORD } from './demo.users';
import { createExamples } from './documents';
import { ExamplesMenu } from './examples-menu';
import { SessionBar } from './session-bar';
import type { SessionState, SessionStore } from './session.store';
import { SignInDialog } from './sign-in-dialog';

type GraphqlRequest = Parameters<SessionStore['send']>[0];

interface ExplorerProps {
  readonly store: SessionStore;
  readonly graphqlPath: string;
  readonly demo: boolean;
}

/**
 * Another user or tenant is another GraphiQL: it asks for the schema as the new user, and no answer
 * of the user before stays on the screen. The tabs come back from the storage.
 */
const identityOf = (session: SessionState): string =>
  session.status === 'signedIn' ? `${session.tenant.id} ${session.user.id}` : 'anonymous';

export function Explorer({ store, graphqlPath, demo }: ExplorerProps) {
  const session = useSyncExternalStore(store.subscribe, store.getState);
  const [dialogOpen, setDialogOpen] = useState(session.status === 'signedOut');
  const examples = useMemo(
    () =>
      createExamples(
        demo
          ? { email: 'admin@acme.test', password: DEMO_PASSWORD }
          : { email: 'you@example.com', password: '' },
      ),
    [demo],
  );
  const fetcher = useCallback(
    (request: GraphqlRequest, options?: { readonly headers?: Record<string, string> }) =>
      store.send(request, options?.headers),
    [store],
  );

  return (
    <>
      <SessionBar
        session={session}
        graphqlPath={graphqlPath}
        onSignIn={() => setDialogOpen(true)}
        onSignOut={store.signOut}
      />
      {dialogOpen && (
        <SignInDialog
          store={store}
          session={session}
          demo={demo}
          onClose={() => setDialogOpen(false)}
        />
      )}
      <main aria-label="GraphiQL">
        <GraphiQL
          key={identityOf(session)}
          fetcher={fetcher}
          // Queries and variables may hold customers' data: they go when the browser's tab does.
          storage={sessionStorage}
          shouldPersistHeaders={false}
          showPersistHeadersSettings={false}
          defaultTabs={examples.map(({ query, variables }) => ({ query, variables }))}
          inputValueDeprecation
          schemaDescription
        >
          <GraphiQL.Logo>
            <ExamplesMenu examples={examples} />
          </GraphiQL.Logo>
        </GraphiQL>
      </main>
    </>
  );
}
