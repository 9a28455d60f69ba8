import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SILENT } from '../lib/log';
import { createMailer } from './mailer';
import { invitationMail } from './messages';

const from = 'cloister <no-reply@example.test>';
const mail = invitationMail(
  { name: 'Nina', address: 'nina@example.test' },
  { organisation: 'Acme', link: 'https://app.example.test/accept-invitation#token=x', days: 7 },
);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cloister-mail-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('without an SMTP server', () => {
  it('writes each mail to a file of its own that nobody else may read, and logs which', async () => {
    const logged: unknown[] = [];
    const log = { ...SILENT, info: (details: object) => void logged.push(details) };
    const mailer = createMailer({ smtpUrl: undefined, from, folder: join(folder, 'new') }, log);
    await Promise.all([mailer.deliver(mail), mailer.deliver(mail)]);
    const files = await readdir(join(folder, 'new'));
    expect(files).toHaveLength(2);
    const file = join(folder, 'new', files[0] ?? '');
    expect(logged).toContainEqual({ file });
    expect((await stat(file)).mode & 0o077).toBe(0);
    const content = await readFile(file, 'utf8');
    expect(content).toContain('To: Nina <nina@example.test>');
    expect(content).toContain('Subject: Invitation to Acme');
    expect(JSON.stringify(logged)).not.toContain('token');
  });

  it('refuses what would be several addresses, or a header', async () => {
    const mailer = createMailer({ smtpUrl: undefined, from, folder }, SILENT);
    for (const address of [
      'a@x.test, b@x.test',
      'a@x.test\r\nBcc: b@x.test',
      'a',
      '',
      '<a@x.test>',
    ])
      await expect(mailer.deliver({ ...mail, to: { name: 'x', address } })).rejects.toThrow(
        /one plain e-mail address/,
      );
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('with an SMTP server', () => {
  it('hands the mail to it', async () => {
    const { server, received, url } = await startSmtp();
    const mailer = createMailer({ smtpUrl: url, from, folder }, SILENT);
    try {
      await mailer.deliver(mail);
      expect(received.join('')).toContain('RCPT TO:<nina@example.test>');
      expect(received.join('')).toContain('Subject: Invitation to Acme');
      expect(await readdir(folder)).toEqual([]);
    } finally {
      mailer.close();
      server.close();
    }
  });

  it('says so when it cannot be reached, so that it is tried again', async () => {
    const { server, url } = await startSmtp();
    await new Promise((resolve) => server.close(resolve));
    const mailer = createMailer({ smtpUrl: url, from, folder }, SILENT);
    await expect(mailer.deliver(mail)).rejects.toMatchObject({ code: 'ESOCKET' });
    mailer.close();
  });
});

/** Speaks as much SMTP as it takes to receive a mail. */
async function startSmtp(): Promise<{ server: Server; received: string[]; url: string }> {
  const received: string[] = [];
  const server = createServer((socket: Socket) => {
    socket.write('220 ready\r\n');
    let inMail = false;
    socket.on('data', (chunk) => {
      const text = chunk.toString();
      received.push(text);
      if (inMail) {
        if (!text.endsWith('\r\n.\r\n')) return;
        inMail = false;
        socket.write('250 taken\r\n');
      } else if (text.startsWith('DATA')) {
        inMail = true;
        socket.write('354 go on\r\n');
      } else if (text.startsWith('QUIT')) {
        socket.end('221 bye\r\n');
      } else {
        socket.write('250 fine\r\n');
      }
    });
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  return { server, received, url: `smtp://127.0.0.1:${port}?ignoreTLS=true` };
}
