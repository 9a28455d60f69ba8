/** What is measured, in the order of the tables. */
export const TARGET_NAMES = [
  'limit',
  'ceiling',
  'cloister',
  'postgraphile',
  'mercurius',
  'tutorial',
  'tutorial-rls',
] as const;

export type TargetName = (typeof TARGET_NAMES)[number];
