import { defineKind } from '../kind/kind';
import { dateTime, email, oneOf, phone, text } from '../kind/fields';
import { userRules } from './user.rules';

export const user = defineKind({
  name: 'User',
  plural: 'users',
  table: 'users',
  idPrefix: 'user',
  displayField: 'name',
  writeRole: 'admin',
  description: 'A person of the tenant’s own organisation, who may sign in.',
  fields: {
    name: text({ required: true, description: 'Full name.' }),
    email: email({ description: 'Address to sign in with; without one the user cannot.' }),
    password: text({
      inputOnly: true,
      maxLength: 1024,
      description: 'Password to sign in with, of at least 12 characters; stored as a hash only.',
    }),
    role: oneOf(
      'UserRole',
      {
        reader: 'Reads everything and changes nothing.',
        member: 'Reads and changes business records.',
        admin: 'Also manages users, and removes records for good.',
      },
      { default: "'member'", description: 'What the user may do.' },
    ),
    status: oneOf(
      'UserStatus',
      {
        active: 'May sign in.',
        disabled: 'May not sign in any more.',
        invited: 'Has not signed in yet, and may not before accepting.',
      },
      { default: "'active'", description: 'Whether the user may sign in.' },
    ),
    title: text({ description: 'Job title.' }),
    phone: phone({ description: 'Telephone number.' }),
    regionalOffice: text({ description: 'Office the user belongs to.' }),
    lastLoginAt: dateTime({ readOnly: true, description: 'When the user last signed in.' }),
  },
  parents: {
    manager: {
      kind: 'User',
      description: 'The user’s superior.',
      inverse: { name: 'reports', description: 'Users who report to this one.' },
    },
  },
  constraints: { users_email_key: { field: 'email', message: 'is already another user’s' } },
  derivedColumns: ['email_key', 'password_hash'],
  rules: userRules,
});
