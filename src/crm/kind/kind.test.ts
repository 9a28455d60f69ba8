import { text } from './fields';
import { createKindSet, defineKind } from './kind';

const kind = (name: string, parents = {}) =>
  defineKind({
    name,
    plural: `${name.toLowerCase()}s`,
    table: `${name.toLowerCase()}s`,
    idPrefix: name.toLowerCase(),
    description: 'One of a test.',
    displayField: 'name',
    fields: { name: text({ required: true, description: 'Its name.' }) },
    parents,
  });

describe('a set of kinds', () => {
  const author = kind('Author');
  const book = kind('Book', {
    writtenBy: {
      kind: 'Author',
      description: 'Who wrote it.',
      inverse: { name: 'books', description: 'What they wrote.' },
    },
    translatedBy: { kind: 'Author', description: 'Who translated it.' },
  });

  it('knows relations from both sides', () => {
    const set = createKindSet([author, book]);
    expect(book.parents.map(({ idField, column }) => [idField, column])).toEqual([
      ['writtenById', 'written_by_id'],
      ['translatedById', 'translated_by_id'],
    ]);
    expect(
      set.children(author).map(({ name, child, via }) => [name, child.name, via.name]),
    ).toEqual([['books', 'Book', 'writtenBy']]);
    expect(set.children(book)).toEqual([]);
  });

  it('refuses a relation to a kind that is not there', () => {
    expect(() => createKindSet([book])).toThrow(
      'Expected a kind named "Author", but there are Book',
    );
  });
});
