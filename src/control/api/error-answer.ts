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

/** One complaint of the validator about one field (the shape that the type provider puts in `error.validation`). */
interface FieldComplaint {
  readonly keyword: string
  readonly instancePath: string
  readonly message?: string
  readonly params: Readonly<Record<string, unknown>>
}

const LONGEST_VALUE = 120

/** What any thrown thing becomes on the wire. `sent` is the part of the request that was checked, to name the offending value. */
export const errorAnswer = (thrown: unknown, sent: unknown): ErrorAnswer => {
  if (thrown instanceof SluiceError) {
    const { status, body } = answer(thrown.code, thrown.message)
    return { status, body: thrown.field === undefined ? body : { ...body, field: thrown.field } }
  }
  const fault = thrown as { code?: unknown; statusCode?: unknown; validation?: unknown }
  if (Array.isArray(fault.validation) && fault.validation.length > 0) {
    return fieldAnswer(fault.validation[0] as FieldComplaint, sent)
  }
  const known = typeof fault.code === 'string' ? TRANSPORT_FAULTS[fault.code] : undefined
  if (known !== undefined) return { status: known.status, body: bad(known.message) }
  if (typeof fault.statusCode === 'number' && fault.statusCode >= 400 && fault.statusCode < 500) {
    const message = thrown instanceof Error ? thrown.message : 'the request was not understood'
    return { status: fault.statusCode, body: bad(redactText(message)) }
  }
  // What went wrong inside is for the log; the client learns only that it did.
  return answer('internal', 'an internal fault: details are in the log of Sluice')
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

const answer = (error: ErrorCode, message: string): ErrorAnswer => ({
  status: STATUS_OF[error],
  body: { error, message: redactText(message) },
})

const bad = (message: string): ErrorBody => ({ error: 'bad_request', message })

const fieldAnswer = (complaint: FieldComplaint, body: unknown): ErrorAnswer => {
  const path = complaint.instancePath.split('/').filter((part) => part !== '')
  const unknownKeys = complaint.params['keys']
  if (complaint.keyword === 'unrecognized_keys' && Array.isArray(unknownKeys)) {
    path.push(String(unknownKeys[0]))
    return wrongField(path, `unknown field ${JSON.stringify(path.join('.'))}`)
  }
  if (path.length === 0 && (body === null || body === undefined)) {
    return wrongField(path, 'a JSON body is needed')
  }
  if (path.length === 0) return wrongField(path, `the body ${shown(body)}: ${complaint.message}`)
  const value = valueAt(body, path)
  const expected = complaint.message ?? 'not valid'
  if (value === undefined) return wrongField(path, `${path.join('.')} is missing: ${expected}`)
  const said = SECRET_FIELDS.has(path.at(-1)) ? '' : ` ${shown(value)}`
  return wrongField(path, `${path.join('.')}${said} is not valid: ${expected}`)
}

const SECRET_FIELDS: ReadonlySet<string | undefined> = new Set(['key', 'password'])

const wrongField = (path: readonly string[], message: string): ErrorAnswer => ({
  status: STATUS_OF.bad_request,
  body: { ...bad(redactText(message)), ...(path.length > 0 && { field: path.join('.') }) },
})

const valueAt = (body: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>(
    (inside, key) =>
      typeof inside === 'object' && inside !== null
        ? (inside as Record<string, unknown>)[key]
        : undefined,
    body,
  )

const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? 'is missing'
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text
}
