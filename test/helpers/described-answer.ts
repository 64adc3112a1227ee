import { z } from 'zod'

type Schema = Parameters<typeof z.fromJSONSchema>[0]
interface Operation {
  readonly responses: Readonly<
    Record<
      string,
      { readonly content?: { readonly 'application/json': { readonly schema: Schema } } }
    >
  >
}
export interface OpenApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: { readonly Error: Schema } }
}

export interface GivenAnswer {
  readonly method: string
  readonly url: string
  readonly status: number
  readonly body: unknown
}

/** Throws where an answer is not what the OpenAPI document says of it. Routes that it does not name are let pass. */
export const checkDescribed = (document: OpenApiDocument, given: GivenAnswer): void => {
  const path = given.url.split('?', 1)[0]!
  const template = Object.keys(document.paths).find((each) =>
    new RegExp(`^${each.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path),
  )
  const operation = document.paths[template ?? '']?.[given.method.toLowerCase()]
  if (operation === undefined) return
  const described = operation.responses[given.status]
  const isFault = described === undefined && given.status >= 400
  const schema = isFault
    ? document.components.schemas.Error
    : described?.content?.['application/json'].schema
  if (schema !== undefined) z.fromJSONSchema(schema).parse(given.body)
  else if (described === undefined && operation.responses['2XX'] === undefined) {
    throw new Error(`${given.method} ${template} answers ${given.status}, which is not described`)
  }
}
