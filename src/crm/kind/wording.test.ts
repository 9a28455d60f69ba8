import { wordingOf } from './wording';

it.each([
  ['account', 'accounts', 'an account'],
  ['user', 'users', 'a user'],
  ['contact', 'contacts', 'a contact'],
  ['eventDate', 'eventDates', 'an event date'],
  ['opportunityLineItem', 'opportunityLineItems', 'an opportunity line item'],
])('a kind reads as words: %s', (singular, plural, aOne) => {
  const wording = wordingOf({ singular, plural });
  expect(wording.aOne).toBe(aOne);
  expect(wording.many).toBe(`${wording.one}s`);
});
