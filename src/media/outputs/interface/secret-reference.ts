import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { SluiceError } from '../../../contract/errors.ts'

/** Places of secrets that settings refer to. */
export interface SecretPlaces {
  readonly env: Readonly<Record<string, string | undefined>>
}

export type SecretReference =
  | { readonly kind: 'env'; readonly name: string }
  | { readonly kind: 'file'; readonly path: string }

const REFERENCE = /^\{(env|file):([^{}]*)\}$/
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/
/** A file with a secret holds nothing else: a larger one was named by mistake. */
const MAX_SECRET_CHARS = 4_096

/**
 * `{env:NAME}` or `{file:/path}`; undefined for text that is the secret itself. `field` names the setting in messages
 * ("output yt, push.key"), which never contain the text.
 * Throws SluiceError `option_refused` for a reference without a name.
 */
export const secretReference = (text: string, field: string): SecretReference | undefined => {
  const match = REFERENCE.exec(text)
  if (match === null) return undefined
  const [, kind, rest = ''] = match
  if (kind === 'file') {
    if (rest !== '' && !rest.includes('\0')) return { kind: 'file', path: rest }
    throw new SluiceError('option_refused', `${field}: {file:} names no file`)
  }
  if (NAME.test(rest)) return { kind: 'env', name: rest }
  throw new SluiceError(
    'option_refused',
    `${field}: {env:${rest}} must name an environment variable (letters, digits and "_")`,
  )
}

/** Refuses a variable that is not set. Files may be written later. */
export const checkReference = (
  text: string | undefined,
  field: string,
  env: SecretPlaces['env'],
): void => {
  const reference = text === undefined ? undefined : secretReference(text, field)
  if (reference?.kind === 'env') secretInEnvironment(reference.name, field, env)
}

/**
 * The secret: the text itself, or what it refers to, without the line end that editors leave.
 * Throws SluiceError `option_refused` that names the field and the place, never the secret.
 */
export const resolveSecret = async (
  text: string,
  field: string,
  places: SecretPlaces,
): Promise<string> => {
  const reference = secretReference(text, field)
  if (reference === undefined) return text
  if (reference.kind === 'env') return secretInEnvironment(reference.name, field, places.env)
  return secretInFile(reference.path, field)
}

const secretInEnvironment = (name: string, field: string, env: SecretPlaces['env']): string => {
  const value = env[name]?.trim() ?? ''
  if (value !== '') return value
  throw new SluiceError('option_refused', `${field}: the environment variable ${name} is not set`)
}

/** Never waits, and reads a bounded part: pipes and devices are refused. */
const readStart = async (path: string): Promise<string> => {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    if (!(await file.stat()).isFile()) throw new Error('it is not a file')
    const start = new Uint8Array(MAX_SECRET_CHARS + 1)
    const { bytesRead } = await file.read(start, 0, start.length, 0)
    return new TextDecoder().decode(start.subarray(0, bytesRead))
  } finally {
    await file.close()
  }
}

const secretInFile = async (path: string, field: string): Promise<string> => {
  let text: string
  try {
    text = await readStart(path)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new SluiceError('option_refused', `${field}: ${path} cannot be read: ${why}`, { cause })
  }
  const value = text.trim()
  if (value !== '' && value.length <= MAX_SECRET_CHARS) return value
  const what = value === '' ? 'is empty' : `holds more than ${MAX_SECRET_CHARS} characters`
  throw new SluiceError(
    'option_refused',
    `${field}: ${path} ${what}: it must hold the secret alone`,
  )
}
