/** Messages that come in for telephone numbers, over HTTP: who may send them, and where they go. */
import { createHmac } from 'node:crypto';
import { createApplication, type Application } from '../../src/application';
import { createLogger } from '../../src/server/logger';
import { addPhoneNumber, removePhoneNumber } from '../../src/tenancy/routes/phone-numbers';
import { apiOf, type Api } from '../support/api';
import { eventually } from '../support/data-sources';
import { createWorld, type TenantName, type World } from '../support/world';

const TOKEN = 'twilio-auth-token-of-the-tests';
const KEY = 'a key of the tests, 32 bytes long';
const SECRET = `whsec_${Buffer.from(KEY).toString('base64')}`;
const ALPHA = '+4312345670';
const BETA = '+4312345671';
const GAMMA = '+4312345672';

interface Reply {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

let world: World;
let api: Api;
beforeAll(async () => {
  world = await createWorld();
  api = apiOf(world);
  const { tenancy } = world.application;
  const give = (tenant: TenantName, number: string, scheme: 'twilio' | 'standard') =>
    addPhoneNumber(
      tenancy,
      {
        tenantId: world.tenants[tenant].id,
        number,
        scheme,
        secret: scheme === 'twilio' ? TOKEN : SECRET,
      },
      'test',
    );
  await give('alpha', ALPHA, 'twilio');
  await give('beta', BETA, 'twilio');
  await give('gamma', GAMMA, 'standard');
});
afterAll(() => world.close());

const post = async (
  path: string,
  body: string,
  headers: Readonly<Record<string, string>>,
  base = world.url,
): Promise<Reply> => {
  const response = await fetch(`${base}${path}`, { method: 'POST', body, headers });
  return { status: response.status, text: await response.text(), headers: response.headers };
};

/** As Twilio sends it. @param change what differs once the message is signed. */
async function twilio(
  fields: Readonly<Record<string, string>>,
  change: { signature?: string; url?: string; token?: string; base?: string } = {},
): Promise<Reply> {
  const base = change.base ?? world.url;
  const url = change.url ?? `${base}/webhooks/sms/twilio`;
  const text = Object.keys(fields)
    .sort()
    .map((name) => name + fields[name])
    .join('');
  const signature = createHmac('sha1', change.token ?? TOKEN)
    .update(url + text)
    .digest('base64');
  return post(
    '/webhooks/sms/twilio',
    new URLSearchParams(fields).toString(),
    {
      'content-type': 'application/x-www-form-urlencoded',
      'x-twilio-signature': change.signature ?? signature,
    },
    base,
  );
}

let serial = 0;
const sms = (to: string, from: string, change: Readonly<Record<string, string>> = {}) => ({
  To: to,
  From: from,
  Body: 'Können wir um neun?',
  MessageSid: `SM${(serial += 1)}`,
  NumMedia: '0',
  ...change,
});

async function standard(
  message: Readonly<Record<string, unknown>>,
  change: { id?: string; ageSeconds?: number; body?: string; key?: string; sentId?: string } = {},
): Promise<Reply> {
  const id = change.id ?? `msg_${(serial += 1)}`;
  const timestamp = String(Math.floor(Date.now() / 1000) - (change.ageSeconds ?? 0));
  const body = JSON.stringify(message);
  const signature = createHmac('sha256', change.key ?? KEY)
    .update(`${id}.${timestamp}.${body}`)
    .digest('base64');
  return post('/webhooks/sms/standard', change.body ?? body, {
    'content-type': 'application/json',
    'webhook-id': change.sentId ?? id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,bm90IHRoaXM= v1,${signature}`,
  });
}

interface Stored {
  readonly sender: string;
  readonly recipient: string;
  readonly body: string;
  readonly channel: string;
  readonly direction: string;
  readonly status: string;
  readonly contactMatch: string;
  readonly media: unknown;
  readonly occurredAt: string;
  readonly contact: { readonly id: string } | null;
  readonly account: { readonly id: string } | null;
}

async function messagesOf(tenant: TenantName, sid?: string): Promise<Stored[]> {
  const filter = sid === undefined ? '' : `(filter: { providerMessageId: { eq: "${sid}" } })`;
  const { data } = await world.query<{ communications: { nodes: Stored[] } }>(
    { tenant },
    `{ communications${filter} { nodes { sender recipient body channel direction status contactMatch
         media occurredAt contact { id } account { id } } } }`,
  );
  return data.communications.nodes;
}

describe('a message from Twilio', () => {
  it('becomes a communication on the contact whose number it came from', async () => {
    const account = await api.create('Account', { name: 'Byron Ltd' });
    const contact = await api.create('Contact', {
      lastName: 'Lovelace',
      mobilePhone: '+436641111111',
      accountId: account.id,
    });
    const message = sms(ALPHA, '+436641111111');
    const reply = await twilio(message);
    expect(reply).toMatchObject({ status: 200, text: '<Response/>' });
    expect(reply.headers.get('content-type')).toMatch('text/xml');
    expect(await messagesOf('alpha', message.MessageSid)).toEqual([
      {
        sender: '+436641111111',
        recipient: ALPHA,
        body: 'Können wir um neun?',
        channel: 'SMS',
        direction: 'INBOUND',
        status: 'RECEIVED',
        contactMatch: 'MATCHED',
        media: null,
        occurredAt: expect.any(String) as string,
        contact: { id: contact.id },
        account: { id: account.id },
      },
    ]);
  });

  it('is stored once, however often it is delivered', async () => {
    const message = sms(ALPHA, '+436642222222');
    const replies = await Promise.all([twilio(message), twilio(message), twilio(message)]);
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect((await twilio(message)).status).toBe(200);
    expect(await messagesOf('alpha', message.MessageSid)).toHaveLength(1);
  });

  it('keeps its pictures', async () => {
    const message = sms(ALPHA, '+436642222222', {
      NumMedia: '1',
      MediaUrl0: 'https://media.example/1.jpg',
      MediaContentType0: 'image/jpeg',
    });
    expect((await twilio(message)).status).toBe(200);
    expect(await messagesOf('alpha', message.MessageSid)).toMatchObject([
      {
        channel: 'MMS',
        media: [{ url: 'https://media.example/1.jpg', contentType: 'image/jpeg' }],
      },
    ]);
  });

  it('has no contact where nobody or more than one has the number, and says which', async () => {
    const twice = '+436643333333';
    await api.create('Contact', { lastName: 'One', phone: twice });
    await api.create('Contact', { lastName: 'Two', mobilePhone: twice });
    const unknown = sms(ALPHA, '+436649999999');
    const ambiguous = sms(ALPHA, twice);
    const short = sms(ALPHA, '72345');
    for (const message of [unknown, ambiguous, short]) {
      expect((await twilio(message)).status).toBe(200);
    }
    expect(await messagesOf('alpha', unknown.MessageSid)).toMatchObject([
      { contact: null, contactMatch: 'UNKNOWN' },
    ]);
    expect(await messagesOf('alpha', ambiguous.MessageSid)).toMatchObject([
      { contact: null, contactMatch: 'AMBIGUOUS' },
    ]);
    expect(await messagesOf('alpha', short.MessageSid)).toMatchObject([
      { contactMatch: 'UNKNOWN' },
    ]);
  });

  it('counts a contact with the number in both places as one, and none that was deleted', async () => {
    const number = '+436644444444';
    const deleted = await api.create('Contact', { lastName: 'Gone', phone: number });
    await api.mutate('deleteContact', { id: deleted.id });
    const both = await api.create('Contact', {
      lastName: 'Both',
      phone: number,
      mobilePhone: number,
    });
    const message = sms(ALPHA, number);
    await twilio(message);
    expect(await messagesOf('alpha', message.MessageSid)).toMatchObject([
      { contact: { id: both.id }, contactMatch: 'MATCHED' },
    ]);
  });

  it('goes to the tenant of the number it was sent to and to no other', async () => {
    const message = sms(BETA, '+436641111111');
    await twilio(message);
    expect(await messagesOf('beta', message.MessageSid)).toMatchObject([
      { contact: null, contactMatch: 'UNKNOWN' },
    ]);
    for (const other of ['alpha', 'gamma', 'delta'] as const) {
      expect(await messagesOf(other, message.MessageSid)).toEqual([]);
    }
  });

  it('may hold what Postgres does not take for text', async () => {
    const message = sms(ALPHA, '+436642222222', { Body: 'a\u0000b' });
    expect((await twilio(message)).status).toBe(200);
    expect(await messagesOf('alpha', message.MessageSid)).toMatchObject([{ body: 'ab' }]);
  });
});

describe('a message that is not to be believed', () => {
  it('is refused with the same bytes, whatever is wrong with it', async () => {
    const genuine = sms(ALPHA, '+436641111111');
    const replies = [
      await twilio(genuine, { signature: 'AAAA' }),
      await twilio(genuine, { signature: '' }),
      await twilio(genuine, { token: 'the-token-of-somebody-else' }),
      await twilio(genuine, { url: 'https://elsewhere.example/webhooks/sms/twilio' }),
      await twilio(sms('+4399999999', '+436641111111')),
      await twilio(sms('not a number', '+436641111111')),
      // Another number's way of signing.
      await twilio(sms(GAMMA, '+436641111111'), { token: SECRET }),
      await standard({ from: '+436641111111', to: ALPHA, body: 'x' }, { key: TOKEN }),
    ];
    expect(new Set(replies.map(({ status, text }) => `${status} ${text}`))).toEqual(
      new Set([`403 ${replies[0]?.text}`]),
    );
    expect(await messagesOf('alpha', genuine.MessageSid)).toEqual([]);
  });

  it('is refused when anything in it was changed', async () => {
    const message = sms(ALPHA, '+436641111111');
    const text = Object.keys(message)
      .sort()
      .map((name) => name + message[name as 'To']);
    const signature = createHmac('sha1', TOKEN)
      .update(`${world.url}/webhooks/sms/twilio${text.join('')}`)
      .digest('base64');
    for (const change of [{ Body: 'y' }, { To: BETA }, { From: '+436640' }, { Extra: '1' }]) {
      expect((await twilio({ ...message, ...change }, { signature })).status).toBe(403);
    }
    expect((await twilio(message, { signature })).status).toBe(200);
  });

  it('is no message when it has no number or is too large', async () => {
    expect((await twilio({ Body: 'x' })).status).toBe(400);
    expect((await standard({ to: GAMMA })).status).toBe(400);
    expect((await standard({}, { body: '{' })).status).toBe(400);
    const large = sms(ALPHA, '+436641111111', { Body: 'x'.repeat(200_000) });
    expect((await twilio(large)).status).toBe(413);
  });
});

describe('a message by the standard scheme', () => {
  it('is stored in its tenant, once for each webhook-id', async () => {
    const message = {
      from: '+436645555555',
      to: GAMMA,
      body: 'Hello',
      occurredAt: '2020-05-01T12:00:00+02:00',
    };
    expect(await standard(message, { id: 'msg_same' })).toMatchObject({
      status: 200,
      text: '{"received":true}',
    });
    expect((await standard(message, { id: 'msg_same' })).status).toBe(200);
    expect(await messagesOf('gamma', 'msg_same')).toMatchObject([
      { occurredAt: '2020-05-01T10:00:00.000Z' },
    ]);
  });

  it('whose clock is years ahead came in now', async () => {
    const message = { from: '+436645555555', to: GAMMA, occurredAt: '2999-05-01T12:00:00Z' };
    expect((await standard(message, { id: 'msg_future' })).status).toBe(200);
    const [stored] = await messagesOf('gamma', 'msg_future');
    expect(Date.parse(stored?.occurredAt ?? '')).toBeLessThanOrEqual(Date.now());
  });

  it.each([
    ['six minutes old', { ageSeconds: 360 }],
    ['six minutes ahead', { ageSeconds: -360 }],
    ['of another body', { body: JSON.stringify({ from: '+431', to: GAMMA, body: 'other' }) }],
    ['of another id', { sentId: 'msg_other' }],
    ['of another key', { key: 'another key' }],
  ])('is refused with a signature %s', async (_what, change) => {
    const message = { from: '+436645555555', to: GAMMA, body: 'Hello' };
    expect((await standard(message, change)).status).toBe(403);
  });

  it('is taken with a clock that is four minutes off', async () => {
    const message = { from: '+436645555555', to: GAMMA, body: 'Hello' };
    expect((await standard(message, { ageSeconds: 240 })).status).toBe(200);
    expect((await standard(message, { ageSeconds: -240 })).status).toBe(200);
  });
});

describe('a number', () => {
  let second: Application;
  let secondUrl: string;
  beforeAll(async () => {
    second = await createApplication({
      config: world.config,
      logger: createLogger('silent'),
      refusalBeatMs: 1,
    });
    secondUrl = (await second.http.listen()).url;
  });
  afterAll(() => second.close());

  it('that moves to another tenant leads there on every process, and is gone when removed', async () => {
    const { tenancy } = world.application;
    const number = '+4312345679';
    const give = (tenant: TenantName, move = false) =>
      addPhoneNumber(
        tenancy,
        { tenantId: world.tenants[tenant].id, number, scheme: 'twilio', secret: TOKEN, move },
        'test',
      );
    const deliver = async (base: string): Promise<string> => {
      const message = sms(number, '+436647777777');
      const { status } = await twilio(message, { base });
      if (status !== 200) return String(status);
      return (await messagesOf('alpha', message.MessageSid)).length === 1 ? 'alpha' : 'elsewhere';
    };
    await give('alpha');
    for (const base of [world.url, secondUrl]) {
      await eventually(
        () => deliver(base),
        (where) => where === 'alpha',
      );
    }
    await expect(give('delta')).rejects.toMatchObject({ code: 'CONFLICT' });
    await give('delta', true);
    for (const base of [world.url, secondUrl]) {
      await eventually(
        () => deliver(base),
        (where) => where === 'elsewhere',
      );
    }
    expect((await messagesOf('delta')).length).toBeGreaterThan(0);
    await removePhoneNumber(tenancy, number, 'test');
    for (const base of [world.url, secondUrl]) {
      await eventually(
        () => deliver(base),
        (where) => where === '403',
      );
    }
  });

  it('of a suspended tenant takes nothing and asks to be tried again', async () => {
    const { registry } = world.application.tenancy;
    const status = async (text: 'active' | 'suspended' | 'closed') =>
      registry.updateTenant(world.tenants.beta.id, { status: text });
    await status('suspended');
    const message = sms(BETA, '+436641111111');
    const reply = await eventually(
      () => twilio({ ...message, MessageSid: `SM${(serial += 1)}` }),
      (seen) => seen.status === 403,
    );
    expect(reply.text).toContain('TENANT_SUSPENDED');
    expect(reply.headers.get('retry-after')).toBe('3600');
    await status('active');
    await eventually(
      () => twilio(message),
      (seen) => seen.status === 200,
    );
    expect(await messagesOf('beta', message.MessageSid)).toHaveLength(1);
  });

  it('and its secret stand sealed in the registry', async () => {
    const rows = await world.sql<{ sealed: string }>(
      world.registry,
      'select secret_sealed as sealed from registry.phone_numbers',
    );
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.every(({ sealed }) => sealed.startsWith('v1.'))).toBe(true);
    const dump = JSON.stringify(
      await world.sql(world.registry, 'select * from registry.audit_log'),
    );
    expect(dump).toContain(ALPHA);
    expect(dump).not.toContain(TOKEN);
    expect(dump).not.toContain(SECRET);
  });
});

it('finds the sender among many contacts by an index', async () => {
  const { alpha } = world.tenants;
  await world.sql(
    alpha.database,
    `insert into cloister.contacts (tenant_id, id, last_name, phone)
     select $1, gen_random_uuid(), 'n' || n, '+4366' || (40000000 + n) from generate_series(1, 5000) n`,
    [alpha.localTenantId],
  );
  await world.sql(alpha.database, 'analyze cloister.contacts');
  const plan = await world.sql<{ 'QUERY PLAN': string }>(
    alpha.database,
    `explain select id from cloister.contacts
     where tenant_id = '${alpha.localTenantId}' and phone = '+436640001234' and deleted_at is null limit 2`,
  );
  expect(plan.map((line) => line['QUERY PLAN']).join('\n')).toContain('contacts_phone_idx');
});
