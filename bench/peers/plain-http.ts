/** What node:http leaves to whoever uses it. */
import type { IncomingMessage, ServerResponse } from 'node:http';

export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

export function sendJson(response: ServerResponse, json: string): void {
  const content = Buffer.from(json);
  response.writeHead(200, {
    'content-type': 'application/json',
    'content-length': content.length,
  });
  response.end(content);
}
