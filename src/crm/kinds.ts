/** The kinds of record there are. To add one: define it, write its migration, list it here. */
import { account } from './account/account.kind';
import { accountContact } from './account-contact/account-contact.kind';
import { communication } from './communication/communication.kind';
import { contact } from './contact/contact.kind';
import { event } from './event/event.kind';
import { eventDate } from './event-date/event-date.kind';
import { createKindSet } from './kind/kind';
import { location } from './location/location.kind';
import { opportunity } from './opportunity/opportunity.kind';
import { opportunityLineItem } from './opportunity-line-item/opportunity-line-item.kind';
import { product } from './product/product.kind';
import { user } from './user/user.kind';

export const kinds = createKindSet([
  user,
  account,
  contact,
  accountContact,
  product,
  opportunity,
  opportunityLineItem,
  location,
  event,
  eventDate,
  communication,
]);
