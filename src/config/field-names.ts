import { fieldsAt } from './schema-walk.ts'
import { ConfigInput } from './schema.ts'
import type { Path } from './setting.ts'

type Table = Readonly<Record<string, unknown>>

/**
 * Field name of a key. Below `hls` the snake case of earlier packagers is accepted too (`segment_time`,
 * `video_bitrate`), unless the field itself is present: then the schema rejects the key.
 */
export const fieldName = (key: string, table: Table, path: Path): string => {
  if (path[0] !== 'hls' || !key.includes('_')) return key
  const camel = key.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
  const isKnown = fieldsAt(ConfigInput, path).includes(camel)
  return isKnown && !Object.hasOwn(table, camel) ? camel : key
}

export const isTable = (value: unknown): value is Table =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)

/** Copy of the value with keys replaced by field names, for values that are not read key by key. */
export const withFieldNames = (value: unknown, path: Path): unknown => {
  if (Array.isArray(value)) return value.map((inside) => withFieldNames(inside, [...path, 0]))
  if (!isTable(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inside]) => {
      const name = fieldName(key, value, path)
      return [name, withFieldNames(inside, [...path, name])]
    }),
  )
}
