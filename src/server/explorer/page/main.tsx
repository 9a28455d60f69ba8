/** Starts the page: reads what the server wrote on the root element and mounts the explorer there. */
import { createRoot } from 'react-dom/client';
import 'graphiql/style.css';
import './explorer.css';
import { Explorer } from './explorer';
import { createGraphqlClient } from './graphql.client';
import { createSessionStore } from './session.store';

/** URLs of Monaco's workers by label, put here by the build. */
declare const WORKER_URLS: Readonly<Record<string, string>>;

Object.assign(globalThis, {
  MonacoEnvironment: {
    getWorker: (_moduleId: string, label: string) =>
      new Worker(WORKER_URLS[label] ?? WORKER_URLS['editor'] ?? '', { name: label }),
  },
});

const root = document.getElementById('explorer');
if (!root) throw new Error('expected an element with the id "explorer" in the page, got none');

const { graphqlPath = '/graphql', demo } = root.dataset;
const store = createSessionStore({
  client: createGraphqlClient(graphqlPath, (input, init) => fetch(input, init)),
  storage: sessionStorage,
});
store.resume();
addEventListener('pageshow', () => store.resume());
addEventListener('pagehide', () => store.suspend());

// GraphiQL loads these by itself once it is shown, but a tab chosen before they are there would show
// another tab's query. Loaded first, its editors are ready with its tabs.
await Promise.all([
  import('monaco-graphql/esm/monaco-editor.js'),
  import('monaco-graphql/esm/lite.js'),
]);

createRoot(root).render(
  <Explorer store={store} graphqlPath={graphqlPath} demo={demo === 'true'} />,
);
