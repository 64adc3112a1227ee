import { open, readFile, rename, rm } from 'node:fs/promises'
import { errorCode } from '../lib/error-code.ts'
import { messageOf } from '../lib/error-message.ts'
import { parseJson } from '../lib/json.ts'

/** Shape of a state that outlives a run, so that another version of Sluice may find it. */
export interface StateForm<State> {
  /** In the file as `version`; a file without one has version 1. */
  readonly version: number
  /** Undefined for any other value. */
  readonly parse: (value: unknown) => State | undefined
}

export type StoredState<State> =
  | { readonly kind: 'valid'; readonly state: State }
  /** `why` follows a file name: "is empty". */
  | { readonly kind: 'invalid'; readonly why: string }

export const parseState = <State>(text: string, form: StateForm<State>): StoredState<State> => {
  if (text.trim() === '') return invalid('is empty')
  const value = parseJson(text)
  if (value === undefined) return invalid('is cut short, or no JSON')
  if (typeof value !== 'object' || value === null) return invalid('holds something else')
  const version = 'version' in value ? value.version : 1
  if (version !== form.version)
    return invalid(`is of version ${JSON.stringify(version)}, not ${form.version}`)
  const state = form.parse(value)
  return state === undefined ? invalid('holds something else') : { kind: 'valid', state }
}

export const stateText = (state: object, { version }: { readonly version: number }): string =>
  JSON.stringify({ version, ...state })

/** Reads the state; undefined when there is no file. Never rejects. */
export const readStateFile = async <State>(
  path: string,
  form: StateForm<State>,
): Promise<StoredState<State> | undefined> => {
  try {
    return parseState(await readFile(path, 'utf8'), form)
  } catch (error) {
    return errorCode(error) === 'ENOENT' ? undefined : invalid(`is unreadable: ${messageOf(error)}`)
  }
}

/** Writes atomically: the file holds the old state or the new one, even after a power loss. Rejects as `node:fs` does. */
export const writeStateFile = async <State extends object>(
  path: string,
  state: State,
  form: StateForm<State>,
): Promise<void> => {
  const part = `${path}.part`
  try {
    const file = await open(part, 'w', 0o644)
    try {
      await file.writeFile(stateText(state, form))
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(part, path)
  } catch (error) {
    await rm(part, { force: true }).catch(() => {})
    throw error
  }
}

const invalid = (why: string): { readonly kind: 'invalid'; readonly why: string } => ({
  kind: 'invalid',
  why,
})
