/**
 * Messages as Twilio sends them: a form, signed by HMAC-SHA1 over the URL it was sent to and the
 * form's parameters in order of their names.
 * https://www.twilio.com/docs/usage/webhooks/webhooks-security
 */
import { createHmac } from 'node:crypto';
import { badRequest } from '../http-error';
import { isSameText, type Delivery, type InboundScheme } from './inbound-scheme';

const MAX_MEDIA = 10;

export const twilioScheme: InboundScheme = {
  contentType: 'application/x-www-form-urlencoded',
  read({ body }) {
    const form = new URLSearchParams(body);
    const [from, to, id] = ['From', 'To', 'MessageSid'].map((name) => form.get(name) ?? '');
    if (from === undefined || to === undefined || id === undefined || id === '' || to === '') {
      throw badRequest('Expected a message with From, To and MessageSid.');
    }
    const media = mediaOf(form);
    const viaWhatsApp = from.startsWith('whatsapp:');
    return {
      id,
      from: from.replace(/^whatsapp:/, ''),
      to: to.replace(/^whatsapp:/, ''),
      body: form.get('Body') ?? '',
      channel: viaWhatsApp ? 'whatsapp' : media.length > 0 ? 'mms' : 'sms',
      media,
      occurredAt: undefined,
    };
  },
  isSigned({ headers, body, urls }, secret) {
    const given = headers['x-twilio-signature'];
    if (typeof given !== 'string') return false;
    const parameters = signedParameters(new URLSearchParams(body));
    // Which of its spellings the URL was given to the provider in is not known here.
    return urls
      .map((url) =>
        createHmac('sha1', secret)
          .update(url + parameters, 'utf8')
          .digest('base64'),
      )
      .reduce((fits, signature) => isSameText(signature, given) || fits, false);
  },
  accepted: { contentType: 'text/xml; charset=utf-8', body: '<Response/>' },
};

/** Each name with its values, sorted; of values that repeat one. */
function signedParameters(form: URLSearchParams): string {
  const names = [...new Set(form.keys())].sort();
  return names
    .flatMap((name) => [...new Set(form.getAll(name))].sort().map((value) => name + value))
    .join('');
}

function mediaOf(form: URLSearchParams): Delivery['media'] {
  const count = Math.min(Number(form.get('NumMedia') ?? 0) || 0, MAX_MEDIA);
  return Array.from({ length: count }, (_item, index) => ({
    url: form.get(`MediaUrl${index}`) ?? '',
    contentType: form.get(`MediaContentType${index}`) ?? '',
  })).filter(({ url }) => url !== '');
}
