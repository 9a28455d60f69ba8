import { Field, ID, ObjectType } from 'type-graphql';
import type { SignedInUser } from '../../auth/users.store';
import { toTypeId } from '../../lib/type-id';

@ObjectType({ description: 'The user who is signed in.' })
export class ViewerUser {
  @Field(() => ID)
  id!: string;

  @Field(() => String)
  name!: string;

  @Field(() => String, { nullable: true })
  email!: string | null;

  @Field(() => String, { description: 'admin, member or reader.' })
  role!: string;
}

export const toViewerUser = ({ id, name, email, role }: SignedInUser): ViewerUser => ({
  id: toTypeId('user', id),
  name,
  email,
  role,
});
