import { defineKind } from '../kind/kind';
import { dateTime, json, oneOf, text } from '../kind/fields';

export const communication = defineKind({
  name: 'Communication',
  plural: 'communications',
  table: 'communications',
  idPrefix: 'communication',
  displayField: 'subject',
  description: 'A message, call or letter that was exchanged with somebody.',
  defaultOrder: { field: 'OCCURRED_AT', direction: 'desc', meaning: 'latest first' },
  fields: {
    channel: oneOf(
      'CommunicationChannel',
      {
        sms: 'A text message.',
        mms: 'A text message with pictures, sound or other media.',
        whatsapp: 'A message by WhatsApp.',
        email: 'An e-mail.',
        call: 'A call by telephone or video.',
        chat: 'A conversation on a web page or in another messenger.',
        letter: 'A letter or parcel.',
        meeting: 'People met.',
        other: 'None of these.',
      },
      { required: true, description: 'By what it came or went.' },
    ),
    direction: oneOf(
      'CommunicationDirection',
      {
        inbound: 'Came to us.',
        outbound: 'Went from us.',
        internal: 'Stayed among us.',
      },
      { required: true, description: 'Who wrote to whom.' },
    ),
    status: oneOf(
      'CommunicationStatus',
      {
        draft: 'Is being written.',
        queued: 'Waits to be sent.',
        sent: 'Was handed to the provider.',
        delivered: 'Arrived at the other side.',
        received: 'Arrived here.',
        completed: 'Took place.',
        failed: 'Did not arrive.',
      },
      { default: "'completed'", description: 'How far it has come.' },
    ),
    sender: text({ maxLength: 320, description: 'Number or address it came from.' }),
    recipient: text({ maxLength: 320, description: 'Number or address it went to.' }),
    subject: text({ maxLength: 1000, description: 'What it is about, in a line.' }),
    body: text({ maxLength: 100_000, description: 'What was said.' }),
    occurredAt: dateTime({ default: 'now()', description: 'When it came, went or took place.' }),
    media: json({
      description:
        'What was attached, as a list of objects with `url` and `contentType` where a provider sent it.',
    }),
    provider: text({ maxLength: 50, description: 'Who carried it, such as `twilio`.' }),
    providerMessageId: text({
      description: 'The provider’s id of it: a message that is delivered twice is stored once.',
    }),
    contactMatch: oneOf(
      'CommunicationContactMatch',
      {
        matched: 'One contact has the number.',
        unknown: 'No contact has the number.',
        ambiguous: 'Several contacts have the number.',
      },
      {
        readOnly: true,
        description:
          'What the sender’s number said of the contact when a message came in; null for what people entered.',
      },
    ),
  },
  parents: {
    contact: {
      kind: 'Contact',
      description: 'The person it was exchanged with.',
      inverse: { name: 'communications', description: 'Messages and calls with the person.' },
    },
    account: {
      kind: 'Account',
      description: 'The company it was exchanged with.',
      inverse: { name: 'communications', description: 'Messages and calls with the company.' },
    },
    opportunity: {
      kind: 'Opportunity',
      description: 'The deal it is about.',
      inverse: { name: 'communications', description: 'Messages and calls about the deal.' },
    },
    event: {
      kind: 'Event',
      description: 'The event it is about.',
      inverse: { name: 'communications', description: 'Messages and calls about the event.' },
    },
    owner: {
      kind: 'User',
      description: 'The user who looks after it.',
      inverse: { name: 'communications', description: 'Messages and calls the user looks after.' },
    },
  },
  constraints: {
    communications_provider_message_id_key: {
      field: 'providerMessageId',
      message: 'is another message’s of this provider',
    },
    communications_provider_message_id_check: {
      field: 'providerMessageId',
      message: 'needs the provider whose it is',
    },
  },
});
