import { useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { useEffect, useState } from 'react';
import type { ChangeEvent } from 'react';
import type { Example } from './documents';

/** Opens an example: in the tab that still holds it untouched, else in a new one. */
export function ExamplesMenu({ examples }: { readonly examples: readonly Example[] }) {
  const { addTab, changeTab } = useGraphiQLActions();
  const { tabs, queryEditor, variableEditor } = useGraphiQL((state) => ({
    tabs: state.tabs,
    queryEditor: state.queryEditor,
    variableEditor: state.variableEditor,
  }));
  const [opening, setOpening] = useState<Example>();

  // A tab's editors can be filled only once the tab is there, hence in the effect after its render.
  useEffect(() => {
    if (!opening) return;
    queryEditor?.setValue(opening.query);
    variableEditor?.setValue(opening.variables);
    setOpening(undefined);
  }, [opening, queryEditor, variableEditor]);

  function open(event: ChangeEvent<HTMLSelectElement>): void {
    const example = examples[Number(event.target.value)];
    if (!example) return;
    const index = tabs.findIndex((tab) => tab.query === example.query);
    if (index >= 0) return changeTab(index);
    addTab();
    setOpening(example);
  }

  return (
    <select className="examples" aria-label="Open an example" value="" onChange={open}>
      <option value="" disabled>
        Examples
      </option>
      {examples.map(({ label }, index) => (
        <option key={label} value={index}>
          {label}
        </option>
      ))}
    </select>
  );
}
