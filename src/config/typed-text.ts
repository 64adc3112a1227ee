import { z } from 'zod'
import { schemaAt } from './schema-walk.ts'
import { ConfigInput } from './schema.ts'
import type { Path } from './setting.ts'

const TRUE_WORDS = ['true', '1', 'yes', 'on']
const FALSE_WORDS = ['false', '0', 'no', 'off']

export const readBoolean = (text: string): boolean | undefined => {
  const word = text.toLowerCase()
  return TRUE_WORDS.includes(word) ? true : FALSE_WORDS.includes(word) ? false : undefined
}

/** Text as the type of the field at the path. Text that does not parse stays text, and the schema reports it. */
export const typedText = (given: string, path: Path): unknown => {
  const schema = schemaAt(ConfigInput, path)
  if (schema instanceof z.ZodNumber && /^\s*[+-]?\d+(\.\d+)?\s*$/.test(given)) return Number(given)
  if (schema instanceof z.ZodBoolean) return readBoolean(given) ?? given
  return given
}
