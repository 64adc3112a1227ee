import { type ErrorBody, type ErrorCode, SluiceError } from '../../contract/errors.ts'
import { redactText } from '../../lib/redact.ts'

/** The HTTP status of each fault. The record is complete by type, so a new code can't be forgotten here. */
export const STATUS_OF: Readonly<Record<ErrorCode, number>> = {
  bad_request: 400,
  unknown_source: 404,
  unknown_output: 404,
  unknown_channel: 404,
  unknown_epoch: 409,
  version_mismatch: 409,
  stale_generation: 409,
  deadline_exceeded: 504,
  id_in_use: 409,
  unsupported_url: 400,
  option_refused: 400,
  address_in_use: 409,
  ffmpeg_missing: 503,
  ffmpeg_too_old: 503,
  file_missing: 422,
  not_media: 422,
  codec_not_carriable: 422,
  config_invalid: 400,
  unauthorized: 401,
  forbidden: 403,
  too_many_viewers: 503,
  not_reachable: 502,
  internal: 500,
}

export interface ErrorAnswer {
  readonly status: number
  readonly body: ErrorBody
}

/** One error of the validator about one field (the shape that the type provider puts in `error.validation`). */
interface FieldIssue {
  readonly keyword: string
  readonly instancePath: string
  readonly message?: string
  readonly params: Readonly<Record<string, unknown>>
}

const MAX_VALUE_CHARS = 120

/** The answer to any thrown value. `sent` is the checked part of the request, for the wrong value. */
export const errorAnswer = (thrown: unknown, sent: unknown): ErrorAnswer => {
  if (thrown instanceof SluiceError) {
    const { status, body } = faultAnswer(thrown.code, thrown.message)
    return { status, body: thrown.field === undefined ? body : { ...body, field: thrown.field } }
  }
  const fault = thrown as { code?: unknown; statusCode?: unknown; validation?: unknown }
  if (Array.isArray(fault.validation) && fault.validation.length > 0) {
    return fieldAnswer(fault.validation[0] as FieldIssue, sent)
  }
  const known = typeof fault.code === 'string' ? TRANSPORT_FAULTS[fault.code] : undefined
  if (known !== undefined) return { status: known.status, body: badRequest(known.message) }
  if (typeof fault.statusCode === 'number' && fault.statusCode >= 400 && fault.statusCode < 500) {
    const message = thrown instanceof Error ? thrown.message : 'the request was not understood'
    return { status: fault.statusCode, body: badRequest(redactText(message)) }
  }
  // Details of an internal fault are only for the log.
  return faultAnswer('internal', 'an internal fault: details are in the log of Sluice')
}

const TRANSPORT_FAULTS: Readonly<Record<string, { status: number; message: string }>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    status: 415,
    message: 'the body must be sent with the header "Content-Type: application/json"',
  },
  FST_ERR_CTP_BODY_TOO_LARGE: { status: 413, message: 'the body must not exceed 64 KiB' },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
    status: 400,
    message: 'the body is shorter or longer than its Content-Length',
  },
}

const faultAnswer = (error: ErrorCode, message: string): ErrorAnswer => ({
  status: STATUS_OF[error],
  body: { error, message: redactText(message) },
})

const badRequest = (message: string): ErrorBody => ({ error: 'bad_request', message })

const fieldAnswer = (issue: FieldIssue, body: unknown): ErrorAnswer => {
  const path = issue.instancePath.split('/').filter((part) => part !== '')
  const unknownKeys = issue.params['keys']
  if (issue.keyword === 'unrecognized_keys' && Array.isArray(unknownKeys)) {
    path.push(String(unknownKeys[0]))
    return fieldError(path, `unknown field ${JSON.stringify(path.join('.'))}`)
  }
  if (path.length === 0 && (body === null || body === undefined)) {
    return fieldError(path, 'a JSON body is needed')
  }
  if (path.length === 0) return fieldError(path, `the body ${quoteValue(body)}: ${issue.message}`)
  const value = valueAt(body, path)
  const expected = issue.message ?? 'not valid'
  if (value === undefined) return fieldError(path, `${path.join('.')} is missing: ${expected}`)
  const quoted = SECRET_FIELDS.has(path.at(-1)) ? '' : ` ${quoteValue(value)}`
  return fieldError(path, `${path.join('.')}${quoted} is not valid: ${expected}`)
}

const SECRET_FIELDS: ReadonlySet<string | undefined> = new Set(['key', 'password'])

const fieldError = (path: readonly string[], message: string): ErrorAnswer => ({
  status: STATUS_OF.bad_request,
  body: { ...badRequest(redactText(message)), ...(path.length > 0 && { field: path.join('.') }) },
})

const valueAt = (body: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>(
    (inside, key) =>
      typeof inside === 'object' && inside !== null
        ? (inside as Record<string, unknown>)[key]
        : undefined,
    body,
  )

const quoteValue = (value: unknown): string => {
  const text = JSON.stringify(value) ?? 'is missing'
  return text.length > MAX_VALUE_CHARS ? `${text.slice(0, MAX_VALUE_CHARS)}…` : text
}
