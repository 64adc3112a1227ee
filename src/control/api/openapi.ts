import { z } from 'zod'
import { ErrorBody } from '../../contract/errors.ts'

/** Description of one route, collected while routes are registered. */
export interface DescribedRoute {
  readonly method: string
  readonly url: string
  readonly summary: string
  readonly body?: z.ZodType
  /** By status. */
  readonly answers: Readonly<Record<string, z.ZodType>>
}

/** OpenAPI 3.1 for the routes: addresses, path parameters, bodies and answers. */
export const openApiDocument = (routes: readonly DescribedRoute[], version: string) => {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const route of routes) {
    const path = route.url.replaceAll(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Sluice', version },
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: { Error: schemaOf(ErrorBody, 'output') },
    },
  }
}

const operationOf = (route: DescribedRoute) => {
  const names = [...route.url.matchAll(/:(\w+)/g)].map((match) => match[1])
  return {
    summary: route.summary,
    ...(names.length > 0 && {
      parameters: names.map((name) => ({
        name,
        in: 'path',
        required: true,
        schema: { type: 'string' },
      })),
    }),
    ...(route.body !== undefined && {
      requestBody: { content: { 'application/json': { schema: schemaOf(route.body, 'input') } } },
    }),
    ...(route.method !== 'GET' && { security: [{ token: [] }, {}] }),
    responses: {
      ...answersOf(route.answers),
      default: {
        description: 'Refused or failed',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
      },
    },
  }
}

const answersOf = (answers: DescribedRoute['answers']) => {
  const entries = Object.entries(answers)
  if (entries.length === 0) return { '2XX': { description: 'Done' } }
  return Object.fromEntries(entries.map(([status, schema]) => [status, answerOf(status, schema)]))
}

const answerOf = (status: string, schema: z.ZodType) => ({
  description: status.startsWith('2') ? 'Done' : 'Refused',
  ...(status !== '204' && {
    content: { 'application/json': { schema: schemaOf(schema, 'output') } },
  }),
})

const schemaOf = (described: z.ZodType, io: 'input' | 'output') => {
  const { $schema: _dialect, ...schema } = z.toJSONSchema(described, { io, unrepresentable: 'any' })
  return schema
}
