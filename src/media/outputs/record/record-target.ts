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
  throw new SluiceError(
    'option_refused',
    `output ${id}, url ${JSON.stringify(url)}, ${parsed.error.issues.map(sentenceOf).join('; ')}`,
  )
}

type Issue = NonNullable<ReturnType<typeof RecordSpec.safeParse>['error']>['issues'][number]

const sentenceOf = (issue: Issue): string => {
  if (issue.code === 'unrecognized_keys') {
    const known = Object.keys(RecordSpec.shape).join(', ')
    return `unknown setting ${issue.keys.map((key) => `"${key}"`).join(', ')}: known are ${known}`
  }
  const field = `record.${issue.path.join('.')}`
  if (issue.code === 'invalid_value') return `${field} must be one of ${issue.values.join(', ')}`
  return `${field}: ${issue.message}`
}
