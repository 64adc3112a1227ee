import { z } from 'zod'

/** What is told about one route; gathered while routes are registered. */
export interface DescribedRoute {
  readonly method: string
  readonly url: string
  readonly summary: string
  readonly body?: z.ZodType
}

/** OpenAPI 3.1 for the routes: addresses, path parameters and bodies. Answers are described in docs/api.md. */
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
      schemas: { Error: ERROR_SCHEMA },
    },
  }
}

const ERROR_SCHEMA = {
  type: 'object',
  required: ['error', 'message'],
  properties: {
    error: { type: 'string' },
    message: { type: 'string' },
    field: { type: 'string' },
  },
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
      requestBody: { content: { 'application/json': { schema: schemaOf(route.body) } } },
    }),
    ...(route.method !== 'GET' && { security: [{ token: [] }, {}] }),
    responses: {
      '2XX': { description: 'Done' },
      default: {
        description: 'Refused or failed',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
      },
    },
  }
}

const schemaOf = (body: z.ZodType) => {
  const { $schema: _dialect, ...schema } = z.toJSONSchema(body, {
    io: 'input',
    unrepresentable: 'any',
  })
  return schema
}
