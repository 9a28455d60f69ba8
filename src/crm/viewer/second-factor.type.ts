import { Field, InputType, Int, ObjectType } from 'type-graphql';
import { UserError } from '../../graphql/user-errors';

@ObjectType({ description: 'The viewer’s second factor: codes from an authenticator app.' })
export class Mfa {
  @Field(() => Boolean, { description: 'Whether log-in asks for it.' })
  enabled!: boolean;

  @Field(() => Int, { description: 'How many recovery codes have not been used.' })
  recoveryCodesLeft!: number;
}

@InputType({ description: 'Proof that whoever asks knows the viewer’s password.' })
export class CurrentPasswordInput {
  @Field(() => String, { description: 'The viewer’s password.' })
  currentPassword!: string;
}

@InputType({ description: 'A first code, which proves that the app has the secret.' })
export class ConfirmMfaInput {
  @Field(() => String, { description: 'The six digits that the authenticator app shows.' })
  code!: string;
}

@ObjectType({ description: 'What an authenticator app needs. Shown here and never again.' })
export class EnrolMfaPayload {
  @Field(() => String, { nullable: true, description: 'The secret in base 32, to be typed in.' })
  secret?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The same as `otpauth://` URI, to be shown as a QR code.',
  })
  uri?: string | null;

  @Field(() => [UserError], { description: 'What the input has wrong.' })
  userErrors!: readonly UserError[];
}

@ObjectType({ description: 'Codes for who has lost the device. Shown here and never again.' })
export class RecoveryCodesPayload {
  @Field(() => [String], { nullable: true, description: 'Ten codes, each good once.' })
  recoveryCodes?: readonly string[] | null;

  @Field(() => [UserError], { description: 'What the input has wrong.' })
  userErrors!: readonly UserError[];
}
