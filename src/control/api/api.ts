import Fastify from 'fastify'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { z } from 'zod'
import type { ChannelPort } from '../../contract/channel-port.ts'
import type { ErrorBody } from '../../contract/errors.ts'
import type { Clock } from '../../lib/clock.ts'
import { judgeAccess, type AccessPolicy } from './access.ts'
import type { ApiInstance } from './routes/api-instance.ts'
import { errorAnswer, STATUS_OF } from './error-answer.ts'
import { EVENT_STREAM_LIMITS, type EventStreamLimits } from './routes/event-stream.ts'
import type { MediaRoutes } from './media-routes.ts'
import { openApiDocument, type DescribedRoute } from './openapi.ts'
import { channelRoutes, type MetricsPage } from './routes/channel-routes.ts'
import { eventRoutes } from './routes/event-routes.ts'
import { mswRoutes } from './routes/msw-routes.ts'
import { outputRoutes } from './routes/output-routes.ts'
import { pageRoutes, WEB_ROOT } from './routes/page-routes.ts'
import { sourceRoutes } from './routes/source-routes.ts'
import { takeRoutes } from './routes/take-routes.ts'

/** Log of the API: facts, and a short message. */
export interface ApiLog {
  info(facts: object, words: string): void
  error(facts: object, words: string): void
}

export interface ApiOptions {
  readonly port: ChannelPort
  readonly media: MediaRoutes
  readonly access: AccessPolicy
  readonly metrics: MetricsPage
  readonly log: ApiLog
  readonly clock: Clock
  readonly eventLimits?: EventStreamLimits
  readonly webRoot?: string
}

export interface Api {
  /** Exists before it listens; `listen` opens it. */
  readonly server: Server
  readonly fastify: ApiInstance
  /** Ends event streams and connections. Idempotent. */
  close(): Promise<void>
}

const MAX_BODY_BYTES = 64 * 1024

/** Builds everything and opens nothing, so that tests can inject requests. */
export const buildApi = (options: ApiOptions): Api => {
  const fastify: ApiInstance = Fastify({
    bodyLimit: MAX_BODY_BYTES,
    forceCloseConnections: true,
    exposeHeadRoutes: true,
    routerOptions: { maxParamLength: 200, ignoreTrailingSlash: true },
    clientErrorHandler: rejectMalformed,
    frameworkErrors: (error, request, reply) => sendFault(error, request, reply, options.log),
    serverFactory: (toFastify) => createServerWithMedia(options, toFastify),
  }).withTypeProvider<ZodTypeProvider>()

  fastify.setValidatorCompiler(validatorCompiler)
  // Answers are typed by their schemas: an unexpected figure must not turn a status into a fault.
  fastify.setSerializerCompiler(() => JSON.stringify)
  acceptOnlyJson(fastify)
  addAccessHook(fastify, options)
  fastify.setErrorHandler((error, request, reply) => sendFault(error, request, reply, options.log))
  fastify.setNotFoundHandler((request, reply) => {
    const message = `there is no ${request.method} ${pathOf(request.url)}`
    void reply.code(404).send({ error: 'bad_request', message } satisfies ErrorBody)
  })
  const described = describeRoutes(fastify)

  takeRoutes(fastify, options.port)
  mswRoutes(fastify, options.port)
  sourceRoutes(fastify, options.port)
  outputRoutes(fastify, options.port)
  channelRoutes(fastify, options.port, options.metrics)
  eventRoutes(fastify, {
    port: options.port,
    clock: options.clock,
    limits: options.eventLimits ?? EVENT_STREAM_LIMITS,
  })
  pageRoutes(fastify, options.webRoot ?? WEB_ROOT)
  fastify.get('/openapi.json', async () =>
    openApiDocument(described, (await options.port.status()).version),
  )

  return { server: fastify.server, fastify, close: () => fastify.close() }
}

