import type { z } from 'zod'
import { redactText, redactUrl } from '../lib/redact.ts'
import { choicesOf, describeSchema, fieldsAt, schemaAt } from './schema-walk.ts'
import { type FoundOrigin, valueAt } from './merge.ts'
import { type Path, type Problem, formatSubpath } from './setting.ts'
import { didYouMean, nearest } from './suggest.ts'

type Issue = z.core.$ZodIssue

/** Refused input: the schema, the tree that it refused, and the origin of each value. */
export interface RefusedInput {
  readonly schema: z.core.$ZodType
  readonly tree: unknown
  readonly originOf: (path: Path) => FoundOrigin
}

/** One or more sentences for an issue of the schema. */
export const explain = (issue: Issue, refused: RefusedInput): Problem[] => {
  const path = issue.path as Path
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => unknownFieldMessage(path, key, refused))
  }
  if (issue.code === 'invalid_union') {
    const within = deepestIssues(issue)
    if (within.length > 0) {
      return within.flatMap((one) => explain({ ...one, path: [...path, ...one.path] }, refused))
    }
  }
  const origin = refused.originOf(path)
  const isMissing = valueAt(refused.tree, path) === undefined
  // The sentence names the missing field; its place is the table that should hold it.
  const rest = isMissing ? origin.rest.slice(0, -1) : origin.rest
  return [`${origin.where}${formatSubpath(rest)}: ${wrongValueMessage(issue, origin, refused)}`]
}

/** Issues of the union's branch that was probably meant: one that matched the type of the value itself. */
const deepestIssues = (issue: Issue & { code: 'invalid_union' }): Issue[] =>
  issue.errors.find((branch) =>
    branch.every((one) => one.path.length > 0 || one.code === 'unrecognized_keys'),
  ) ?? []

const unknownFieldMessage = (path: Path, key: string, refused: RefusedInput): Problem => {
  const { where: at, rest } = refused.originOf([...path, key])
  const where = `${at}${formatSubpath(rest)}`
  const known = fieldsAt(refused.schema, path)
  const near = nearest(key, known)
  if (near !== undefined) return `${where}: unknown field; did you mean "${near}"?`
  const above = path.length > 0 ? nearest(key, fieldsAt(refused.schema, [])) : undefined
  // In TOML a line below a [table] header belongs to that table, which is the usual way to get here.
  if (above !== undefined) {
    return `${where}: unknown field; "${above}" belongs at the top of the file, before the first [table]`
  }
  return `${where}: unknown field; expected one of ${known.join(', ')}`
}

const wrongValueMessage = (issue: Issue, origin: FoundOrigin, refused: RefusedInput): string => {
  const path = issue.path as Path
  const value = valueAt(refused.tree, path)
  const field = String(path.at(-1) ?? '')
  const schema = schemaAt(refused.schema, path)
  const expected = schema === undefined ? '' : describeSchema(schema, field)
  if (value === undefined) return `"${field}" is missing; expected ${expected}`
  if (origin.secret) return `the value is not ${customMessage(issue) ?? expected}`
  const shown = quoteValue(value, origin)
  const ofList = 'origin' in issue && issue.origin === 'array'
  if (issue.code === 'too_small' && ofList) return `${shown} must hold at least ${issue.minimum}`
  if (issue.code === 'too_big' && ofList) return `${shown} must hold at most ${issue.maximum}`
  if (issue.code === 'custom') return `${shown}: ${issue.message}`
  const choices = schema === undefined ? [] : choicesOf(schema)
  if (choices.length > 1) {
    return `${shown} is unknown; expected one of ${choices.join(', ')}${didYouMean(String(value), choices)}`
  }
  return `${shown} is not ${customMessage(issue) ?? expected}`
}

/** Message of the schema's pattern; without one, the pattern itself, which is more precise than "text". */
const customMessage = (issue: Issue): string | undefined => {
  if (issue.code !== 'invalid_format') return undefined
  if (!issue.message.startsWith('Invalid ')) return issue.message
  return issue.pattern === undefined ? undefined : `text that matches ${issue.pattern}`
}

const MAX_SHOWN_CHARS = 200

const quoteValue = (value: unknown, origin: FoundOrigin): string => {
  const text = origin.rest.length > 0 ? value : (origin.given ?? value)
  // A whole address first: within a text it would end at the first space or quote.
  const clean = redactText(
    typeof text === 'string' ? redactUrl(text) : (JSON.stringify(text) ?? String(text)),
  )
  const short = clean.length > MAX_SHOWN_CHARS ? `${clean.slice(0, MAX_SHOWN_CHARS)}…` : clean
  return typeof text === 'string' ? JSON.stringify(short) : short
}
