import { address, money, text } from '../fields';
import { createKindSet, defineKind } from '../kind';
import { createRowShapes } from './row-shapes';

const author = defineKind({
  name: 'Author',
  plural: 'authors',
  table: 'authors',
  idPrefix: 'author',
  description: 'One who writes.',
  displayField: 'name',
  fields: {
    name: text({ description: 'Their name.' }),
    password: text({ inputOnly: true, description: 'Never shown.' }),
    home: address({ column: 'home_address', description: 'Where they live.' }),
    advance: money({ description: 'Paid before the first word.' }),
  },
  parents: {
    mentor: {
      kind: 'Author',
      description: 'Who taught them.',
      inverse: { name: 'pupils', description: 'Whom they taught.' },
    },
  },
});

const shapes = createRowShapes(createKindSet([author]));
const columns = (...fields: string[]): string[] =>
  shapes.ofFields(author, fields).selectList.split(', ');

describe('the columns read of a record', () => {
  it.each([
    ['nothing', [], []],
    ['its id', ['id'], []],
    ['its type', ['__typename'], []],
    ['text', ['name'], ['t.name as "name"']],
    ['an address', ['home'], ['t.home_address as "home"']],
    [
      'money, which has two',
      ['advance'],
      ['t.advance as "advance"', 't.advance_currency as "advanceCurrency"'],
    ],
    ['the record it refers to', ['mentor'], ['t.mentor_id as "mentorId"']],
    ['records that refer to it', ['pupils'], []],
    ['what every record has', ['updatedAt'], ['t.updated_at as "updatedAt"']],
  ])('are, for %s, the id and no more than it is made of', (_what, fields, expected) => {
    expect(columns(...fields)).toEqual(['t.id as "id"', ...expected]);
  });

  it('are the same shape whatever the order of the fields', () => {
    const shape = shapes.ofFields(author, ['name', 'id', 'mentor', 'name']);
    expect(shapes.ofFields(author, ['mentor', 'name'])).toBe(shape);
    expect(shapes.ofFields(author, ['name']).number).not.toBe(shape.number);
  });

  it('are all of them for a field that is none of the kind’s', () => {
    expect(shapes.ofFields(author, ['name', 'shoeSize'])).toBe(shapes.whole(author));
    expect(shapes.whole(author).selectList).not.toContain('password');
  });

  it('are all of them once a kind has been asked for too many different sets', () => {
    const fields = ['name', 'home', 'advance', 'mentor', 'version', 'createdAt', 'updatedAt'];
    const few = createRowShapes(createKindSet([author]));
    const found = Array.from({ length: 2 ** fields.length }, (_, set) =>
      few.ofFields(
        author,
        fields.filter((_field, index) => (set & (1 << index)) !== 0),
      ),
    );
    expect(new Set(found).size).toBe(65);
    expect(found.at(-1)).toBe(few.whole(author));
    expect(few.ofFields(author, [])).toBe(found[0]);
  });
});
