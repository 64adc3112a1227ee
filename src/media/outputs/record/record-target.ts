import { resolve } from 'node:path'
import { SluiceError } from '../../../contract/errors.ts'
import { RecordSpec, type OutputSpec } from '../../../contract/output-spec.ts'

export interface RecordTarget {
  /** Absolute. */
  readonly folder: string
  readonly spec: RecordSpec
}

const NUMBER = /^\d+$/

/**
 * `record:dir`, `record:/abs/dir`; the settings of the output's `record` section may follow as a query:
 * `record:dir?format=mp4&split=take`. The query wins. Throws SluiceError.
 */
export const parseRecordTarget = ({ id, url, record }: OutputSpec): RecordTarget => {
  const text = url.slice('record:'.length)
  const at = text.indexOf('?')
  const path = (at < 0 ? text : text.slice(0, at)).replace(/^\/\/(?=\/)/, '')
  if (path === '' || path.startsWith('//') || path.includes('\0')) {
    throw new SluiceError(
      'unsupported_url',
      `output ${id}, url ${JSON.stringify(url)} must be record:folder or record:/absolute/folder`,
    )
  }
  const query = at < 0 ? {} : Object.fromEntries(new URLSearchParams(text.slice(at + 1)))
  const given = Object.entries(query).map(([name, value]) => [
    name,
    NUMBER.test(value) ? Number(value) : value,
  ])
  const parsed = RecordSpec.safeParse({ ...record, ...Object.fromEntries(given) })
  if (parsed.success) return { folder: resolve(path), spec: parsed.data }
  const issue = parsed.error.issues[0]
  const field = issue?.path.join('.') ?? ''
  throw new SluiceError(
    'option_refused',
    `output ${id}, url ${JSON.stringify(url)}, record${field === '' ? '' : `.${field}`}: ` +
      (issue?.message ?? 'invalid'),
  )
}
