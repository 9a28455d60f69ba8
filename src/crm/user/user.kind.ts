import { defineKind } from '../kind/kind';
import { dateTime, email, oneOf, phone, text } from '../kind/fields';
import { refuseCycle } from '../kind/refuse-cycle';
import { ROLES } from '../../auth/principal';
import { newPasswordFault } from '../../auth/passwords';
import { normalizeEmail } from '../../auth/email-address';

const refuseManagerCycle = refuseCycle('users', 'manager');

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
    role: oneOf('UserRole', ROLES, { default: "'member'", description: 'What the user may do.' }),
    status: oneOf('UserStatus', ['active', 'disabled', 'invited'], {
      default: "'active'",
      description: 'Whether the user may sign in.',
    }),
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
  rules: {
    needsCurrent: true,
    validate(values, current, fault, actorId) {
      if (typeof values.password === 'string') {
        const passwordFault = newPasswordFault(values.password);
        if (passwordFault !== undefined) fault('password', passwordFault);
      }
      if (current === undefined || current.id !== actorId) return;
      // An organisation must not lock itself out by its last admin's slip.
      if (values.role !== undefined && values.role !== current['role']) {
        fault('role', 'cannot be changed by the user themself');
      }
      if (values.status !== undefined && values.status !== current['status']) {
        fault('status', 'cannot be changed by the user themself');
      }
    },
    async derive({ email: address, password }, { hashPassword }) {
      return {
        ...(address === undefined ? {} : { email_key: address === null ? null : normalizeEmail(address) }),
        ...(typeof password === 'string' ? { password_hash: await hashPassword(password) } : {}),
      };
    },
    async check(context, row, fault, before) {
      await refuseManagerCycle(context, row, fault);
      const { emailRouting } = context.services;
      // Known to the registry before the commit: an address too many costs a look, one too few a log-in.
      if (typeof row['email'] === 'string') await emailRouting.add(row['email']);
      const former = before?.['email'];
      if (typeof former === 'string' && former !== row['email']) {
        context.afterCommit(() => emailRouting.remove(former));
      }
    },
    async removed({ services, afterCommit }, { email: address }) {
      if (typeof address === 'string') afterCommit(() => services.emailRouting.remove(address));
    },
    async restored({ services }, { email: address }) {
      if (typeof address === 'string') await services.emailRouting.add(address);
    },
  },
});
