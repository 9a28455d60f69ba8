/** What the build wrote down: URLs of the bundle's entry. */
export interface PageAssets {
  readonly script: string;
  readonly stylesheet: string;
}

export interface PageOptions {
  readonly graphqlPath: string;
  readonly demo: boolean;
  readonly assets: PageAssets;
}

const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32' fill='none' " +
  "stroke='%23b3246f' stroke-width='3' stroke-linecap='round'%3E%3Cpath d='M5 28V15a11 11 0 0 1 22 " +
  "0v13M11 28V16a5 5 0 0 1 10 0v12M3 28h26'/%3E%3C/svg%3E";

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '"': '&quot;' };
const attribute = (value: string): string =>
  value.replace(/[&<"]/g, (character) => ENTITIES[character] ?? character);

/** The page's HTML. Settings travel as data attributes, since inline scripts are forbidden to it. */
export const renderPage = ({ graphqlPath, demo, assets }: PageOptions): string => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Cloister explorer</title>
    <link rel="icon" href="${ICON}" />
    <link rel="stylesheet" href="${attribute(assets.stylesheet)}" />
    <script type="module" src="${attribute(assets.script)}"></script>
  </head>
  <body>
    <div id="explorer" data-graphql-path="${attribute(graphqlPath)}" data-demo="${demo}">
      <noscript>The explorer needs JavaScript.</noscript>
    </div>
  </body>
</html>
`;
