/** The users of a demo tenant: those who sign in, and colleagues who look after accounts. */
import type { Role } from '../src/auth/principal';
import {
  externalId,
  phoneIn,
  pickPlace,
  slugify,
  type DemoRecord,
  type DemoWorld,
} from './demo-world';

/** One person, several tenants. */
const AGENCY = { email: 'agency@example.test', tenants: ['acme', 'initech'] } as const;
const COLLEAGUES = 4;

export interface DemoUsers {
  readonly leader: DemoRecord;
  readonly team: readonly DemoRecord[];
  /** Users who own records. */
  readonly owners: readonly string[];
}

export function makeUsers(world: DemoWorld): DemoUsers {
  const { faker, slug, password } = world;
  const user = (
    key: string,
    person: { name: string; email: string; role: Role; title: string; leaderId: string | null },
    signsIn: boolean,
  ): DemoRecord => {
    const office = pickPlace(world);
    const { leaderId, ...values } = person;
    return {
      externalId: externalId('user', key),
      ...values,
      status: signsIn ? 'active' : 'invited',
      phone: phoneIn(world, office),
      regionalOffice: office.city,
      managerId: leaderId,
      ...(signsIn && password !== undefined ? { password } : {}),
    };
  };
  const fullName = (): string => `${faker.person.firstName()} ${faker.person.lastName()}`;

  const leader = user(
    'admin',
    {
      name: fullName(),
      email: `admin@${slug}.test`,
      role: 'admin',
      title: 'Head of Sales',
      leaderId: null,
    },
    true,
  );
  const leaderId = leader.externalId;
  const member = user(
    'member',
    {
      name: fullName(),
      email: `member@${slug}.test`,
      role: 'member',
      title: 'Account Executive',
      leaderId,
    },
    true,
  );
  const reader = user(
    'reader',
    {
      name: fullName(),
      email: `reader@${slug}.test`,
      role: 'reader',
      title: 'Controller',
      leaderId,
    },
    true,
  );
  const colleagues = Array.from({ length: COLLEAGUES }, (_, index) => {
    const name = fullName();
    const email = `${slugify(name, '.')}@${slug}.test`;
    return user(
      String(index + 1),
      { name, email, role: 'member', title: 'Account Executive', leaderId },
      false,
    );
  });
  const agency = AGENCY.tenants.some((tenant) => tenant === slug)
    ? [
        user(
          'agency',
          {
            name: 'Robin Marsh',
            email: AGENCY.email,
            role: 'admin',
            title: 'Consultant',
            leaderId,
          },
          true,
        ),
      ]
    : [];
  return {
    leader,
    team: [member, reader, ...colleagues, ...agency],
    owners: [member, ...colleagues].map((owner) => owner.externalId),
  };
}