/** Media first, on the same address, as plain node:http: Fastify would buffer and wrap the streams. */
const createServerWithMedia = (
  options: ApiOptions,
  toFastify: (request: IncomingMessage, response: ServerResponse) => void,
): Server =>
  createServer(
    { headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 20_000 },
    (request, response) => {
      const refusal = judgeAccess(request, options.access)
      if (refusal !== undefined) {
        sendError(response, STATUS_OF[refusal.code], {
          error: refusal.code,
          message: refusal.message,
        })
        return
      }
      try {
        if (options.media.handle(request, response)) return
      } catch (error) {
        options.log.error({ err: error, path: pathOf(request.url ?? '') }, 'media route failed')
        const { status, body } = errorAnswer(error, undefined)
        if (response.headersSent) response.destroy()
        else sendError(response, status, body)
        return
      }
      toFastify(request, response)
    },
  )

const sendError = (response: ServerResponse, status: number, body: ErrorBody): void => {
  // The body of a refused request is not read: the connection can't be reused.
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'x-content-type-options': 'nosniff',
    connection: 'close',
  })
  response.end(JSON.stringify(body))
}

/** Answers data that is not HTTP. */
const rejectMalformed = (error: Error & { code?: string }, socket: Socket): void => {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  const body: ErrorBody = { error: 'bad_request', message: 'this is not a valid HTTP request' }
  const text = JSON.stringify(body)
  const head = `HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\nConnection: close\r\n\r\n`
  if (socket.writable) socket.write(head + text)
  socket.destroy(error)
}

/** Only JSON: any site's page could send a form or plain text without a preflight. */
const acceptOnlyJson = (fastify: ApiInstance): void => {
  fastify.removeAllContentTypeParsers()
  const parse = fastify.getDefaultJsonParser('error', 'error')
  fastify.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    const text = String(body)
    if (text.trim() === '') done(null, undefined)
    else void parse(request, text, done)
  })
}

/** Access check for injected requests, which bypass the server, and headers of every answer. */
const addAccessHook = (fastify: ApiInstance, options: ApiOptions): void => {
  fastify.addHook('onRequest', async (request, reply) => {
    void reply.headers({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' })
    const refusal = judgeAccess(request.raw, options.access)
    if (refusal === undefined) return undefined
    const body: ErrorBody = { error: refusal.code, message: refusal.message }
    return reply.code(STATUS_OF[refusal.code]).send(body)
  })
  fastify.addHook('onResponse', async (request, reply) => {
    if (request.method === 'GET' || request.method === 'HEAD') return
    const facts = { method: request.method, path: pathOf(request.url), status: reply.statusCode }
    options.log.info({ ...facts, from: request.ip }, 'request')
  })
}

const sendFault = (
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  log: ApiLog,
): void => {
  const { status, body } = errorAnswer(error, validatedPart(error, request))
  if (status >= 500) log.error({ err: error, path: pathOf(request.url), status }, 'request failed')
  void reply.code(status).send(body)
}

/** The checked part of the request. */
const validatedPart = (error: unknown, request: FastifyRequest): unknown => {
  const part = (error as { validationContext?: string }).validationContext
  if (part === 'querystring') return request.query
  return part === 'params' ? request.params : request.body
}

/** Logs and answers omit the query: it may hold a secret. */
const pathOf = (url: string): string => url.split('?', 1)[0] ?? url

interface DescribedSchema {
  readonly summary?: string
  readonly body?: z.ZodType
  readonly response?: DescribedRoute['answers']
}

const describeRoutes = (fastify: ApiInstance): readonly DescribedRoute[] => {
  const routes: DescribedRoute[] = []
  fastify.addHook('onRoute', (route) => {
    const schema = route.schema as DescribedSchema | undefined
    if (schema?.summary === undefined || route.method === 'HEAD') return
    routes.push({
      method: String(route.method),
      url: route.url,
      summary: schema.summary,
      ...(schema.body !== undefined && { body: schema.body }),
      answers: schema.response ?? {},
    })
  })
  return routes
}
