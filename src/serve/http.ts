// What an orchestrator asks a process: is it well (/healthz), and how is it doing (/metrics, in Prometheus' text format).

import { fastify } from 'fastify';
import type { Registry } from 'prom-client';
import { MillraceError } from '../runtime/errors.ts';

export interface Health {
  /** False: the orchestrator should restart us. A failed pipeline alone is not such a case; `/metrics` and status show it. */
  readonly ok: boolean;
  /** Shown as JSON. */
  readonly details: Readonly<Record<string, unknown>>;
}

export interface HttpOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly registry: Registry;
  readonly health: () => Health;
}

export interface HttpServer {
  readonly url: string;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Listens; rejects with USAGE where the address cannot be had. */
export async function serveHttp(options: HttpOptions): Promise<HttpServer> {
  const server = fastify({ logger: false });
  server.get('/healthz', (_, reply) => {
    const health = options.health();
    return reply.code(health.ok ? 200 : 503).send({ status: health.ok ? 'ok' : 'failing', ...health.details });
  });
  server.get('/metrics', async (_, reply) =>
    reply.type(options.registry.contentType).send(await options.registry.metrics()),
  );
  try {
    const url = await server.listen({ host: options.host, port: options.port });
    return { url, [Symbol.asyncDispose]: () => server.close() };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new MillraceError('USAGE', `cannot serve HTTP on ${options.host}:${options.port}: ${reason}`, {
      hint: 'Give --http another host:port, or leave it out.',
      cause,
    });
  }
}
